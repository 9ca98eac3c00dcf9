"""The hold-out of a run is printed, and stored in `metrics.json` and on the model card. Older runs keep their split."""

import json
import shutil

import numpy as np
import pytest
from libraries import library
from tiny_network import tiny_preset

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import fingerprint
from dreamkeras.errors import InputError
from dreamkeras.training import cross_validation
from dreamkeras.training.config import RunConfig
from dreamkeras.training.run import resume, train
from dreamkeras.training.run_data import read_data, with_window


@pytest.fixture(scope="module")
def designs(tmp_path_factory):
    """A table of 240 designs on eight backgrounds."""
    examples, _ = library("designs", 240)
    path = tmp_path_factory.mktemp("data") / "designs.csv"
    rows = zip(examples.ids, examples.letters, examples.targets[:, 0], strict=True)
    path.write_text("id,sequence,y\n" + "".join(f"{name},{bytes(letters).decode()},{value}\n" for name, letters, value in rows))
    return str(path)


@pytest.fixture(scope="module")
def table(designs, choose):
    usual = {"data": designs, "assay": "table", "table": TableLayout(("y",)), "epochs": 1, "batch_size": 32}
    return lambda **choices: choose(**{**usual, **choices})


def test_the_hold_out_is_printed_and_stored(quick, table, tmp_path, capsys):
    train(table(), tmp_path / "run")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Held out ")]
    assert line.startswith("Held out 24 of 240 sequences (10.0 %) at random, because 4 families of similar sequences hold ")
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())["holdout"]
    assert (record["method"], record["families"], record["held_out"], record["share"]) == ("random", 8, 24, 0.1)
    with (tmp_path / "run" / "validation.tsv").open() as file:
        held = np.array([float(row.split("\t")[2]) for row in list(file)[1:]])
    assert record["validation"]["y"] == pytest.approx({"n": 24, "mean": held.mean(), "sd": held.std()}, abs=1e-4)
    assert f"- Validation sequences: drawn from the data with seed 3. {line}" in (tmp_path / "run" / "README.md").read_text()


def test_a_given_validation_set_has_no_record(quick, table, designs, tmp_path, capsys):
    train(table(valid=designs), tmp_path / "run")
    assert "Held out" not in capsys.readouterr().err
    assert "holdout" not in json.loads((tmp_path / "run" / "metrics.json").read_text())


def test_a_drawn_fold_has_a_record(table):
    data = read_data(with_window(table(folds=4, valid_fold=1)))
    assert (data.hold_out.method, data.hold_out.requested, data.hold_out.held_out, data.common) == ("random", 0.25, 60, "")


def test_an_older_run_is_resumed_with_its_split(quick, table, tmp_path):
    train(table(holdout="legacy", epochs=2), tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    del config["holdout"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    shutil.copytree(tmp_path / "run", tmp_path / "new")
    (tmp_path / "run" / "metrics.json").unlink()
    assert resume(tmp_path / "run")["holdout"]["method"] == "legacy"
    begun = RunConfig.read(tmp_path / "run" / "config.json")
    data = read_data(begun)
    assert fingerprint(data.training, data.validation) == begun.fingerprint
    (tmp_path / "new" / "config.json").write_text(json.dumps({**config, "holdout": "auto"}))
    with pytest.raises(InputError, match="have changed since the run was started"):
        resume(tmp_path / "new")


def test_the_folds_of_a_cross_validation_are_described(table, tmp_path):
    lines = []
    with tiny_preset() as patch:
        patch.setattr(cross_validation, "export_ensemble", lambda folders, output, **options: output.touch())
        metrics = cross_validation.cross_validate(table(folds=2), tmp_path / "cv", lines.append, table().backend)
    assert lines[0].startswith("Divided 240 sequences into 2 folds of 120 at random, because 4 families of similar sequences hold ")
    assert (metrics["holdout"]["method"], metrics["holdout"]["sizes"]) == ("random", [120, 120])
