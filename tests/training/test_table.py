"""Tests of runs on users' tables: published tables as on their assays, weights in the loss, and the noise ceiling."""

import csv
import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_network import tiny_preset

from dreamkeras.data.assays.table import table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.training.run import resume, train
from dreamkeras.training.run_data import describe_weights

PUBLISHED = {
    "lentimpra": ("human_lentimpra", {"target_column": ("mean_value",), "reverse_mark": "_Reversed:"}),
    "starrseq": ("drosophila_starrseq", {"target_column": ("Dev_log2_enrichment", "Hk_log2_enrichment"), "reverse_mark": "_-_"}),
}
ADAPTERS = {"left_adapter": "AGGACCGGATCAACT", "right_adapter": "CATTGCGTGAACCGA"}


def history(folder):
    """Returns the numbers of the history without column names, which contain the names of tasks."""
    with open(folder / "history.csv") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture
def table(data_folder, tmp_path):
    """`table(folder, part)`: a file with the first 200 rows of a published table."""

    def cut(folder, part="train"):
        path = tmp_path / f"{folder}_{part}.tsv"
        with open(data_folder / "data" / folder / f"{part}.tsv") as lines:
            path.write_text("".join(itertools.islice(lines, 201)))
        return str(path)

    return cut


@pytest.mark.parametrize("assay", PUBLISHED)
def test_a_published_table_gives_the_same_numbers_as_its_assay(assay, table, choose, tmp_path, quick):
    folder, fields = PUBLISHED[assay]
    choices = {"data": table(folder), "valid": table(folder, "valid"), "batch_size": 50}
    train(choose(assay=assay, **choices), tmp_path / "own")
    train(choose(assay="table", table=TableLayout(**fields), **choices), tmp_path / "table")
    assert history(tmp_path / "own") == history(tmp_path / "table")


def test_a_table_with_adapters_is_split_as_in_its_assay(table, choose, tmp_path, quick):
    folder, fields = PUBLISHED["lentimpra"]
    train(choose(assay="lentimpra", data=table(folder), epochs=1), tmp_path / "own")
    train(choose(assay="table", data=table(folder), epochs=1, table=TableLayout(**fields, **ADAPTERS)), tmp_path / "table")
    assert history(tmp_path / "own") == history(tmp_path / "table")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A table of 120 sequences of 20 to 30 bases, with two values, some of them missing, weights and replicates."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seq", "a", "b $/m", "barcodes", "r1", "r2"])
        for row in range(120):
            sequence = "".join(generator.choice(list("ACGT"), 20 + row % 11))
            a, b = sequence.count("G"), "NA" if row % 3 else generator.normal()
            writer.writerow([sequence, a, b, 1 + row % 5, a + generator.normal(), a + generator.normal()])
    return str(path)


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def write_table(path, values, rows=60):
    """Writes sequences and the values of each task, with empty cells for missing values. The last five rows are fold 1."""
    generator = np.random.default_rng(0)
    lines = [",".join(["seq", "fold", *values])]
    for row in range(rows):
        sequence = "".join(generator.choice(list("ACGT"), 30))
        cells = [str(value(row, sequence.count("G"))) for value in values.values()]
        lines.append(",".join([sequence, str(int(row >= rows - 5)), *cells]))
    path.write_text("\n".join(lines) + "\n")
    return {"assay": "table", "data": str(path), "valid_fold": 1, "batch_size": 20}


WITHOUT_R = {
    "sparse": ({"dense": lambda row, g: g, "sparse": lambda row, g: row if row in (3, 40, 57) else ""}, "sparse (1 validation value)"),
    "unvalidated": ({"dense": lambda row, g: g, "sparse": lambda row, g: row if row < 40 else ""}, "sparse (no validation values)"),
    "constant": ({"flat": lambda row, g: 0.1}, "flat (5 validation values, all the same)"),
    "one row": ({"a": lambda row, g: g if row < 55 or row == 57 else ""}, "a (1 validation value)"),
}


@pytest.mark.parametrize("case", WITHOUT_R)
def test_epochs_are_ranked_if_r_of_a_task_is_undefined(case, choose, tmp_path, capsys):
    values, named = WITHOUT_R[case]
    choices = write_table(tmp_path / "table.csv", values)
    layout = TableLayout(tuple(values), fold_column="fold")
    with tiny_preset(exported=True):
        train(choose(**choices, table=layout, epochs=4, learning_rate=0.05), tmp_path / "run")
    shown = capsys.readouterr().err
    assert shown.count("Warning: ") == shown.count(f"Validation r is undefined for {named}") == 1
    assert "nan" not in shown
    with open(tmp_path / "run" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    column, sign = ("val_r", 1) if "dense" in values else ("val_relative_mse", -1)
    best = max(rows, key=lambda row: sign * float(row[column]))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(), parse_constant=refuse)
    assert metrics["best_epoch"] == int(best["epoch"])
    assert (metrics["r"] is None) == (column != "val_r")
    assert metrics["relative_mse"] == pytest.approx(float(rows[metrics["epoch"] - 1]["val_relative_mse"]), rel=1e-4)
    assert "nan" not in (tmp_path / "run" / "README.md").read_text().lower().replace("nature", "")


def test_a_run_with_undefined_r_is_resumed_without_differences(choose, tmp_path, quick):
    choices = choose(
        **write_table(tmp_path / "table.csv", WITHOUT_R["one row"][0]), table=TableLayout(("a",), fold_column="fold"), epochs=4
    )
    train(choices, tmp_path / "whole")
    quick.setattr("dreamkeras.training.run.write_results", lambda *parts: parts)
    train(choices, tmp_path / "killed")
    _, _, trained, *_ = resume(tmp_path / "killed", choices.backend)
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    assert trained.state.best_epoch == 1 + int(np.argmin([float(row[-2]) for row in history(tmp_path / "whole")]))


FIELDS = {"target_column": ("a", "b $/m"), "weight_column": "barcodes", "replicate_columns": (("r1", "r2"), ("r1", "r2"))}


def test_metrics_have_the_noise_ceiling_of_each_task(measured, choose, tmp_path, capsys):
    with tiny_preset(exported=True):
        train(choose(assay="table", data=measured, valid=measured, table=TableLayout(**FIELDS)), tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    table = np.genfromtxt(measured, delimiter=",", skip_header=1, usecols=(4, 5))
    rho = np.corrcoef(table.T)[0, 1]
    for figures in (metrics, metrics["tasks"]["a"]):
        assert figures["replicate_r"] == pytest.approx(rho, abs=1e-6)
        assert figures["ceiling_r"] == pytest.approx(np.sqrt(2 * rho / (1 + rho)), abs=1e-6)
    assert metrics["tasks"]["b $/m"]["n"] == 40
    card = (tmp_path / "run" / "README.md").read_text()
    assert "| r between replicates | noise ceiling of r |" in card
    assert "Spearman 1904" in card
    weights = np.arange(120) % 5 + 1.0
    weights /= weights + 3
    effective = weights.sum() ** 2 / np.sum(weights**2)
    assert metrics["effective_examples"] == pytest.approx(effective, abs=0.06)
    said = f"w / (w + 3), where w is column `barcodes`. Effective number of training sequences: {effective:,.0f} of 120"
    assert f"- Sequence weights: {said}\n" in card
    assert f"Weights: {said}.\n" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "run" / "plots").iterdir()} >= {"a.png", "b_m.png", "b_m_residuals.png"}


def test_both_strands_are_trained_on_request(measured, choose, tmp_path, quick):
    choices = {"data": measured, "valid": measured, "assay": "table", "epochs": 1, "batch_size": 40}
    assert train(choose(table=TableLayout(("a",), both_strands=True), **choices), tmp_path / "both")["steps"] == 2 * 120 / 40


def test_a_resumed_run_keeps_its_window_and_weights(measured, choose, tmp_path, quick):
    import keras

    choices = {"data": measured, "valid": measured, "assay": "table", "table": TableLayout(**FIELDS)}
    train(choose(**choices), tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["table"]["length"], config["table"]["weight_half"]) == (30, 3)
    before = history(tmp_path / "run")
    resume(tmp_path / "run", keras.backend.backend())
    assert history(tmp_path / "run") == before
    (tmp_path / "other.csv").write_text(Path(measured).read_text().replace(",1,", ",9,"))
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "data": str(tmp_path / "other.csv")}))
    with pytest.raises(InputError, match=r"Cannot resume the run in .*: the data in .* have changed since the run was started"):
        resume(tmp_path / "run", keras.backend.backend())


def test_weights_affect_training_and_their_scale_does_not(measured, choose, tmp_path, quick):
    header, *rows = csv.reader(Path(measured).read_text().splitlines())
    lines = [header, *([*row[:3], f"{row[3]}e-12", *row[4:]] for row in rows)]  # the sum of the weights of a batch is tiny
    (tmp_path / "tiny.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    choices = {"valid": measured, "assay": "table", "epochs": 1}
    weighted = TableLayout(("a",), weight_column="barcodes")
    runs = {"plain": (measured, TableLayout(("a",))), "weighted": (measured, weighted), "tiny": (str(tmp_path / "tiny.csv"), weighted)}
    for name, (data, layout) in runs.items():
        train(choose(data=data, table=layout, **choices), tmp_path / name)
    plain, one, tiny = (np.array(history(tmp_path / name), float) for name in runs)
    np.testing.assert_allclose(one, tiny, rtol=1e-4)
    assert abs(one - plain).max() > 1e-3


def test_a_run_of_an_older_version_keeps_its_raw_weights(measured, choose, tmp_path, quick):
    import keras

    raw = TableLayout(("a",), weight_column="barcodes", weight="raw")
    train(choose(data=measured, valid=measured, assay="table", table=raw), tmp_path / "run")
    before = history(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    for name in ("weight", "weight_half"):
        del config["table"][name]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    (tmp_path / "run" / "checkpoint" / "state.npz").unlink()  # trains again from the start
    resume(tmp_path / "run", keras.backend.backend())
    assert history(tmp_path / "run") == before


def test_raw_weights_that_a_few_sequences_dominate_are_reported(measured):
    examples = table_assay(TableLayout(("a",), weight_column="barcodes", weight="raw", length=30)).read(measured)
    few = dataclasses.replace(examples, weights=np.where(np.arange(120) < 12, 1000, 1).astype(np.float32))
    layout = TableLayout(("a",), weight_column="barcodes", weight="raw")
    assert describe_weights(layout, examples).endswith("98 of 120")
    assert describe_weights(layout, few).endswith("12 of 120. A few sequences dominate the loss. Omit --weight raw to limit their weights")
    assert "raw" not in describe_weights(dataclasses.replace(layout, weight="saturating"), few)
