"""Tests of runs on human lentiMPRA and fly STARR-seq, from the published tables to a run folder."""

import csv
import itertools
import json

import numpy as np
import pytest
from tiny_network import tiny_preset

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.training.run import train

TABLES = {"lentimpra": "human_lentimpra", "starrseq": "drosophila_starrseq"}
ROWS = 200


@pytest.fixture
def table(data_folder, tmp_path):
    """`table(assay, part)`: a file with the first rows of a published table."""

    def cut(assay, part="train"):
        path = tmp_path / f"{assay}_{part}.tsv"
        with open(data_folder / "data" / TABLES[assay] / f"{part}.tsv") as lines:
            path.write_text("".join(itertools.islice(lines, ROWS + 1)))
        return str(path)

    return cut


def rows_of(path):
    with open(path) as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("assay", TABLES)
def test_examples_are_trained_in_the_measured_orientation(assay, table, choose, tmp_path, quick):
    metrics = train(choose(assay=assay, data=table(assay), valid=table(assay, "valid"), batch_size=50), tmp_path / "run")
    assert metrics["examples"] == metrics["n"] == ROWS
    assert metrics["steps"] == 2 * ROWS / 50  # without reverse complements
    assert (metrics.get("tasks") is None) == (assay == "lentimpra")


def test_the_folds_of_the_human_table_can_be_used(table, choose, tmp_path, quick):
    path = table("lentimpra")
    held = [row["seq_id"] for row in rows_of(path) if row["fold"] == "3"]
    train(choose(assay="lentimpra", data=path, valid_fold=3), tmp_path / "run")
    assert [row["id"] for row in rows_of(tmp_path / "run" / "validation.tsv")] == held


def test_two_tasks_are_in_the_exported_model_plots_and_metrics(table, choose, tmp_path):
    import dreamkeras

    with tiny_preset(exported=True):
        train(choose(assay="starrseq", data=table("starrseq"), epochs=1), tmp_path / "run")
    folder = tmp_path / "run"
    assert list(json.loads((folder / "metrics.json").read_text())["tasks"]) == ["Dev", "Hk"]
    assert {path.name for path in (folder / "plots").iterdir()} >= {"Dev.png", "Hk.png", "Dev_residuals.png", "Hk_residuals.png"}

    rows = rows_of(folder / "validation.tsv")
    examples = find_assay("starrseq").read(table("starrseq"))
    held = [examples.ids.index(row["id"]) for row in rows]
    model = dreamkeras.load(folder)
    assert model.description.tasks == ("Dev", "Hk")
    answered = model.predict([examples.letters[i].tobytes().decode() for i in held])
    written = np.array([[float(row["predicted_Dev"]), float(row["predicted_Hk"])] for row in rows])
    np.testing.assert_allclose(answered, written, atol=1e-3)
    measured = np.array([[float(row["measured_Dev"]), float(row["measured_Hk"])] for row in rows])
    np.testing.assert_allclose(measured, examples.targets[held], rtol=1e-4)
