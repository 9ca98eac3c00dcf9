import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.evaluation.predictions_file import read_predictions
from dreamkeras.formats.writers import open_writer

IDS = ["a", "b", "c"]
VALUES = np.array([[1, 10], [2, 20], [3, 30]], np.float32)


@pytest.mark.parametrize("suffix", ["tsv", "csv", "parquet"])
def test_output_of_predict_is_read(tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    path = str(tmp_path / f"p.{suffix}")
    with open_writer(path, ["dev", "hk"]) as writer:
        writer.write(IDS, VALUES)
    np.testing.assert_array_equal(read_predictions(path, ("dev", "hk"), IDS), VALUES)
    np.testing.assert_array_equal(read_predictions(path, ("hk", "dev"), IDS), VALUES[:, ::-1])
    np.testing.assert_array_equal(read_predictions(path, ("dev",), ["c", "a", "b"]), VALUES[[2, 0, 1], :1])


def test_the_name_of_a_task_may_be_a_number(tmp_path):
    (tmp_path / "p.tsv").write_text("id\t1\t0\na\t7\t8\nb\t9\t10\n")
    assert read_predictions(str(tmp_path / "p.tsv"), ("1",), ["b", "a"]).tolist() == [[9], [7]]
    with pytest.raises(InputError, match="no column named '2'"):
        read_predictions(str(tmp_path / "p.tsv"), ("2",), ["b", "a"])


def test_without_ids_rows_are_in_order(tmp_path):
    (tmp_path / "p.tsv").write_text("sequence\tdev\nACGT\t2\nACGG\t1\n")
    assert read_predictions(str(tmp_path / "p.tsv"), ("dev",), ["x", "y"]).tolist() == [[2], [1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t2\n", "no column named 'dev'. Columns in line 1: '1', '2'"),
        ("id\thk\na\t1\n", "no column named 'dev'"),
        ("id\tdev\na\t1\nb\t2\n", "Expected 3 predictions.*got 2"),
        ("id\tdev\na\t1\nb\t2\nd\t3\n", "there is no prediction for 'c'"),
        ("id\tdev\na\t1\nb\tx\nc\t3\n", "got 'x' in column 'dev' of record 'b' .*line 3"),
        ("sequence\tdev\nAC\t1\n\nAC\tx\nAC\t3\n", "got 'x' in column 'dev' of record '2' .*line 4"),
        ("id\tdev\na\t1\nb\tinf\nc\t3\n", "got 'inf' in column 'dev' of .*line 3"),
        ("id\tdev\na\t1\nb\tnan\nc\t3\n", "no prediction of 'dev' for the measured value of 'b' .*line 3"),
        ("id\tdev\na\t1\nb\t2\nc\t-1e39\n", "got '-1e39' in column 'dev' of .*line 4"),
    ],
)
def test_invalid_rows_are_refused(tmp_path, text, message):
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_predictions(str(tmp_path / "p.tsv"), ("dev",), IDS)


def test_a_repeated_id_is_refused(tmp_path):
    (tmp_path / "p.tsv").write_text("id\tdev\na\t1\nb\t2\na\t3\n")
    with pytest.raises(InputError, match="an id occurs twice"):
        read_predictions(str(tmp_path / "p.tsv"), ("dev",), ["a", "b", "b"])


@pytest.mark.parametrize("word", ["", "NA", "nan", "#N/A"])
def test_predictions_of_missing_values_may_be_missing(tmp_path, word):
    (tmp_path / "p.tsv").write_text(f"id\tdev\thk\nc\t1\t{word}\na\t{word}\t3\nb\t5\t6\n")
    measured = np.array([[False, True], [True, True], [True, False]])
    found = read_predictions(str(tmp_path / "p.tsv"), ("dev", "hk"), IDS, measured=measured)
    np.testing.assert_array_equal(found, [[np.nan, 3], [5, 6], [1, np.nan]])
    with pytest.raises(InputError, match=r"There is no prediction of 'hk' for the measured value of 'c' \(.*p\.tsv, line 2\)"):
        read_predictions(str(tmp_path / "p.tsv"), ("dev", "hk"), IDS, measured=~np.eye(3, 2, dtype=bool))
    with pytest.raises(InputError, match="no prediction of 'dev' for the measured value of 'a'"):
        read_predictions(str(tmp_path / "p.tsv"), ("dev", "hk"), IDS)


def test_some_of_the_rows_that_were_left_out_may_have_predictions(tmp_path):
    (tmp_path / "p.tsv").write_text("id\tdev\na\t1\nd\t\nb\t2\nc\t3\n")
    assert read_predictions(str(tmp_path / "p.tsv"), ("dev",), IDS, left_out=2).tolist() == [[1], [2], [3]]
    with pytest.raises(InputError, match="Expected 3 predictions"):
        read_predictions(str(tmp_path / "p.tsv"), ("dev",), IDS)
