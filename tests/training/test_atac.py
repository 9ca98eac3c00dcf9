"""Tests of runs on a simulated genome: held-out chromosomes, resuming, bias models, and export with and without the bias."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

pytest.importorskip("pyBigWig")
from atac_simulation import simulate_atac
from tiny_network import tiny_preset

import dreamkeras
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.errors import ModelError
from dreamkeras.models.presets import PRESETS, Preset
from dreamkeras.training import run
from dreamkeras.training.config import RunConfig

WINDOWS = {"length": 120, "profile_length": 40, "jitter": 10}


def tiny(assay):
    """A small network with every kind of layer of BPNet."""
    from dreamkeras.layers.blocks.bpnet import BPNetCore, BPNetFirst
    from dreamkeras.layers.blocks.profile import ProfileFinal
    from dreamkeras.models.prixfixe import PrixFixe

    blocks = BPNetFirst(6, kernel_size=7), BPNetCore(2), ProfileFinal(assay.profile, assay.construct.length, kernel_size=9)
    return PrixFixe(assay.construct, *blocks, assay.tasks, assay.units, name="tiny")


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return simulate_atac(tmp_path_factory.mktemp("genome"), chromosomes=4, peaks=12, spacing=400)


@pytest.fixture(scope="module")
def choose(genome):
    """`choose(**choices)`: the configuration of a short run on the genome."""

    def chosen(nonpeak_ratio=0.5, data=genome.peaks, **choices):
        layout = AtacLayout(genome.genome, genome.signal, genome.nonpeaks, nonpeak_ratio=nonpeak_ratio, **WINDOWS)
        usual = {"data": data, "model": "tiny", "backend": keras.backend.backend(), "epochs": 2, "batch_size": 16, "valid_fold": "chr2"}
        return RunConfig(assay="atac", atac=layout, **{**usual, **choices})

    return chosen


@pytest.fixture
def quick(monkeypatch):
    """Skips plots and export at the end of runs."""
    with tiny_preset() as patch:
        patch.setitem(PRESETS, "tiny", Preset("tiny", tiny))
        yield


@pytest.fixture(scope="module")
def runs(choose, genome, tmp_path_factory):
    """The run folders of a bias model and of a network with this bias model. The second one has plots and exports."""
    folder = tmp_path_factory.mktemp("runs")
    with tiny_preset() as patch:
        patch.setitem(PRESETS, "tiny", Preset("tiny", tiny))
        run.train(choose(data=genome.nonpeaks, nonpeak_ratio=0, epochs=1), folder / "bias")
    with tiny_preset(exported=True) as patch:
        patch.setitem(PRESETS, "tiny", Preset("tiny", tiny))
        run.train(choose(bias=str(folder / "bias")), folder / "both")
    return folder


def history(folder):
    return (folder / "history.csv").read_text()


def test_a_resumed_run_equals_an_uninterrupted_one(choose, tmp_path, quick, monkeypatch):
    run.train(choose(), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(run, "write_results", lambda *args: pytest.fail("killed"))
        patch.setattr(run.Checkpoint, "on_epoch_begin", lambda self, epoch, logs=None: epoch and pytest.exit("killed"), raising=False)
        with pytest.raises(pytest.exit.Exception):
            run.train(choose(), tmp_path / "parts")
    run.resume(tmp_path / "parts", keras.backend.backend())
    assert history(tmp_path / "parts") == history(tmp_path / "whole")


def test_a_chromosome_is_held_out_by_default(choose, tmp_path, quick):
    run.train(choose(valid_fold=None, epochs=1), tmp_path / "run")
    rows = (tmp_path / "run" / "validation.tsv").read_text().splitlines()[1:]
    assert len({row.split(":")[0] for row in rows}) == 1


def test_the_run_folder_describes_profiles(runs):
    metrics = json.loads((runs / "both" / "metrics.json").read_text())
    assert {"r", "peaks_r", "profile_jsd", "profile_jsd_shuffled", "loss"} <= set(metrics)
    assert history(runs / "both").splitlines()[0].split(",")[-3:] == ["val_loss", "val_profile_jsd", "learning_rate"]
    config = json.loads((runs / "both" / "config.json").read_text())
    assert Path(config["atac"]["genome"]).is_absolute()
    assert Path(config["bias"]).is_absolute()
    card = (runs / "both" / "README.md").read_text()
    assert "median profile distance" in card
    assert "Bias model of the enzyme: `bias`, with fixed weights" in card
    assert str(runs) not in card


def test_the_bias_can_be_exported_or_omitted(runs, tmp_path):
    from dreamkeras.export import export_onnx

    description = export_onnx(runs / "both", tmp_path / "free.onnx", without_bias=True)
    both, free = dreamkeras.load(runs / "both"), dreamkeras.load(tmp_path / "free.onnx")
    assert (both.name, free.name, description.name) == ("tiny", "tiny-without-bias", "tiny-without-bias")
    assert both.description.training["bias"] == "bias"
    sequences = ["".join(letters) for letters in np.random.default_rng(0).choice(list("ACGT"), (5, 120))]
    assert (both.predict(sequences) > free.predict(sequences)).all()
    network = keras.saving.load_model(runs / "both" / "model.keras", compile=False)
    letters = np.array([list(sequence.encode()) for sequence in sequences], np.uint8)
    wanted = network.with_options().predictor().predict(letters, verbose=0)
    np.testing.assert_allclose(free.predict(sequences), wanted[:, :1], atol=1e-4)
    np.testing.assert_allclose(free.score_profiles(letters), wanted[:, 1:], atol=1e-5)


def test_without_bias_requires_a_bias_model(runs, tmp_path):
    from dreamkeras.export.tracing import trace

    with pytest.raises(ModelError, match="Expected a model that was trained with an enzyme's bias, got tiny in"):
        trace(runs / "bias" / "model.keras", None, without_bias=True)


def test_a_bias_model_requires_non_peaks_for_its_level(runs, choose, tmp_path, quick):
    with pytest.raises(ModelError, match="Expected windows outside peaks in the training data"):
        run.train(choose(nonpeak_ratio=0, bias=str(runs / "bias")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_profile_models_cannot_be_exported_as_an_ensemble(runs, tmp_path):
    from dreamkeras.export import export_ensemble

    copy = shutil.copytree(runs / "both", tmp_path / "copy")
    with pytest.raises(ModelError, match="Models with profiles cannot be combined in one file"):
        export_ensemble([runs / "both", copy], tmp_path / "all.onnx")
