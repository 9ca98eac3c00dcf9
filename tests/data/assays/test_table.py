"""Users' tables: small test tables, and published tables compared with the readers of their assays."""

import csv
import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table import OPTIONAL, fitted_layout, settled_layout, table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError, MissingPackageError

HEADER = ["name", "a", "Seq", "b", "w", "r1", "r2", "s1", "s2", "fold"]
ROWS = [
    ["x_+", "1.5", "ACGTACGT", "NA", "4", "1", "2", "", "", "0"],
    ["", "", "TTTTAC", "-3", "0.5", "", "", "-2", "-4", "1"],
    ["z_-", "7", "ACGTAC", "2", "2", "6", "NaN", "2", "2", "2"],
]
LAYOUT = TableLayout(("a", "b"), id_column="name", length=8)


def written(folder, rows=ROWS, header=HEADER, name="table.csv"):
    with (folder / name).open("w", newline="") as file:
        csv.writer(file, delimiter="\t" if name.endswith("tsv") else ",").writerows([header, *rows] if header else rows)
    return str(folder / name)


def read(path, layout=LAYOUT, **fields):
    return table_assay(TableLayout(**{**vars(layout), **fields})).read(path)


def test_missing_values_are_nan_and_missing_ids_are_numbers(tmp_path):
    examples = read(written(tmp_path))
    np.testing.assert_array_equal(examples.targets, np.array([[1.5, np.nan], [np.nan, -3], [7, 2]], np.float32))
    assert examples.ids == ["x_+", "2", "z_-"]
    assert [row.tobytes() for row in examples.letters] == [b"ACGTACGT", b"TTTTACNN", b"ACGTACNN"]
    assert examples.lengths.tolist() == [8, 6, 6]
    assert (examples.folds, examples.weights, examples.replicates) == (None, None, None)
    assert examples.flags.shape == (3, 0)
    assert [field.dtype for field in (examples.targets, examples.flags)] == [np.float32, np.float32]


def test_weights_folds_marks_and_replicates_are_read_if_named(tmp_path):
    replicates = (("r1", "r2"), ("s1", "s2"))
    marked = {"fold_column": "fold", "reverse_mark": "_-"}
    examples = read(written(tmp_path), weight_column="w", weight="raw", replicate_columns=replicates, **marked)
    assert examples.weights.tolist() == [4, 0.5, 2]
    assert examples.folds.tolist() == [0, 1, 2]
    assert examples.flags.tolist() == [[0], [0], [1]]
    nan = np.nan
    np.testing.assert_array_equal(examples.replicates, [[[1, 2], [nan, nan]], [[nan, nan], [-2, -4]], [[6, nan], [2, 2]]])
    assert (examples.weights.dtype, examples.replicates.dtype) == (np.float32, np.float32)


def test_folds_may_be_text(tmp_path):
    rows = [[*row[:9], fold] for row, fold in zip(ROWS, (" train", "chr8 ", "1"), strict=True)]
    examples = read(written(tmp_path, rows), fold_column="fold")
    assert examples.folds.tolist() == ["train", "chr8", "1"]
    assert examples.select(np.array([2, 0])).folds.tolist() == ["1", "train"]


def test_text_in_a_later_batch_makes_all_folds_text(tmp_path):
    rows = [["ACGT", "1", "1" if row < 19_999 else "X"] for row in range(20_000)]
    examples = read(written(tmp_path, rows, ["seq", "a", "fold"]), TableLayout(("a",), fold_column="fold", length=4))
    assert set(examples.folds.tolist()) == {"1", "X"}


def test_missing_replicates_are_nan(tmp_path):
    examples = read(written(tmp_path), replicate_columns=(("r1", "r2"), ("s1", "s2", "w")))
    np.testing.assert_array_equal(examples.replicates[2], [[6, np.nan, np.nan], [2, 2, 2]])


def test_weights_are_inverse_variances(tmp_path):
    assert read(written(tmp_path), variance_column="w").weights.tolist() == [0.25, 2, 0.5]


def test_variances_with_a_very_large_inverse_are_rejected(tmp_path):
    rows = [[*ROWS[0][:4], "1e-39", *ROWS[0][5:]]]
    with pytest.raises(InputError, match=r"Expected a variance above 1e-36, got '1e-39'"):
        read(written(tmp_path, rows), variance_column="w")


def test_rows_without_a_value_or_with_weight_0_are_skipped(tmp_path):
    rows = [*ROWS, ["n", "NA", "not DNA", "", "NA", "", "", "", "", "none"], ["o", "1", "ACGT", "1", "0", "", "", "", "", "9"]]
    examples = read(written(tmp_path, rows), weight_column="w", fold_column="fold")
    assert examples.ids == ["x_+", "2", "z_-"]
    with pytest.raises(InputError, match=r"table\.csv has no row with a weight above 0 and a value in column a or b"):
        read(written(tmp_path, rows[3:]), weight_column="w")


def test_skipped_rows_are_counted_across_batches(tmp_path):
    rows = [["x", value, "ACGTACGT", "NA", weight, *[""] * 5] for value, weight in (("1", "1"), ("NA", "1"), ("2", "0")) * 6000]
    examples = read(written(tmp_path, rows), weight_column="w")
    assert (len(examples), examples.left_out) == (6000, {"without a value": 6000, "with weight 0": 6000})
    assert examples.describe_reading("t.csv") == "Read 18,000 rows of t.csv; skipped 6,000 without a value and 6,000 with weight 0."
    assert examples.select(examples.lengths > 0).describe_reading("t.csv") == "Read 6,000 rows of t.csv."


@pytest.mark.parametrize("name", ["table.tsv", "table.csv.gz", "table.parquet"])
def test_equal_tables_in_other_formats_give_equal_examples(tmp_path, name):
    expected, path = read(written(tmp_path), weight_column="w"), tmp_path / name
    if name.endswith("parquet"):
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        numbers = {"a": [1.5, None, 7], "b": [float("nan"), -3, 2], "w": [4, 0.5, 2]}
        texts = {"name": ["x_+", None, "z_-"], "Seq": [row[2] for row in ROWS]}
        pq.write_table(pa.table({**texts, **numbers}), path)
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(Path(written(tmp_path)).read_bytes()))
    else:
        written(tmp_path, name=name)
    examples = read(str(path), weight_column="w")
    assert examples.ids == expected.ids
    for field in ("letters", "targets", "weights", "lengths"):
        np.testing.assert_array_equal(getattr(examples, field), getattr(expected, field))


def test_parquet_requires_pyarrow(tmp_path, monkeypatch):
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingPackageError):
        read(str(tmp_path / "table.parquet"))


def test_columns_of_a_table_without_a_header_are_positions(tmp_path):
    path = written(tmp_path, [[row[2], row[1] or "0"] for row in ROWS], header=None)
    examples = read(path, TableLayout((1,), length=8))
    assert examples.targets[:, 0].tolist() == [1.5, 0, 7]
    assert table_assay(TableLayout((1,), length=8)).tasks == ("column_1",)


NUMBERED = TableLayout(("1", "4"), "0", "2", "3", replicate_columns=(("1", "4"), ("3", "4")), fold_column="5", length=8)
"""Layout for a header with the names 1 and 3, so that other digits are positions."""


def test_digits_are_a_name_in_the_header_or_a_position(tmp_path):
    path = written(tmp_path, [["ACGT", "10", "r", "20", "30", "4"]], ["seq", "x", "y", "1", "3", "z"])
    settled = settled_layout(NUMBERED, path)
    assert settled == TableLayout(("1", 4), 0, 2, "3", replicate_columns=(("1", 4), ("3", 4)), fold_column=5, length=8)
    assert settled.tasks == ("1", "column_4")
    examples = table_assay(settled).read(path)
    assert (examples.targets.tolist(), examples.weights.tolist(), examples.folds.tolist()) == ([[20, 30]], [0.5], [4])
    assert examples.ids == ["r"]
    assert examples.replicates.tolist() == [[[20, 30], [30, 30]]]


def test_a_header_of_numbers_is_detected_by_a_requested_name(tmp_path):
    path = written(tmp_path, [["ACGT", "7", "8"]], ["oligo", "0", "1"])
    layout = fitted_layout(TableLayout(("1",), sequence_column="oligo"), [path])
    assert (layout.tasks, table_assay(layout).read(path).targets.tolist()) == (("1",), [[8]])


def test_a_settled_layout_applies_to_every_file(tmp_path):
    settled = settled_layout(TableLayout(("1",), length=8), written(tmp_path, [["ACGT", "7", "8"]], ["seq", "0", "1"]))
    assert TableLayout.from_json(json.loads(json.dumps(dataclasses.asdict(settled)))) == settled
    other = written(tmp_path, [["ACGT", "7", "8"]], ["seq", "a", "b"], "other.csv")
    assert settled_layout(settled, other).target_column == (1,)
    with pytest.raises(InputError, match=r"has no column named '1'\. Columns in line 1: 'seq', 'a', 'b'"):
        table_assay(settled).read(other)


def test_the_first_of_several_files_settles_the_layout(tmp_path):
    first = written(tmp_path, [["ACGT", "7", "8"]], ["seq", "0", "1"])
    second = written(tmp_path, [["ACGTA", "7", "8"]], ["seq", "a", "b"], "other.csv")
    assert fitted_layout(TableLayout(("1",)), [first, second]) == TableLayout(("1",), length=5)
    assert fitted_layout(TableLayout(("1",), length=9), [second, first]) == TableLayout((1,), length=9)


def test_no_file_is_opened_if_no_column_is_digits():
    assert settled_layout(LAYOUT, "nowhere.tsv") == LAYOUT
    assert settled_layout(TableLayout((1,), id_column=0), "nowhere.tsv").columns == (1, 0)
    with pytest.raises(InputError, match=r"File not found: nowhere\.tsv"):
        settled_layout(TableLayout(("a",), fold_column="0"), "nowhere.tsv")


def test_position_0_is_a_valid_column():
    with pytest.raises(InputError, match="weight_column and variance_column cannot be combined"):
        TableLayout(("a",), weight_column=0, variance_column=1)


def test_ids_below_a_commented_header_are_used(tmp_path):
    path = written(tmp_path, [["x_-", "ACGT", "1"], ["y_+", "ACGG", "2"]], ["#id", "sequence", "value"], "t.tsv")
    examples = read(path, TableLayout(("value",), length=4, reverse_mark="_-"))
    assert (examples.ids, examples.flags.tolist()) == (["x_-", "y_+"], [[1], [0]])


def test_without_a_reverse_mark_every_row_is_forward(tmp_path):
    construct = dataclasses.replace(LAYOUT.construct(), flags=("is_reverse",))
    examples = table_assay(LAYOUT, construct).read(written(tmp_path))
    assert examples.flags.tolist() == [[0], [0], [0]]


def test_row_numbers_continue_across_batches(tmp_path):
    rows = [[str(row), "ACGT"] for row in range(20_000)]
    examples = read(written(tmp_path, rows, ["value", "seq"]), TableLayout(("value",), length=4))
    assert examples.ids[-1] == "20000"
    assert np.array_equal(examples.targets[:, 0], np.arange(20_000))


@pytest.mark.parametrize(("column", "cell", "fields", "message"), [
    (1, "high", {}, "Expected a number or an empty cell, got 'high'"),
    (3, "inf", {}, r"Expected a number between -1e\+36 and 1e\+36, got 'inf'"),
    (4, "-1", {"weight_column": "w"}, "Expected a weight of 0 or more, got '-1'"),
    (3, "-1e39", {}, "Expected a number between .* got '-1e39'"),
    (4, "1e39", {"weight_column": "w"}, "Expected a number between .* got '1e39'"),
    (4, "inf", {"variance_column": "w"}, "Expected a number between .* got 'inf'"),
    (4, "1e-37", {"variance_column": "w"}, "Expected a variance above 1e-36, got '1e-37'"),
    (5, "1e39", {"replicate_columns": (("r1", "r2"), ("s1", "s2"))}, "Expected a number between .* got '1e39'"),
    (9, "", {"fold_column": "fold"}, "Expected a fold, got ''"),
    (4, "NA", {"weight_column": "w"}, "Expected a weight of 0 or more, got 'NA'"),
    (4, "0", {"variance_column": "w"}, "Expected a variance above 1e-36, got '0'"),
    (5, "r", {"replicate_columns": (("r1", "r2"), ("s1", "s2"))}, "Expected a number or an empty cell, got 'r'"),
    (9, "NA", {"fold_column": "fold"}, "Expected a fold, got 'NA'"),
    (2, "ACGTACGTA", {}, "Expected 1 to 8 bases for construct 'table', got 9"),
    (2, "AC-T", {}, "Expected DNA letters, got '-' at position 3"),
])  # fmt: skip
def test_invalid_cells_are_reported_with_column_record_and_line(tmp_path, column, cell, fields, message):
    wrong = [*ROWS[2][:column], cell, *ROWS[2][column + 1 :]]
    with pytest.raises(InputError, match=rf"{message} in (column '{HEADER[column]}' of )?record 'z_-' \(.*table\.csv, line 4\)"):
        read(written(tmp_path, [*ROWS[:2], wrong]), **fields)


@pytest.mark.parametrize("fields", [
    {"target_column": ("c",)}, {"weight_column": "c"}, {"fold_column": "c"}, {"id_column": "c"}, {"sequence_column": "c"},
    {"replicate_columns": (("r1", "c"), ("s1", "s2"))},
])  # fmt: skip
def test_a_missing_column_is_reported_with_the_columns(tmp_path, fields):
    with pytest.raises(InputError, match=r"table\.csv has no column named 'c'\. Columns in line 1: 'name', 'a', "):
        read(written(tmp_path), **fields)


def test_the_window_fits_the_longest_sequence_of_all_files(tmp_path):
    longer = written(tmp_path, [[*ROWS[0][:2], "G" * 30, *ROWS[0][3:]]], name="longer.tsv")
    layout = TableLayout(("a",), left_flank="TT", right_flank="C")
    assert fitted_layout(layout, [written(tmp_path)]).length == 8 + 3
    assert fitted_layout(layout, [written(tmp_path), longer]).length == 30 + 3
    adapted = TableLayout(("a",), left_adapter="ACG", right_adapter="CGT")
    assert fitted_layout(adapted, [written(tmp_path)]).length == 6 + 6  # adapters ACG and CGT, insert TA; and inserts TTTTAC, ACGTAC


@pytest.mark.parametrize(("name", "folder", "fields"), [
    ("lentimpra", "human_lentimpra", {"target_column": ("mean_value",), "fold_column": "fold", "reverse_mark": "_Reversed:"}),
    ("starrseq", "drosophila_starrseq", {"target_column": ("Dev_log2_enrichment", "Hk_log2_enrichment"), "reverse_mark": "_-_"}),
])  # fmt: skip
def test_published_tables_give_the_examples_of_their_assays(data_folder, name, folder, fields):
    path = str(data_folder / "data" / folder / "valid.tsv")
    own, examples = find_assay(name).read(path), find_assay("table", fitted_layout(TableLayout(**fields), [path])).read(path)
    assert examples.ids == own.ids
    for field in ("letters", "targets", "flags", "lengths", "folds"):
        np.testing.assert_array_equal(getattr(examples, field), getattr(own, field))


BAD = [
    ["p", "word", "ACGT", "1", "1", "", "", "", "", "0"],
    ["q", "1", "AC-T", "1", "1", "", "", "", "", "0"],
    ["r", "1", "ACGT", "1", "-1", "", "", "", "", "0"],
    ["s", "1", "ACGT", "1", "1", "", "", "", "", ""],
    ["t", "1", "A" * 9, "1", "1", "", "", "", "", "0"],
    ["u", "1", "ACGT"],
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_invalid_rows_are_skipped_and_counted(tmp_path, delimiter):
    columns = {"weight_column": "w", "fold_column": "fold"}
    wanted = read(written(tmp_path), **columns)
    with (tmp_path / "mixed.csv").open("w", newline="") as file:
        file.write("# a comment\n")
        csv.writer(file, delimiter=delimiter).writerows([HEADER, *BAD[:3], *ROWS, *BAD[3:]])
    with pytest.raises(InputError, match=r"line (3|11)\)"):
        read(str(tmp_path / "mixed.csv"), **columns)
    found = table_assay(TableLayout(**{**vars(LAYOUT), **columns})).read(str(tmp_path / "mixed.csv"), "skip")
    assert found.ids == ["x_+", "5", "z_-"]  # the number of a row counts skipped rows
    for name in ("letters", "targets", "weights", "folds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.left_out == {"with an error": 6}
    assert [remark[:8] for remark in found.remarks] == ["Skipped:"] * 5
    assert found.remarks[2].startswith("Skipped: Expected a weight of 0 or more, got '-1' in column 'w' of record 'r' (")


def test_the_window_does_not_depend_on_invalid_sequences(tmp_path):
    path = written(tmp_path, [*ROWS, ["p", "1", "not a sequence", "1", "1", "", "", "", "", "0"], BAD[-1]])
    layout = TableLayout(("a",))
    assert fitted_layout(layout, [path], "skip").length == 8
    with pytest.raises(InputError, match="Expected 10 columns, got 3"):
        fitted_layout(layout, [path])


def test_a_test_file_may_lack_optional_columns(tmp_path):
    fields = {"weight_column": "w", "weight": "raw", "fold_column": "fold", "replicate_columns": (("r1", "r2"), ("s1", "s2"))}
    layout = TableLayout(**{**vars(LAYOUT), **fields})
    path = written(tmp_path, [row[:4] for row in ROWS], HEADER[:4])
    with pytest.raises(InputError, match="no column named 'w'"):
        table_assay(layout).read(path)
    found = table_assay(layout, optional=OPTIONAL).read(path)
    assert (found.ids, found.weights, found.folds, found.replicates) == (["x_+", "2", "z_-"], None, None, None)
    assert found.remarks == (f"{path} lacks columns of the training data that are not required here: 'w', 'r1', 'r2', 's1', 's2', 'fold'.",)
    whole = table_assay(layout, optional=OPTIONAL).read(written(tmp_path))
    assert (whole.weights.tolist(), whole.replicates.shape, whole.folds, whole.remarks) == ([4, 0.5, 2], (3, 2, 2), None, ())
