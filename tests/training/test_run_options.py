"""Tests of the options of a run on several networks: training, effect and resuming after a kill."""

import csv
import dataclasses
import json
import os
import subprocess
import sys
from itertools import islice

import keras
import killed_run
import numpy as np
import pytest
from tiny_network import tiny, tiny_preset

import dreamkeras
from dreamkeras.data.assays.registry import ASSAYS, find_assay
from dreamkeras.data.simulation.library import examples as simulated_examples
from dreamkeras.data.simulation.library import simulate
from dreamkeras.layers.blocks.autosome import AutosomeCore
from dreamkeras.layers.blocks.bhi import BHICore, BHIFinal, BHIFirst
from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.layers.blocks.unlockdna import UnlockDNACore, UnlockDNAFinal, UnlockDNAFirst
from dreamkeras.models.presets import PRESETS, Preset
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.training import run
from dreamkeras.training.batches.dataset import training_batches
from dreamkeras.training.run import resume, train

BACKEND = keras.backend.backend()


def rnn(assay):
    """A small network of the blocks of BHI."""
    return PrixFixe(assay.construct, BHIFirst(8), BHICore(8, 4, (3, 5)), BHIFinal(hidden=(4,)), assay.tasks, assay.units, name="rnn")


def attn(assay):
    """A small network of the blocks of Unlock_DNA, which process both strands together."""
    first, core = UnlockDNAFirst(8, 3, both_strands=True), UnlockDNACore(blocks=1, heads=2, kernel_size=3)
    return PrixFixe(assay.construct, first, core, UnlockDNAFinal(positions=4), assay.tasks, assay.units, name="attn")


NETWORKS = {"tiny": tiny, "rnn": rnn, "attn": attn}

OPTIONS = [
    {},
    *({"strategy": name} for name in ("autosome", "bhi", "unlockdna", "proformer", "legnet")),
    *({"loss": name} for name in ("mse", "huber", "l1", "pearson")),
    *({"optimizer": name} for name in ("adamw", "adam", "lion")),
    {"ema": 0.9},
    {"mask": 0.1},
    {"detect_mutations": 0.1},
    {"slide": 3},
    {"jitter": 0.5},
    {"balance": True},
    {"test_shifts": 1},
]

EVERYTHING = {"ema": 0.9, "mask": 0.1, "detect_mutations": 0.1, "slide": 3, "jitter": 0.5, "balance": True, "test_shifts": 1}


@pytest.fixture
def networks(quick):
    for name, build in NETWORKS.items():
        quick.setitem(PRESETS, name, Preset(name, build))
    return quick


def history(folder):
    with open(folder / "history.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


CASES = [(list(NETWORKS)[i % 3], options) for i, options in enumerate(OPTIONS)]
CASES += [(name, {**EVERYTHING, "strategy": strategy}) for name, strategy in zip(NETWORKS, ("unlockdna", "bhi", "autosome"), strict=True)]


@pytest.mark.parametrize(("network", "options"), CASES, ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)))
def test_every_option_trains_a_step(networks, choose, network, options):
    config = choose(model=network, batch_size=16, **options)
    data = run.read_data(config)
    model, plan = run.prepare(config, data)
    before = [np.array(weight) for weight in model.get_weights()]
    (inputs, targets), *_ = islice(training_batches(data.training, plan.epoch_steps, 0, plan.augmentation), 1)
    assert np.isfinite(model.train_on_batch(inputs, targets)).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))
    assert model.predictor().predict_on_batch(inputs["letters"][:2]).shape == (2, 1)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_heads_of_options_compute_in_the_precision_of_the_run(networks, choose, precision):
    config = choose(precision=precision, mask=0.2, test_shifts=1, ema=0.9, strategy="unlockdna")
    data = run.read_data(config)
    model, plan = run.prepare(config, data)
    assert {model.dtype_policy.name, model.get_layer("nucleotides").compute_dtype} == {f"mixed_{precision}", precision}
    batches = training_batches(data.training, plan.epoch_steps, 0, plan.augmentation)
    assert all(np.isfinite(model.train_on_batch(*batch)).all() for batch in islice(batches, 2))


def test_steps_end_the_last_epoch(networks, choose, tmp_path):
    train(choose(epochs=None, steps=8), tmp_path / "run")  # 5 steps per epoch
    assert metrics(tmp_path / "run")["steps"] == 8
    assert [row["epoch"] for row in history(tmp_path / "run")] == [1, 2]
    assert history(tmp_path / "run")[-1]["learning_rate"] < 1e-4  # the cycle ends with the last step
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["steps"], config["epochs"]) == (8, None)
    before = (tmp_path / "run" / "history.csv").read_bytes()
    resume(tmp_path / "run", BACKEND)
    assert (tmp_path / "run" / "history.csv").read_bytes() == before


def test_the_moving_average_is_validated_and_saved(networks, choose, tmp_path):
    folder = tmp_path / "run"
    train(choose(ema=0.9, epochs=1), folder)
    with np.load(folder / "checkpoint" / "state.npz") as arrays:
        groups = {
            group: [arrays[name] for name in arrays.files if name.startswith(f"{group}.")] for group in ("model", "optimizer", "best")
        }
    saved = keras.models.load_model(folder / "model.keras")
    trained = [i for i, variable in enumerate(saved.variables) if variable.trainable]
    for i in trained:
        np.testing.assert_array_equal(np.array(keras.ops.convert_to_numpy(saved.variables[i])), groups["best"][i])
    assert any((groups["model"][i] != groups["best"][i]).any() for i in trained)
    kept = [value.tobytes() for value in groups["optimizer"]]
    assert all(groups["best"][i].tobytes() in kept for i in trained)
    assert metrics(folder)["mse"] == pytest.approx(history(folder)[0]["val_mse"], rel=1e-6)


def test_a_resumed_run_with_all_options_equals_an_uninterrupted_one(networks, choose, library, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = {name: value for name, value in EVERYTHING.items() if name != "balance"}
    flags = ["--balance", *(text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value))]
    train(choose(epochs=3, **EVERYTHING), whole)
    command = [sys.executable, killed_run.__file__, "after_a_line", "train", library, "--model", "tiny", "--epochs", 3, "--batch-size", 64]
    command += ["--seed", 3, "--backend", BACKEND, *flags, "--out", killed]
    env = {**os.environ, "KERAS_BACKEND": BACKEND}
    done = subprocess.run([*map(str, command)], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == -9, done.stderr
    assert history(killed) == history(whole)[:1]
    resume(killed, BACKEND)
    assert (killed / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
    assert (killed / "validation.tsv").read_bytes() == (whole / "validation.tsv").read_bytes()


class TestTwoTasks:
    @pytest.fixture
    def assay(self, networks):
        """Simulated promoters with two tasks: the expression, of which a third is missing, and its negative on another scale."""
        assay = find_assay("yeast")._replace(name="pair", tasks=("Dev", "Hk"), units=("log2", "arbitrary"), bins=None, read=self.read)
        networks.setitem(ASSAYS, "pair", assay)
        networks.setitem(PRESETS, "two", Preset("two", self.network))
        return assay

    def read(self, path, on_error="fail"):
        library = simulated_examples(simulate(160, 0))
        targets = np.concatenate([library.targets, 500 - 100 * library.targets], axis=1).astype(np.float32)
        targets[::3, 0] = np.nan
        return dataclasses.replace(library, targets=targets)

    def network(self, assay):
        final = AutosomeRegressionFinal(2, 4)
        return PrixFixe(assay.construct, BHIFirst(8), AutosomeCore((4,)), final, assay.tasks, assay.units, name="two")

    @pytest.mark.parametrize("loss", [None, "huber"])
    def test_each_task_is_trained_on_its_scale_and_measured_values(self, assay, choose, tmp_path, loss):
        figures = train(choose(assay="pair", model="two", epochs=2, loss=loss, learning_rate=0.01), tmp_path / "run")
        assert set(figures["tasks"]) == {"Dev", "Hk"}
        assert figures["r"] == pytest.approx(np.mean([task["r"] for task in figures["tasks"].values()]))
        assert figures["tasks"]["Dev"]["n"] < figures["tasks"]["Hk"]["n"] == figures["n"]
        rows = history(tmp_path / "run")
        assert {"val_r", "val_r_Dev", "val_r_Hk", "val_mse_Hk"} <= set(rows[0])
        assert all(np.isfinite(list(row.values())).all() for row in rows)
        with open(tmp_path / "run" / "validation.tsv", newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t"))
        predicted = np.array([[float(row[f"predicted_{task}"]) for task in ("Dev", "Hk")] for row in table])
        measured = np.array([[float(row[f"measured_{task}"] or "nan") for task in ("Dev", "Hk")] for row in table])
        # Initial predictions are in the units of the assay, with means of 11 and -500.
        assert (np.abs(predicted.mean(0) - np.nanmean(measured, 0)) < 3 * np.nanstd(measured, 0)).all()


def test_the_exported_graph_shifts_windows_and_has_no_auxiliary_heads(choose, tmp_path):
    import onnx

    with tiny_preset(exported=True):
        train(choose(epochs=1, mask=0.2, detect_mutations=0.1, test_shifts=2), tmp_path / "run")
    graph = onnx.load(tmp_path / "run" / "model.onnx").graph
    assert [output.name for output in graph.output] == ["expression"]
    names = " ".join([*(node.name for node in graph.node), *(weight.name for weight in graph.initializer)])
    assert "nucleotides" not in names
    assert "mutated" not in names
    network = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert (network.auxiliary, network.test_shifts) == (("nucleotides", "mutated"), 2)
    model = dreamkeras.load(str(tmp_path / "run"))
    sequence = "TGCATTTTTTTCACATC" + "ACGTTGCA" * 10 + "GGTTACGGCTGTT"
    windows = network.construct.windows(Ragged.from_strings([sequence]))
    alone = network.with_options().predictor()
    padded = np.pad(windows, ((0, 0), (2, 2)), constant_values=ord("N"))
    wanted = np.mean([alone.predict_on_batch(padded[:, i : i + 150]) for i in range(5)], axis=0)
    np.testing.assert_allclose(model.predict([sequence]), wanted, atol=1e-4)
