"""Tests of the warning about validation sequences that are in the training data."""

import pytest
from leaked_rows import leak
from tiny_network import write_library

from dreamkeras.sequence.construct import YEAST
from dreamkeras.training import run
from dreamkeras.training.run import train

REST = "are near-duplicates: metrics on them will be too high.\n"


@pytest.fixture
def told(quick, choose, tmp_path, capsys):
    """`told(**choices)`: the messages of a run before training."""

    def tell(**choices):
        quick.setattr(run, "_fit", lambda *args: None)
        train(choose(**choices), tmp_path / f"run{len(list(tmp_path.iterdir()))}")
        return capsys.readouterr().err

    return tell


def rows_of(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def written(path, rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def fresh(tmp_path):
    """A file of 40 promoters that are not in the library."""
    return write_library(tmp_path / "fresh.tsv", 40, seed=9)


def test_sequences_seen_in_training_are_counted_in_one_line(told, library, fresh, tmp_path):
    leak(rows_of(library), seen := rows_of(fresh), 0.3, YEAST)
    assert told(valid=written(tmp_path / "seen.tsv", seen)) == (
        "Warning: 4 of the 40 sequences in seen.tsv are copies of training sequences, 4 are reverse complements and 4 " + REST
    )


def test_a_fold_that_shares_sequences_is_reported(told, library, tmp_path):
    folded = written(tmp_path / "folded.tsv", [[*row, str(fold)] for fold in (0, 1) for row in rows_of(library)])
    came = told(data=folded, valid_fold=1)
    assert came == "Warning: 150 of the 150 sequences of fold 1 are copies of training sequences: metrics on them will be too high.\n"


def test_other_sequences_are_not_reported(told, fresh):
    assert told(valid=str(fresh)) == ""
    assert told(valid_fraction=0.2) == ""


def test_real_promoters_seen_in_training_are_counted(told, data_folder, tmp_path):
    rows = rows_of(data_folder / "data/yeast_gpra/train.tsv")
    leak(rows[:5770], seen := rows[5770:], 0.05, YEAST)
    came = told(data=written(tmp_path / "data.tsv", rows[:5770]), valid=written(tmp_path / "seen.tsv", seen))
    assert came == (
        "Warning: 10 of the 600 sequences in seen.tsv are copies of training sequences, 10 are reverse complements and 10 " + REST
    )
