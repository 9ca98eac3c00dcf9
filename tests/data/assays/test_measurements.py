"""Tables of measurements: names and order of columns, and error messages for invalid cells."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dreamkeras.data.assays.measurements import Columns, oriented_examples, read_measurements, read_numbers, read_whole_numbers
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

TOY = Construct(name="toy", length=8, shortest=8, strands="given", flags=("is_reverse",))
TWO = Columns(values=(("dev", "developmental"), ("hk",)), ids=("id", "name"))
LARGEST = 1e36  # a hundredth of the range of float32
ROWS = ["x_+\t1.5\tACGTACGT\t-2", "x_-\t0\tTTTTACGN\t3"]


def written(folder, lines, name="table.tsv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def read(path, columns=TWO, **options):
    return read_measurements(path, columns, lambda batch: oriented_examples(batch, TOY, "_-"), **options)


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


def test_the_first_name_in_the_header_is_used(tmp_path):
    rows = [f"{row}\t7\tsecond" for row in ROWS]
    examples = read(written(tmp_path, ["id\tdevelopmental\tseq\thk\tDEV\tname", *rows]))
    assert examples.targets[:, 0].tolist() == [7, 7]
    assert examples.ids == ["x_+", "x_-"]


@pytest.mark.parametrize("value", ["1e300", "-3.5e38", "9" * 50])
def test_values_beyond_single_precision_are_rejected(tmp_path, value):
    path = written(tmp_path, ["id\tdev\tseq\thk", *ROWS, f"x\t{value}\tACGTACGT\t1"])
    with pytest.raises(InputError, match=rf"a number between -1e\+36 and 1e\+36, got '{value}' in column 'dev' of record 'x' .*line 4"):
        read(path)


def test_folds_are_read_if_present(tmp_path):
    examples = read(written(tmp_path, ["id\tdev\tseq\thk\tfold", *(f"{row}\t{fold}" for fold, row in enumerate(ROWS))]))
    assert examples.folds.tolist() == [0, 1]
    assert examples.folds.dtype == np.int32


def test_ids_and_folds_continue_across_batches(tmp_path):
    count = 20_000
    rows = [f"s{row}_{'-' if row % 2 else '+'}\t{row}\tACGTACGT\t0\t{row % 7}" for row in range(count)]
    examples = read(written(tmp_path, ["id\tdev\tseq\thk\tfold", *rows]))
    assert examples.ids[-1] == "s19999_-"
    assert np.array_equal(examples.targets[:, 0], np.arange(count))
    assert np.array_equal(examples.flags[:, 0], np.arange(count) % 2)
    assert np.array_equal(examples.folds, np.arange(count) % 7)


@pytest.mark.parametrize("header", [[], ["sequence\tdev\thk\tfold"]])
def test_without_a_header_the_order_is_sequence_values_fold(tmp_path, header):
    path = written(tmp_path, [*header, "ACGTACGT\t1\t2\t3", "ACGTACGA\t4\t5\t6"])
    examples = read(path, Columns(TWO.values, needs_header=False))
    assert examples.ids == ["1", "2"]
    assert examples.targets.tolist() == [[1, 2], [4, 5]]
    assert examples.folds.tolist() == [3, 6]


@pytest.mark.parametrize(("values", "wanted"), [(TWO.values, r"3 columns \(sequence and values\)"), ((("dev",),), "two columns")])
def test_too_few_columns_without_a_header_are_rejected(tmp_path, values, wanted):
    with pytest.raises(InputError, match=f"Expected {wanted}.*, got 1 "):
        read(written(tmp_path, ["ACGTACGT"]), Columns(values, needs_header=False))


@pytest.mark.parametrize(("header", "missing"), [
    ("id\tdev\tseq\tother", "hk"), ("id\tother\tseq\thk", "dev"), ("id\tdev\tother\thk", "sequence"), ("other\tdev\tseq\thk", "id"),
])  # fmt: skip
def test_a_missing_column_is_named(tmp_path, header, missing):
    with pytest.raises(InputError, match=rf"has no column named '{missing}'\. Columns in line 1: '"):
        read(written(tmp_path, [header, *ROWS]))


def test_a_missing_required_header_is_rejected(tmp_path):
    with pytest.raises(InputError, match="has no column named 'sequence', because it has no header"):
        read(written(tmp_path, ROWS))


@pytest.mark.parametrize(("value", "message"), [
    ("high", "Expected a number, got 'high'"), ("", "Expected a number, got ''"), ("#N/A", "Expected a number, got '#N/A'"),
    ("nan", "Expected a number, got 'nan'"), ("-inf", r"Expected a number between -1e\+36 and 1e\+36, got '-inf'"),
    ("1e37", r"Expected a number between -1e\+36 and 1e\+36, got '1e37'"), ("-1e39", "got '-1e39'"),
])  # fmt: skip
def test_invalid_values_are_reported_with_column_record_and_line(tmp_path, value, message):
    advice = r" Each row requires a value in this column\." if value in ("", "nan", "#N/A") else ""
    with pytest.raises(InputError, match=rf"{message} in column 'hk' of record 'y' \(.*, line 4\)\.{advice}$"):
        read(written(tmp_path, ["id\tdev\tseq\thk", *ROWS, f"y\t1\tACGTACGT\t{value}"]))


@pytest.mark.parametrize("cell", [
    "1_000", "1_0.5", "0x10", "0b1", "infinity", "-Infinity", "\u0661", "\uff11", "1\u06f0", "\u00b2", "1e", "1e5_0", "--1",
    "1 2", "1,5", "\u22121", ".",
    "1d5", "nan(0)", "\u00bd",
])  # fmt: skip
def test_only_ascii_decimals_are_numbers(tmp_path, cell):
    records = Records(["a", "b"], Ragged.from_strings(["A", "C"]), np.array([1, 2]), "t.tsv")
    for missing in (False, True):
        with pytest.raises(InputError, match=f"Expected a number, got {re.escape(repr(cell))} in column 'c' of record 'b'"):
            read_numbers(["1", cell], records, "c", missing=missing)
    with pytest.raises(InputError, match="Expected a fold"):
        read_whole_numbers(["1", cell], records)


@example(["1e39"])
@example(["-9e99", "1"])
@given(st.lists(st.text("0123456789+-.eE_xXnaifNIF \u0661\uff12", max_size=7), min_size=1, max_size=4))
def test_numbers_are_ascii_decimals_that_fit_in_single_precision(cells):
    records = Records(cells, Ragged.from_strings(cells), np.arange(len(cells)), "t.tsv")
    plain = [re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", cell, re.ASCII | re.IGNORECASE) for cell in cells]
    if all(plain) and all(abs(float(cell)) <= LARGEST for cell in cells):
        np.testing.assert_array_equal(read_numbers(cells, records, 0), list(map(float, cells)))
    else:
        with pytest.raises(InputError):
            read_numbers(cells, records, 0)


def test_ids_are_read_below_a_commented_header(tmp_path):
    examples = read(written(tmp_path, ["#ID\tDev\tSequence\tHk", *ROWS]))
    assert (examples.ids, examples.flags.tolist()) == (["x_+", "x_-"], [[0], [1]])


def test_invalid_folds_are_reported_with_record_and_line(tmp_path):
    with pytest.raises(InputError, match=r"Expected a fold \(a whole number\), got '1.5' in column 'fold' of record 'x_-' \(.*, line 3\)"):
        read(written(tmp_path, ["id\tdev\tseq\thk\tfold", f"{ROWS[0]}\t1", f"{ROWS[1]}\t1.5"]))


def test_unfit_sequences_are_reported_with_record_and_line(tmp_path):
    with pytest.raises(InputError, match=r"Expected 8 bases for construct 'toy', got 7 in record 'y' \(.*, line 2\)"):
        read(written(tmp_path, ["id\tdev\tseq\thk", "y\t1\tACGTACG\t2"]))


STR_NA_VALUES = [
    "-1.#IND", "1.#QNAN", "1.#IND", "-1.#QNAN", "#N/A N/A", "#N/A", "N/A", "n/a", "NA", "<NA>", "#NA", "NULL", "null", "NaN", "-NaN", "nan",
    "-nan", "None", "",
]  # fmt: skip


@pytest.mark.parametrize("word", STR_NA_VALUES)
def test_the_missing_words_of_pandas_are_missing_values(word):
    records = Records(["a", "b"], Ragged.from_strings(["A", "C"]), np.array([1, 2]), "t.tsv")
    np.testing.assert_array_equal(read_numbers(["1", word], records, "c", missing=True), [1, np.nan])


def test_the_missing_words_are_those_of_pandas():
    parsers = pytest.importorskip("pandas._libs.parsers")
    assert sorted(STR_NA_VALUES) == sorted(parsers.STR_NA_VALUES)


@pytest.mark.parametrize("cell", ["1,5", "-0,25", "1,5e3", ",5"])
def test_a_decimal_comma_is_rejected_with_advice(cell):
    records = Records(["a"], Ragged.from_strings(["A"]), np.array([2]), "t.csv")
    with pytest.raises(InputError, match=r"in column 'c' of record 'a' \(t\.csv, line 2\)\. Write a decimal point instead of the comma\.$"):
        read_numbers([cell], records, "c")


INVALID = ["x\tnan\tACGTACGT\t1", "y\t1\tACGT!CGT\t1", "z\t1\tACGTACGT", "w\tword\tACGTACGT\t1", "v\t1\t\t1"]


def test_invalid_rows_are_skipped_and_counted(tmp_path):
    lines = ["id\tdev\tseq\thk", *ROWS]
    wanted = read(written(tmp_path, lines))
    mixed = [lines[0], *INVALID[:2], *ROWS[:1], *INVALID[2:], *ROWS[1:]]
    found = read(written(tmp_path, mixed), on_error="skip")
    assert found.ids == wanted.ids
    np.testing.assert_array_equal(found.letters, wanted.letters)
    np.testing.assert_array_equal(found.targets, wanted.targets)
    assert found.left_out == {"with an error": len(INVALID)}
    assert len(found.remarks) == 5
    assert found.remarks[0].startswith("Skipped: Expected a number, got 'nan' in column 'dev' of record 'x' (")
    assert f"skipped {len(INVALID)} with an error." in found.describe_reading("t.tsv")


def test_a_file_without_a_valid_row_is_rejected(tmp_path):
    with pytest.raises(
        InputError, match=r"None of the 5 rows of .* is valid\. The first one: Expected a number, got 'nan' in column 'dev'"
    ):
        read(written(tmp_path, ["id\tdev\tseq\thk", *INVALID]), on_error="skip")
    with pytest.raises(InputError, match="Expected on_error to be one of fail, skip, got 'ignore'"):
        read(written(tmp_path, ["id\tdev\tseq\thk", *ROWS]), on_error="ignore")
