"""Tests of cross-validation: each sequence is predicted by the run that did not train on it, and the runs become an ensemble."""

import csv
import json
import shutil
from contextlib import contextmanager

import keras
import numpy as np
import pytest
from tiny_network import tiny_preset
from toy_models import write_toy_model

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError, MissingPackageError
from dreamkeras.training import cross_validation
from dreamkeras.training.changes import changed
from dreamkeras.training.config import RunConfig
from dreamkeras.training.cross_validation import _with_length, cross_validate
from dreamkeras.training.strategy.length import Speed

BACKEND = keras.backend.backend()


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A table of 60 sequences with two values each, in folds 2, 4 and 6."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "table.csv"
    lines = ["id,seq,a,b,fold"]
    for row in range(60):
        sequence = "".join(generator.choice(list("ACGT"), 40))
        lines.append(f"s{row},{sequence},{sequence.count('G')},{'' if row % 4 else sequence.count('A')},{2 + 2 * (row % 3)}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def choices(measured, choose):
    """`choices(**more)`: the configuration of two epochs on the table."""
    layout = TableLayout(("a", "b"), fold_column="fold")
    return lambda **more: choose(**{"data": measured, "assay": "table", "table": layout, "batch_size": 20, "folds": "given", **more})


@contextmanager
def unexported():
    """Registers the tiny network, and skips all exports."""
    with tiny_preset() as patch:
        patch.setattr(cross_validation, "export_ensemble", lambda folders, output, **options: output.touch())
        yield


def validate(config, folder, **options):
    lines = []
    return cross_validate(config, folder, lines.append, BACKEND, **options), lines


@pytest.fixture(scope="module")
def given(choices, tmp_path_factory):
    """The metrics, the log lines and the folder of a cross-validation on the folds of the table."""
    folder = tmp_path_factory.mktemp("given") / "cv"
    with unexported():
        return *validate(choices(), folder), folder


@pytest.fixture(scope="module")
def drawn(choices, tmp_path_factory):
    """The same for two drawn folds, with models that count bases and weight them by the fold, instead of a network."""
    import dreamkeras

    def export(folder, **options):
        write_toy_model(folder / "model.onnx", tasks=("a",), weight=1 + int(folder.name == "fold-1"))
        return dreamkeras.load(folder).description

    folder = tmp_path_factory.mktemp("drawn") / "cv"
    with tiny_preset() as patch:
        patch.setattr("dreamkeras.training.run_folder.contents.export_onnx", export)
        return *validate(choices(folds=2, epochs=1, table=TableLayout(("a",))), folder), folder


def test_out_of_fold_predictions_are_in_the_order_of_the_data(given, measured):
    metrics, lines, folder = given
    assert lines[:3] == [f"fold {place}/3: {folder}/fold-{number}" for place, number in ((1, 2), (2, 4), (3, 6))]
    rows = rows_of(folder / "out_of_fold.tsv")
    assert list(rows[0]) == ["id", "fold", "length", "measured_a", "measured_b", "predicted_a", "predicted_b"]
    with open(measured) as file:
        table = list(csv.DictReader(file))
    assert [(row["id"], row["fold"], float(row["measured_a"])) for row in rows] == [
        (row["id"], row["fold"], float(row["a"])) for row in table
    ]
    of_fold = {row["id"]: row["predicted_a"] for row in rows_of(folder / "fold-4" / "validation.tsv")}
    assert of_fold == {row["id"]: row["predicted_a"] for row in rows if row["fold"] == "4"}

    a, b = ([[float(row[f"{kind}_{task}"]) for kind in ("measured", "predicted")] for row in rows] for task in "ab")
    r = [np.corrcoef(np.array(values).T)[0, 1] for values in (a, b[::4])]
    assert metrics["r"] == pytest.approx(np.mean(r))
    assert metrics["tasks"]["b"]["r"] == pytest.approx(r[1])
    assert (metrics["n"], metrics["tasks"]["b"]["n"], list(metrics["folds"])) == (60, 15, ["2", "4", "6"])
    assert json.loads((folder / "metrics.json").read_text()) == metrics


def test_the_baseline_is_compared_out_of_fold(given):
    metrics, lines, folder = given
    assert [line.partition(",")[0] for line in lines[3:]] == ["Warning: The network is behind its baseline"]  # the values are counts
    predicted = {row["id"]: float(row["predicted_b"]) for fold in (2, 4, 6) for row in rows_of(folder / f"fold-{fold}" / "baseline.tsv")}
    pairs = [(float(row["measured_b"]), predicted[row["id"]]) for row in rows_of(folder / "out_of_fold.tsv")][::4]
    baseline = metrics["baseline"]
    assert baseline["tasks"]["b"]["mse"] == pytest.approx(np.mean([(x - y) ** 2 for x, y in pairs]))
    assert (baseline["n"], baseline["tasks"]["b"]["n"], baseline["rows"]) == (60, 15, 40)


def test_folds_are_drawn_if_the_data_have_none(drawn):
    metrics, _, folder = drawn
    assert list(metrics["folds"]) == ["0", "1"]
    config = json.loads((folder / "fold-1" / "config.json").read_text())
    assert (config["folds"], config["valid_fold"], config["table"]["length"]) == (2, 1, 40)
    assert "fold 1 of 2 folds drawn from the data" in (folder / "fold-1" / "README.md").read_text()


def test_a_cross_validation_is_resumed(given, choices, tmp_path):
    first, _, folder = given
    shutil.copytree(folder, tmp_path / "cv")
    kept = (tmp_path / "cv" / "fold-2" / "metrics.json").stat().st_mtime_ns
    (tmp_path / "cv" / "fold-4" / "README.md").unlink()  # interrupted while writing its results
    shutil.rmtree(tmp_path / "cv" / "fold-6")  # not yet started
    with unexported():
        again, _ = validate(choices(), tmp_path / "cv", resume=True)
    assert (tmp_path / "cv" / "fold-2" / "metrics.json").stat().st_mtime_ns == kept
    assert again == first


def test_a_refused_length_changes_nothing(given, choices, tmp_path):
    again = shutil.copytree(given[-1], tmp_path / "cv")
    before = {path: path.read_bytes() for path in again.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="Expected epochs of at least 2, for which the run has already been trained, got 1"):
        validate(changed(choices(), {"epochs": 1}), again, resume=True)
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before


def test_a_cross_validation_is_extended_with_moved_data(given, choices, measured, tmp_path):
    shutil.copytree(given[-1], tmp_path / "cv")
    moved = shutil.copy(measured, tmp_path / "moved.csv")
    with unexported():
        validate(changed(choices(), {"epochs": 3, "data": str(moved)}), tmp_path / "cv", resume=True)
        kept = (tmp_path / "cv" / "fold-2" / "metrics.json").stat().st_mtime_ns
        moved = moved.rename(tmp_path / "moved again.csv")
        again = changed(RunConfig.read(tmp_path / "cv" / "config.json"), {"data": str(moved)})
        validate(again, tmp_path / "cv", resume=True)
    assert (tmp_path / "cv" / "fold-2" / "metrics.json").stat().st_mtime_ns == kept  # complete, and not trained again
    for number in (2, 4, 6):
        config = RunConfig.read(tmp_path / "cv" / f"fold-{number}" / "config.json")
        assert (config.epochs, config.data) == (3, str(moved))
        assert len(rows_of_history(tmp_path / "cv" / f"fold-{number}")) == 3


def test_finished_folds_that_ended_early_continue_with_another_limit(choices, tmp_path, monkeypatch):
    monkeypatch.setattr("dreamkeras.training.run.measure_speed", lambda *args: Speed(0.0, 0.0, 0.0))  # much faster than the run
    with unexported():
        validate(choices(epochs=2, minutes=1e-9), tmp_path / "cv")
        assert [len(rows_of_history(tmp_path / "cv" / f"fold-{number}")) for number in (2, 4, 6)] == [1, 1, 1]
        validate(changed(RunConfig.read(tmp_path / "cv" / "config.json"), {"minutes": 60.0}), tmp_path / "cv", resume=True)
    assert [len(rows_of_history(tmp_path / "cv" / f"fold-{number}")) for number in (2, 4, 6)] == [2, 2, 2]


def test_a_fold_with_a_shortened_schedule_is_finished(choices, tmp_path, monkeypatch):
    monkeypatch.setattr("dreamkeras.training.run.measure_speed", lambda *args: Speed(0.0, 54_000 / 1.5, 0.0))
    with unexported():
        validate(choices(epochs=2, minutes=1000.0), tmp_path / "cv")
        monkeypatch.setattr("dreamkeras.training.run.measure_speed", None)
        validate(RunConfig.read(tmp_path / "cv" / "config.json"), tmp_path / "cv", resume=True)
    for number in (2, 4, 6):
        config = RunConfig.read(tmp_path / "cv" / f"fold-{number}" / "config.json")
        assert (config.epochs, config.fitted_steps) == (2, 1)
        assert json.loads((tmp_path / "cv" / f"fold-{number}" / "metrics.json").read_text())["steps"] == 1


def test_a_cross_validation_of_an_older_version_keeps_its_length(choices, tmp_path):
    for stored, epochs in (({"keep": "auto"}, None), ({}, 80)):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(stored))
        assert _with_length(choices(epochs=None, strategy="autosome"), path).epochs == epochs
    assert _with_length(choices(epochs=3), path).epochs == 3


def test_other_data_are_refused_before_a_fold_is_trained(given, choices, measured, tmp_path):
    shutil.copytree(given[-1], tmp_path / "cv")
    with open(measured) as file:
        (tmp_path / "other.csv").write_text(file.read().replace("A", "C", 5))
    with unexported(), pytest.raises(InputError, match=r"other\.csv differ from the data with which the run was started"):
        validate(changed(choices(), {"data": str(tmp_path / "other.csv")}), tmp_path / "cv", resume=True)


def rows_of_history(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_folds_are_exported_as_an_ensemble(drawn):
    import dreamkeras

    model = dreamkeras.load(drawn[-1])
    assert (model.tasks, len(model.description.members)) == (("a",), 2)
    assert model.predict(["AAACCGGT"]).tolist() == [[4.5]]


@pytest.mark.parametrize(("more", "message"), [
    ({"table": TableLayout(("a",))}, "The data have no fold column"),
    ({"folds": 40}, "Cannot divide the 2 examples into 40 folds"),
])  # fmt: skip
def test_data_without_these_folds_are_refused(quick, choices, tmp_path, more, message):
    if "folds" in more:
        more["data"] = str(tmp_path / "two.csv")
        (tmp_path / "two.csv").write_text("seq,a,b,fold\n" + f"{'ACGT' * 10},1,1,1\n" * 2)
    with pytest.raises(InputError, match=message):
        validate(choices(**more), tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


def test_too_few_rows_for_a_batch_leave_no_folder(quick, choices, tmp_path):
    (tmp_path / "five.csv").write_text("seq,a,b,fold\n" + "".join(f"{'ACGTTGCA'[i:] * 6:.40},{i},1,1\n" for i in range(5)))
    with pytest.raises(InputError, match=r"Expected at least \d+ examples for one batch"):
        validate(choices(data=str(tmp_path / "five.csv"), folds=2), tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


def test_a_folder_with_files_and_another_backend_are_refused(choices, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Expected a new or empty folder"):
        validate(choices(), tmp_path)
    with pytest.raises(MissingPackageError, match=f"Cannot use the backend other, because Keras already runs with the backend {BACKEND}"):
        cross_validate(choices(), tmp_path, print, "other", resume=True)
