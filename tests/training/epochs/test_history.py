import csv

import pytest

from dreamkeras.errors import DreamkerasError
from dreamkeras.training.epochs.history import write_history

ROWS = [{"epoch": 1, "loss": 0.5, "val_r": float("nan")}, {"epoch": 2, "loss": 0.1 + 0.2, "val_r": -1e-9}]


def test_a_row_an_epoch_under_the_names_of_the_columns(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    assert (tmp_path / "history.csv").read_bytes() == b"epoch,loss,val_r\n1,0.5,nan\n2,0.30000000000000004,-1e-09\n"


def test_numbers_come_back_as_they_were(tmp_path):
    write_history(tmp_path / "history.csv", ROWS[1:])
    with open(tmp_path / "history.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {name: float(value) for name, value in row.items()} == ROWS[1]


def test_a_name_of_a_task_may_hold_a_comma(tmp_path):
    write_history(tmp_path / "history.csv", [{"val_r_a,b": 0.5}])
    with open(tmp_path / "history.csv", newline="") as file:
        assert list(csv.reader(file)) == [["val_r_a,b"], ["0.5"]]


def test_a_column_that_an_older_version_did_not_write_is_empty_in_its_rows(tmp_path):
    write_history(tmp_path / "history.csv", [{"epoch": 1}, {"epoch": 2, "val_relative_mse": 0.5}])
    assert (tmp_path / "history.csv").read_text() == "epoch,val_relative_mse\n1,\n2,0.5\n"


@pytest.mark.parametrize("rows", [[{"epoch": 1, "loss": 0.5}, {"epoch": 2}]])
def test_rows_of_other_columns_leave_the_table_as_it_was(tmp_path, rows):
    write_history(tmp_path / "history.csv", ROWS)
    before = (tmp_path / "history.csv").read_bytes()
    with pytest.raises(ValueError, match="loss"):
        write_history(tmp_path / "history.csv", rows)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("history.csv", before)]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DreamkerasError, match=r"Expected a folder to write .*no/history\.csv into, got none at .*no"):
        write_history(tmp_path / "no" / "history.csv", ROWS)
