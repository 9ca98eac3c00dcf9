"""The reader of the yeast assay, with published files and with malformed files."""

import gzip

import numpy as np
import pytest

from dreamkeras.data.assays.yeast import YEAST_ASSAY, read, to_examples
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

LEFT, RIGHT = YEAST.left_adapter, YEAST.right_adapter
INSERTS = ["ACGTTGCA" * 10, "TTGACCGA" * 10, "GGCATNCA" * 9]
ROWS = [f"{LEFT}{insert}{RIGHT}\t{value}" for insert, value in zip(INSERTS, ("11", "10.25", "0"), strict=True)]


def written(folder, lines, name="train.tsv"):
    path = folder / name
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(path)


def check_rows(examples):
    assert examples.ids == ["1", "2", "3"]
    assert examples.targets.tolist() == [[11.0], [10.25], [0.0]]
    assert examples.letters.shape == (3, 150)
    for window, insert in zip(examples.letters, INSERTS, strict=True):
        assert window.tobytes().decode().endswith(insert + RIGHT)


@pytest.mark.parametrize("name", ["id", "#id", "Name", "seq_id"])
def test_ids_are_read_below_a_header(tmp_path, name):
    rows = [f"{first}\t{row}" for first, row in zip(("a", "b", ""), ROWS, strict=True)]
    assert read(written(tmp_path, [f"{name}\tsequence\tvalue", *rows])).ids == ["a", "b", "3"]


def test_rows_become_windows_values_and_flags(tmp_path):
    examples = read(written(tmp_path, ROWS))
    check_rows(examples)
    assert examples.flags.tolist() == [[0, 1], [0, 0], [0, 1]]  # is_reverse, is_singleton
    assert examples.lengths.tolist() == [110, 110, 102]
    assert examples.folds is None
    assert examples.construct is YEAST
    assert [field.dtype for field in (examples.letters, examples.targets, examples.flags, examples.lengths)] == [
        np.uint8, np.float32, np.float32, np.int32,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["train.tsv", "train.tsv.gz", "train.txt"])
@pytest.mark.parametrize("header", [[], ["sequence\texpression"], ["seq\tmean_value"]])
def test_headers_and_gzip_are_detected(tmp_path, name, header):
    check_rows(read(written(tmp_path, header + ROWS, name)))


def test_commas_carriage_returns_and_lower_case_are_accepted(tmp_path):
    examples = read(written(tmp_path, [row.replace("\t", ",").lower() + "\r" for row in ROWS], "train.csv"))
    assert examples.targets.tolist() == [[11.0], [10.25], [0.0]]
    assert examples.letters[0].tobytes().decode().upper().endswith(INSERTS[0] + RIGHT)


def test_bare_inserts_give_the_same_windows(tmp_path):
    bare = read(written(tmp_path, [f"{insert}\t5" for insert in INSERTS], "bare.tsv"))
    assert np.array_equal(bare.letters, read(written(tmp_path, ROWS)).letters)
    assert bare.lengths.tolist() == [80, 80, 72]


@pytest.mark.parametrize("header", [[], ["sequence\texpression\tfold"]])
def test_a_third_column_holds_folds(tmp_path, header):
    examples = read(written(tmp_path, header + [f"{row}\t{fold}" for row, fold in zip(ROWS, (3, 0, 9), strict=True)]))
    check_rows(examples)
    assert examples.folds.tolist() == [3, 0, 9]
    assert examples.folds.dtype == np.int32


def test_other_columns_are_ignored(tmp_path):
    examples = read(written(tmp_path, ["sequence\texpression\tcells\tFold"] + [f"{row}\tmany\t2" for row in ROWS]))
    assert examples.folds.tolist() == [2, 2, 2]
    assert read(written(tmp_path, ["sequence\texpression\tcells"] + [f"{row}\tmany" for row in ROWS])).folds is None


def test_ids_and_folds_continue_across_batches(tmp_path):
    count = 20_000
    examples = read(written(tmp_path, [f"{LEFT}{'ACGT' * 5}{RIGHT}\t{row % 18}\t{row % 10}" for row in range(count)]))
    assert examples.ids == [str(row) for row in range(1, count + 1)]
    assert np.array_equal(examples.targets[:, 0], np.arange(count) % 18)
    assert np.array_equal(examples.folds, np.arange(count) % 10)


@pytest.mark.parametrize("value", ["high", "", "nan", "inf", "-inf", "-0.5", "17.01", "1,5", "0x1"])
def test_invalid_values_are_reported_with_record_file_and_line(tmp_path, value):
    path = written(tmp_path, ["sequence\texpression", ROWS[0], ROWS[1], f"{LEFT}{INSERTS[0]}{RIGHT}\t{value}"])
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert "record '3'" in message
    assert path in message
    assert "line 4" in message
    assert "Expected a " in message
    assert (repr(value) in message) or (value.lstrip("-") in message)
    assert "\n" not in message


def test_invalid_values_in_later_batches_are_reported_with_their_row(tmp_path):
    rows = [ROWS[0]] * 20_000
    rows[15_000] = f"{LEFT}{INSERTS[0]}{RIGHT}\tnone"
    with pytest.raises(InputError, match=r"got 'none' in column 1 of record '15001' \(.*, line 15001\)"):
        read(written(tmp_path, rows))


@pytest.mark.parametrize("fold", ["a", "1.5", "nan", "inf", "1e30"])
def test_invalid_folds_are_reported_with_record_and_line(tmp_path, fold):
    with pytest.raises(
        InputError,
        match=rf"Expected a (fold \(a whole number\)|number between .*), got '{fold}' in column 2 of record '2' \(.*line 2\)",
    ):
        read(written(tmp_path, [f"{ROWS[0]}\t1", f"{ROWS[1]}\t{fold}"]))


@pytest.mark.parametrize(("sequence", "reason"), [
    (f"{LEFT}{'ACGT' * 40}{RIGHT}", "got 160"),
    (f"{LEFT}ACG!{RIGHT}", "got '!'"),
    (LEFT + INSERTS[0], "got only one"),
    ("", "got 0"),
])  # fmt: skip
def test_unfit_sequences_are_reported_with_record_and_line(tmp_path, sequence, reason):
    with pytest.raises(InputError, match=rf"{reason}.* in record '2' \(.*line 2\)"):
        read(written(tmp_path, [ROWS[0], f"{sequence}\t5"]))


@pytest.mark.parametrize(("lines", "message"), [
    ([INSERTS[0]], r"Expected two columns \(sequence and value\), got 1"),
    (["sequence\texpression"], "at least one row below the header"),
    ([ROWS[0], INSERTS[0]], "Expected 2 columns, got 1"),
    (["", ""], "."),
])  # fmt: skip
def test_files_without_required_columns_or_rows_are_rejected(tmp_path, lines, message):
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, lines))


def test_empty_missing_and_truncated_files_are_rejected(tmp_path):
    (tmp_path / "empty.tsv").touch()
    packed = gzip.compress("\n".join(ROWS * 2000).encode())
    (tmp_path / "cut.tsv.gz").write_bytes(packed[: len(packed) // 2])
    for name in ("empty.tsv", "cut.tsv.gz", "nowhere.tsv"):
        with pytest.raises(InputError, match=name):
            read(str(tmp_path / name))


def test_the_published_training_set_reads_as_pandas_reads_it(data_folder):
    import pandas as pd

    path = data_folder / "data/yeast_gpra/train.tsv"
    table = pd.read_csv(path, sep="\t", header=None, names=["sequence", "value"])
    examples = read(str(path))
    assert len(examples) == len(table) == 6370
    np.testing.assert_array_equal(examples.targets[:, 0], table["value"].to_numpy(np.float32))
    np.testing.assert_array_equal(examples.flags[:, 1], table["value"] == table["value"].round())
    assert examples.flags[:, 1].mean() == pytest.approx(0.58, abs=0.005)
    np.testing.assert_array_equal(examples.lengths, table["sequence"].str.len())
    tails = [window.tobytes().decode()[-length:] for window, length in zip(examples.letters, examples.lengths, strict=True)]
    assert tails == table["sequence"].tolist()


def test_the_assay_uses_the_yeast_construct():
    assert YEAST_ASSAY.name == "yeast"
    assert YEAST_ASSAY.read is read
    assert YEAST_ASSAY.construct is YEAST


def test_columns_may_be_in_any_order_below_a_header(tmp_path):
    rows = [f"{number}\t{row.split()[1]}\t{number % 2}\t{row.split()[0]}" for number, row in enumerate(ROWS)]
    check_rows(read(written(tmp_path, ["n_cells\tExpression\tfold\tseq", *rows])))


def test_a_header_without_a_value_column_is_rejected(tmp_path):
    with pytest.raises(InputError, match=r"has no column named 'value'\. Columns in line 1: 'sequence', 'n_cells'"):
        read(written(tmp_path, ["sequence\tn_cells", *ROWS]))


@pytest.mark.parametrize(
    ("value", "in_bins", "message"),
    [
        (17.5, True, "a value from 0 to 17, got 17.5"),
        (-1, True, "a value from 0 to 17, got -1"),
        (np.inf, False, "a finite value, got inf"),
    ],
)
def test_values_out_of_range_are_rejected(value, in_bins, message):
    records = Records(["a"], Ragged.from_strings([LEFT + INSERTS[0] + RIGHT]), np.array([1]), "a.tsv")
    assert to_examples(records, np.array([-3.5]), in_bins=False).targets.tolist() == [[-3.5]]
    with pytest.raises(InputError, match=f"Expected {message}"):
        to_examples(records, np.array([value]), in_bins=in_bins)
