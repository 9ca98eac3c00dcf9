"""Tests of runs on several data files."""

import json
import shutil

import keras
import numpy as np
import pytest

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.evaluation.training_data import read_training_data
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.training.config import RunConfig
from dreamkeras.training.cross_validation import cross_validate
from dreamkeras.training.run import resume, train
from dreamkeras.training.run_data import read_data, read_examples, with_window

BACKEND = keras.backend.backend()
HEADER = "id,seq,a,w,fold"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """`whole`, a table of 80 sequences, and its two parts. The columns of the second part are in another order."""
    generator = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for row in range(80):
        sequence = "".join(generator.choice(list("ACGT"), 30 + (row == 79)))
        rows.append([f"s{row % 50}", sequence, str(sequence.count("G")), str(1 + row), "val" if row % 4 == 0 else str(row % 2)])
    paths = {"whole": folder / "whole.csv", "one": folder / "one" / "a.csv", "two": folder / "two" / "b.csv"}
    for path in paths.values():
        path.parent.mkdir(exist_ok=True)
    for name, part in (("whole", rows), ("one", rows[:50])):
        paths[name].write_text("\n".join([HEADER, *(",".join(row) for row in part)]) + "\n")
    turned = [",".join(HEADER.split(",")[::-1]), *(",".join(row[::-1]) for row in rows[50:])]
    paths["two"].write_text("\n".join(turned) + "\n")
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def choices(choose):
    """`choices(*files, **more)`: the configuration of two epochs."""
    layout = TableLayout(("a",), weight_column="w", fold_column="fold")
    usual = {"assay": "table", "table": layout, "batch_size": 20, "valid_fold": "val"}
    return lambda *files, **more: choose(**{**usual, "data": list(files), **more})


def test_several_files_give_the_examples_of_one_file(choices, files):
    whole, parts = (read_data(with_window(choices(*paths))) for paths in ([files["whole"]], [files["one"], files["two"]]))
    for one, other in ((whole.training, parts.training), (whole.validation, parts.validation)):
        assert one.ids == other.ids
        for name in ("letters", "targets", "weights", "lengths", "folds"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert parts.read == (
        "Read 50 rows of a.csv.", "Read 30 rows of b.csv.", "30 ids occur in several files. All rows with a repeated id are used.",
    )  # fmt: skip
    assert parts.weights == whole.weights


def test_folds_that_are_text_in_one_file_are_text_in_all(choices, files, tmp_path):
    (tmp_path / "numbers.csv").write_text(f"{HEADER}\nx,{'ACGTAC' * 5},1,1,1\n")
    examples = read_examples(with_window(choices(str(tmp_path / "numbers.csv"), files["two"]))).examples
    assert set(examples.folds.tolist()) == {"0", "1", "val"}
    assert examples.ids[0] == "x"


def test_a_run_on_several_files_equals_the_run_on_one(choices, files, tmp_path, quick, capsys):
    first = train(choices(files["whole"]), tmp_path / "whole")
    found = train(choices(files["one"], files["two"]), tmp_path / "parts")
    assert (found["r"], found["n"]) == (first["r"], first["n"])
    assert (tmp_path / "parts" / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()
    config = json.loads((tmp_path / "parts" / "config.json").read_text())
    assert config["data"] == [files["one"], files["two"]]
    assert config["fingerprint"] == json.loads((tmp_path / "whole" / "config.json").read_text())["fingerprint"]
    card = (tmp_path / "parts" / "README.md").read_text()
    assert "- Data: `a.csv`, `b.csv`\n" in card
    summary = read_training_summary(tmp_path / "parts")
    assert summary["data"] == "a.csv, b.csv"
    assert str(tmp_path.parent.parent) not in card + json.dumps(summary)
    known = read_training_data(str(tmp_path / "parts"))
    assert known.files == (files["one"], files["two"])

    moved = [str(shutil.copy(files[name], tmp_path / f"{name}.csv")) for name in ("one", "two")]
    with pytest.raises(InputError, match=r"the data in .*two\.csv, .*one\.csv differ from the data with which the run was started"):
        resume(tmp_path / "parts", BACKEND, data=tuple(moved[::-1]))
    resume(tmp_path / "parts", BACKEND, data=tuple(moved))
    assert RunConfig.read(tmp_path / "parts" / "config.json").files == tuple(moved)


def test_several_files_are_cross_validated(choices, files, tmp_path, quick):
    quick.setattr("dreamkeras.training.cross_validation.export_ensemble", lambda folders, output, **options: output.touch())
    paths = files["one"], files["two"]
    metrics = cross_validate(choices(*paths, folds=2, valid_fold=None, epochs=1), tmp_path / "cv", lambda line: None, BACKEND)
    assert metrics["n"] == 80
    assert RunConfig.read(tmp_path / "cv" / "fold-0" / "config.json").files == paths


@pytest.mark.parametrize(("data", "message"), [
    ([], "one or more files of data, got an empty list"),
    (["a.tsv", "a.tsv"], "different files of data, got a.tsv twice"),
    (["a.tsv", ""], "text for data, got an empty string"),
])  # fmt: skip
def test_invalid_lists_of_files_are_refused(data, message):
    with pytest.raises(InputError, match=message):
        RunConfig(data=data)


def test_one_file_in_a_list_is_a_file():
    assert RunConfig(data=["a.tsv"]) == RunConfig(data="a.tsv")
    assert RunConfig(data="a.tsv").files == ("a.tsv",)
    assert RunConfig().files == ()
