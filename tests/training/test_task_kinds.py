"""Runs with transformed values, binary tasks and counts: losses, predictions of all formats, metrics, and resuming."""

import csv
import json

import keras
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from tiny_network import tiny_preset

import dreamkeras
from dreamkeras.cli.main import main
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.export.onnx_file import export_onnx
from dreamkeras.export.tracing import load_network
from dreamkeras.models.gradients import Attributor
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics import task_kinds
from dreamkeras.training.config import RunConfig
from dreamkeras.training.cross_validation import cross_validate
from dreamkeras.training.run import resume, train

TASKS = ("v", "b", "c", "u")
MIXED = {"kinds": ("value", "binary", "counts", "value"), "transform": "log2", "offset": 0.5}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A table of 240 sequences: a skewed value, a binary value, a count, and a value that is missing in a third of the rows."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seq", *TASKS, "r1", "r2"])
        for row in range(240):
            sequence = "".join(random.choice(list("ACGT"), 30))
            g = sequence.count("G") - 7.5
            value = np.exp(0.6 * g + 0.2 * random.normal())
            rest = int(random.random() < 1 / (1 + np.exp(-g))), random.poisson(np.exp(2 + 0.2 * g)), "" if row % 3 else 3 + abs(g)
            writer.writerow([sequence, value, *rest, value + 0.1 * random.random(), value + 0.1 * random.random()])
    return str(path)


def options(measured, **fields):
    layout = {"target_column": TASKS, **MIXED, **fields}
    return {"assay": "table", "data": measured, "batch_size": 40, "learning_rate": 0.01, "table": TableLayout(**layout)}


@pytest.fixture(scope="module")
def mixed(measured, choose, tmp_path_factory):
    """The run folder of a run on all kinds of tasks."""
    folder = tmp_path_factory.mktemp("runs") / "mixed"
    with tiny_preset(exported=True):
        train(choose(**options(measured), epochs=4), folder)
    return folder


def columns(folder):
    """Returns the measured and the predicted validation values."""
    with (folder / "validation.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [np.array([[float(row[f"{kind}_{task}"]) for task in TASKS] for row in rows]) for kind in ("measured", "predicted")]


def test_the_onnx_file_and_the_keras_predictor_predict_in_the_unit_of_the_table(mixed, measured):
    with open(measured) as file:
        sequences = [row["seq"] for row in csv.DictReader(file)]
    model, network = dreamkeras.load(mixed), load_network(mixed / "model.keras")
    letters = network.construct.windows(_ragged(sequences))
    found, wanted = model.predict(sequences), keras.ops.convert_to_numpy(network.predictor()(letters))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)
    scales = TableLayout(TASKS, **MIXED).scales
    assert model.description.scales == network.scales == scales
    flags = np.zeros((len(letters), 0), np.float32)
    latent = np.array(keras.ops.convert_to_numpy(network({"letters": letters, "flags": flags}, training=False)["expression"]), np.float64)
    natural = np.stack([2 ** latent[:, 0] - 0.5, 1 / (1 + np.exp(-latent[:, 1])), np.exp(latent[:, 2]), 2 ** latent[:, 3] - 0.5], axis=1)
    np.testing.assert_allclose(wanted, natural, rtol=1e-4, atol=1e-5)
    assert 0 < found[:, 1].min() < found[:, 1].max() < 1


def _ragged(sequences):
    return Ragged.from_strings(sequences)


def test_metrics_are_those_of_the_validation_table(mixed):
    measured, predicted = columns(mixed)
    metrics = json.loads((mixed / "metrics.json").read_text())
    by_task = metrics["tasks"]
    present = ~np.isnan(measured[:, 3])
    assert by_task["v"]["r"] == pytest.approx(np.corrcoef(measured[:, 0], predicted[:, 0])[0, 1], abs=1e-4)
    logs = np.log2(measured + 0.5), np.log2(predicted + 0.5)
    assert by_task["v"]["transformed_r"] == pytest.approx(np.corrcoef(logs[0][:, 0], logs[1][:, 0])[0, 1], abs=1e-4)
    assert by_task["u"]["transformed_r"] == pytest.approx(np.corrcoef(*(part[present, 3] for part in logs))[0, 1], abs=1e-4)
    for name in ("auroc", "auprc", "log_loss"):
        assert by_task["b"][name] == pytest.approx(getattr(task_kinds, name)(measured[:, 1], predicted[:, 1]), abs=1e-4)
    means = np.full(len(measured), measured[:, 2].mean())
    deviance = [task_kinds.poisson_deviance(measured[:, 2], answer) for answer in (predicted[:, 2], means)]
    assert by_task["c"]["deviance_explained"] == pytest.approx(1 - deviance[0] / deviance[1], abs=1e-4)
    assert metrics["transformed_r"] == pytest.approx((by_task["v"]["transformed_r"] + by_task["u"]["transformed_r"]) / 2)
    assert "auroc" not in by_task["c"]
    assert "transformed_r" not in by_task["b"]


def test_the_best_epoch_has_the_best_fit(mixed):
    with (mixed / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    fits = [np.mean([float(row[f"val_fit_{task}"]) for task in TASKS]) for row in rows]
    assert [float(row["val_fit"]) for row in rows] == pytest.approx(fits)
    best = int(np.argmax(fits))
    metrics = json.loads((mixed / "metrics.json").read_text())
    assert metrics["best_epoch"] == best + 1
    for task, name in (("v", "transformed_r"), ("b", "deviance_explained"), ("c", "deviance_explained")):
        assert float(rows[best][f"val_fit_{task}"]) == pytest.approx(metrics["tasks"][task][name], abs=1e-4)


def test_intervals_leave_out_the_binary_task_and_contain_the_validation_values(mixed, tmp_path):
    rows = tmp_path / "rows.tsv"
    measured, _ = columns(mixed)
    with (mixed / "validation.tsv").open() as file:
        ids = [row["id"] for row in csv.DictReader(file, delimiter="\t")]
    with open(json.loads((mixed / "config.json").read_text())["data"]) as file:
        sequences = [row["seq"] for row in csv.DictReader(file)]
    rows.write_text("id\tsequence\n" + "".join(f"{name}\t{sequences[int(name) - 1]}\n" for name in ids))
    done = CliRunner().invoke(main, ["predict", str(rows), "-m", str(mixed), "--interval", "0.8"])
    assert done.exit_code == 0, done.output
    assert "There is no prediction interval for b," in done.stderr
    found = list(csv.DictReader(done.stdout.splitlines(), delimiter="\t"))
    assert set(found[0]) == {"id", *TASKS, "v_low", "v_high", "c_low", "c_high", "u_low", "u_high"}
    low, high = (np.array([float(row[f"v_{side}"]) for row in found]) for side in ("low", "high"))
    within = (low * (1 - 1e-5) <= measured[:, 0]) & (measured[:, 0] <= high * (1 + 1e-5))
    assert np.mean(within) >= 0.8
    assert float(found[0]["v_high"]) - float(found[0]["v"]) > float(found[0]["v"]) - float(found[0]["v_low"])


def test_the_card_names_scales_and_metrics(mixed):
    card = (mixed / "README.md").read_text()
    assert "- Output `v`: as in the table's column v; trained on log2(value + 0.5)\n" in card
    assert "- Output `b`: as in the table's column b; the prediction is a probability\n" in card
    assert "- Output `c`: as in the table's column c; the prediction is an expected count\n" in card
    assert "| AUROC | AUPRC | log loss | deviance explained | Pearson r of transformed values |" in card
    assert "There is no prediction interval for b," in card
    assert "nan" not in card.lower().replace("nature", "")


def test_evaluate_computes_the_metrics_of_kinds(mixed, measured, tmp_path):
    done = CliRunner().invoke(main, ["evaluate", measured, "-m", str(mixed), "-o", str(tmp_path / "out"), "--draws", "10"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())["kinds"]["mixed"]
    assert set(found["b"]) == {"auroc", "auprc", "log_loss", "deviance_explained"}
    assert set(found["v"]) == {"transformed_r"}
    assert f"mixed\tb\t{found['b']['auroc']:.4f}\t" in done.stdout
    assert "Metrics by kind of task" in (tmp_path / "out" / "report.html").read_text()
    with (tmp_path / "out" / "figures.tsv").open() as file:
        rows = {row["task"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert float(rows["c"]["deviance_explained"]) == pytest.approx(found["c"]["deviance_explained"], rel=1e-5)
    assert rows["c"]["auroc"] == ""


def test_a_resumed_run_is_the_uninterrupted_run(measured, choose, tmp_path, quick):
    train(choose(**options(measured), epochs=3), tmp_path / "whole")
    with quick.context() as patch:
        patch.setattr("dreamkeras.training.run.History", TrainingStop)
        with pytest.raises(KeyboardInterrupt):
            train(choose(**options(measured), epochs=3), tmp_path / "killed")
    resume(tmp_path / "killed")
    texts = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "killed")]
    assert texts[0] == texts[1]
    assert RunConfig.read(tmp_path / "killed" / "config.json").table.kinds == MIXED["kinds"]


class TrainingStop(keras.callbacks.Callback):
    """Callback in place of `History` that interrupts the run after the checkpoint of its first epoch."""

    def __init__(self, *_):
        super().__init__()

    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def test_runs_without_kinds_and_transformations_are_unchanged(measured, choose, tmp_path, quick):
    plain = {"target_column": ("v",), "kinds": (), "transform": "none", "offset": 0.0}
    train(choose(**options(measured, **plain), epochs=2), tmp_path / "plain")
    train(choose(**options(measured, **{**plain, "kinds": ("value",)}), epochs=2), tmp_path / "value")
    assert (tmp_path / "plain" / "history.csv").read_text() == (tmp_path / "value" / "history.csv").read_text()
    assert "val_fit" not in (tmp_path / "plain" / "history.csv").read_text()
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    for name in ("transform", "offset", "kinds"):
        del config["table"][name]
    (tmp_path / "plain" / "config.json").write_text(json.dumps(config))  # as written by an older version
    resume(tmp_path / "plain", epochs=3)
    assert len((tmp_path / "plain" / "history.csv").read_text().splitlines()) == 4


def test_training_on_transformed_values_is_training_on_a_transformed_table(measured, choose, tmp_path, quick):
    with open(measured) as file:
        rows = list(csv.DictReader(file))
    own = tmp_path / "own.csv"
    own.write_text("seq,v\n" + "".join(f"{row['seq']},{np.log1p(np.float32(row['v'])):.9g}\n" for row in rows))
    plain = {"target_column": ("v",), "kinds": (), "offset": 0.0}
    train(choose(**options(str(own), **plain, transform="none"), epochs=2), tmp_path / "own")
    train(choose(**options(measured, **plain, transform="log1p"), epochs=2), tmp_path / "log1p")
    found = []
    for name in ("own", "log1p"):
        with (tmp_path / name / "history.csv").open() as file:
            found.append([[float(row[column]) for column in ("loss", "r", "val_r", "val_mse")] for row in csv.DictReader(file)])
    np.testing.assert_allclose(*found, rtol=2e-3)


def test_a_network_learns_probabilities_and_counts_better_than_their_means(mixed):
    tasks = json.loads((mixed / "metrics.json").read_text())["tasks"]
    assert tasks["b"]["auroc"] > 0.6
    assert tasks["c"]["deviance_explained"] > 0


def test_means_of_replicates_are_values_with_a_noise_ceiling(measured, choose, tmp_path, quick):
    fields = {"target_column": (), "kinds": (), "replicate_columns": (("r1", "r2"),)}
    metrics = train(choose(**options(measured, **fields), epochs=1), tmp_path / "run")
    assert metrics["ceiling_r"] > 0.9
    with (tmp_path / "run" / "validation.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    with open(measured) as file:
        table = list(csv.DictReader(file))
    for row in rows:
        wanted = (float(table[int(row["id"]) - 1]["r1"]) + float(table[int(row["id"]) - 1]["r2"])) / 2
        assert float(row["measured_r"]) == pytest.approx(wanted, rel=1e-5)


def test_skewed_values_print_a_suggestion_that_the_card_repeats(measured, choose, tmp_path, capsys):
    plain = {"target_column": ("v",), "kinds": (), "transform": "none", "offset": 0.0}
    with tiny_preset(exported=True):
        train(choose(**options(measured, **plain), epochs=1), tmp_path / "run")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "--transform" in line]
    assert line.startswith("Warning: The values of v are skewed (skewness ")
    assert line.removeprefix("Warning: ") in (tmp_path / "run" / "README.md").read_text()


def test_a_loss_of_values_requires_values(measured, choose):
    with pytest.raises(InputError, match="The loss mse requires a task of the kind value"):
        choose(**options(measured, target_column=("b",), kinds=("binary",), transform="none", offset=0.0), loss="mse")


def test_scales_of_a_network_are_saved(mixed):
    assert load_network(mixed / "model.keras").scales[1:3] == (TaskScale("binary"), TaskScale("counts"))


def test_a_half_precision_file_converts_units_in_single_precision(mixed, measured, tmp_path):
    with open(measured) as file:
        sequences = [row["seq"] for row in csv.DictReader(file)]
    export_onnx(mixed, tmp_path / "half.onnx", precision="float16", sequences=100)
    found, wanted = (dreamkeras.load(path).predict(sequences) for path in (tmp_path / "half.onnx", mixed))
    np.testing.assert_allclose(found, wanted, rtol=0.05, atol=0.02)
    nodes = onnx.load(tmp_path / "half.onnx").graph.node
    makers = {name: node for node in nodes for name in node.output}
    for node in nodes:
        if node.op_type == "Exp":
            before = node
            while before.op_type not in ("Cast", "MatMul", "Conv", "Gemm"):
                before = makers[before.input[0]]
            assert before.op_type == "Cast"  # from float16 to float32


def test_attributions_of_transformed_tasks_explain_the_scale_of_the_network(mixed, measured):
    with open(measured) as file:
        sequences = [row["seq"] for row in csv.DictReader(file)][:3]
    network = load_network(mixed / "model.keras")
    records = Records(["a", "b", "c"], _ragged(sequences), np.arange(1, 4), "table")
    found = Attributor(network, "integrated", steps=32).attribute(records)
    scales = TableLayout(TASKS, **MIXED).scales
    predicted = dreamkeras.load(mixed).predict(sequences)
    latent = np.stack([scale.network(column) for scale, column in zip(scales, predicted.T, strict=True)], axis=1)
    np.testing.assert_allclose(found.reference, latent, rtol=1e-3, atol=1e-4)


def test_cross_validations_have_the_metrics_of_kinds(measured, choose, tmp_path, quick):
    quick.setattr("dreamkeras.training.cross_validation._export", lambda *_: None)
    metrics = cross_validate(choose(**options(measured), epochs=1, folds=2), tmp_path / "cv", lambda line: None)
    with (tmp_path / "cv" / "out_of_fold.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    pair = [np.array([float(row[f"{kind}_b"]) for row in rows]) for kind in ("measured", "predicted")]
    assert metrics["tasks"]["b"]["auroc"] == pytest.approx(task_kinds.auroc(*pair))
    assert set(metrics) > {"auroc", "auprc", "log_loss", "deviance_explained", "transformed_r"}
