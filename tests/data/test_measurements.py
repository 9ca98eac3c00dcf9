"""Measured tables: which columns are read, in which order they may stand, and what a wrong cell is answered with."""

import numpy as np
import pytest

from dreamkeras.data.measurements import Columns, oriented_examples, read_measurements
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

TOY = Construct(name="toy", length=8, shortest=8, strands="given", flags=("is_reverse",))
TWO = Columns(values=(("dev", "developmental"), ("hk",)), ids=("id", "name"))
ROWS = ["x_+\t1.5\tACGTACGT\t-2", "x_-\t0\tTTTTACGN\t3"]


def written(folder, lines, name="table.tsv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def read(path, columns=TWO):
    return read_measurements(path, columns, lambda batch: oriented_examples(batch, TOY, "_-"))


def test_columns_are_found_by_their_names_in_any_order(tmp_path):
    examples = read(written(tmp_path, ["ID\tDev\tSequence\tHk", *ROWS]))
    assert examples.ids == ["x_+", "x_-"]
    assert examples.targets.tolist() == [[1.5, -2], [0, 3]]
    assert [window.tobytes() for window in examples.letters] == [b"ACGTACGT", b"TTTTACGN"]
    assert examples.flags.tolist() == [[0], [1]]
    assert examples.lengths.tolist() == [8, 8]
    assert examples.folds is None
    assert examples.construct is TOY
    assert [field.dtype for field in (examples.letters, examples.targets, examples.flags, examples.lengths)] == [
        np.uint8, np.float32, np.float32, np.int32,
    ]  # fmt: skip


def test_the_first_name_that_the_header_holds_counts(tmp_path):
    rows = [f"{row}\t7\tsecond" for row in ROWS]
    examples = read(written(tmp_path, ["id\tdevelopmental\tseq\thk\tDEV\tname", *rows]))
    assert examples.targets[:, 0].tolist() == [7, 7]
    assert examples.ids == ["x_+", "x_-"]


def test_a_fold_is_read_where_there_is_one(tmp_path):
    examples = read(written(tmp_path, ["id\tdev\tseq\thk\tfold", *(f"{row}\t{fold}" for fold, row in enumerate(ROWS))]))
    assert examples.folds.tolist() == [0, 1]
    assert examples.folds.dtype == np.int32


def test_ids_and_folds_run_on_over_batches(tmp_path):
    count = 20_000
    rows = [f"s{row}_{'-' if row % 2 else '+'}\t{row}\tACGTACGT\t0\t{row % 7}" for row in range(count)]
    examples = read(written(tmp_path, ["id\tdev\tseq\thk\tfold", *rows]))
    assert examples.ids[-1] == "s19999_-"
    assert np.array_equal(examples.targets[:, 0], np.arange(count))
    assert np.array_equal(examples.flags[:, 0], np.arange(count) % 2)
    assert np.array_equal(examples.folds, np.arange(count) % 7)


@pytest.mark.parametrize("header", [[], ["sequence\tdev\thk\tfold"]])
def test_without_names_the_order_is_sequence_values_fold(tmp_path, header):
    path = written(tmp_path, [*header, "ACGTACGT\t1\t2\t3", "ACGTACGA\t4\t5\t6"])
    examples = read(path, Columns(TWO.values, needs_header=False))
    assert examples.ids == ["1", "2"]
    assert examples.targets.tolist() == [[1, 2], [4, 5]]
    assert examples.folds.tolist() == [3, 6]


@pytest.mark.parametrize(("values", "wanted"), [(TWO.values, "3 columns, sequence and values"), ((("dev",),), "two columns")])
def test_too_few_columns_without_names_are_counted(tmp_path, values, wanted):
    with pytest.raises(InputError, match=f"Expected {wanted}.*, got 1 "):
        read(written(tmp_path, ["ACGTACGT"]), Columns(values, needs_header=False))


@pytest.mark.parametrize(("header", "missing"), [
    ("id\tdev\tseq\tother", "hk"), ("id\tother\tseq\thk", "dev"), ("id\tdev\tother\thk", "sequence"), ("other\tdev\tseq\thk", "id"),
])  # fmt: skip
def test_a_missing_column_is_named(tmp_path, header, missing):
    with pytest.raises(InputError, match=rf"Expected a column named '{missing}', got '.*line 1\)"):
        read(written(tmp_path, [header, *ROWS]))


def test_a_needed_header_is_missed(tmp_path):
    with pytest.raises(InputError, match="Expected a column named 'sequence', got no header but"):
        read(written(tmp_path, ROWS))


@pytest.mark.parametrize(("value", "message"), [
    ("high", "Expected a number, got 'high'"), ("", "Expected a number, got ''"),
    ("nan", "Expected a finite value, got nan"), ("-inf", "Expected a finite value, got -inf"),
])  # fmt: skip
def test_a_wrong_value_names_record_and_line(tmp_path, value, message):
    with pytest.raises(InputError, match=rf"{message} in record 'y' \(.*, line 4\)"):
        read(written(tmp_path, ["id\tdev\tseq\thk", *ROWS, f"y\t1\tACGTACGT\t{value}"]))


def test_a_wrong_fold_names_record_and_line(tmp_path):
    with pytest.raises(InputError, match=r"Expected a fold \(a whole number\), got '1.5' in record 'x_-' \(.*, line 3\)"):
        read(written(tmp_path, ["id\tdev\tseq\thk\tfold", f"{ROWS[0]}\t1", f"{ROWS[1]}\t1.5"]))


def test_a_sequence_that_does_not_fit_names_record_and_line(tmp_path):
    with pytest.raises(InputError, match=r"Expected 8 bases for construct 'toy', got 7 in record 'y' \(.*, line 2\)"):
        read(written(tmp_path, ["id\tdev\tseq\thk", "y\t1\tACGTACG\t2"]))
