"""All combinations of the three teams' first, core and final blocks: size, a training step, saving and export."""

import itertools
import os
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from math import prod

import keras
import numpy as np
import pytest
from keras_arrays import compile_once, random_letters, randomise

import dreamkeras
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.layers.slots import BLOCKS, find_block
from dreamkeras.models.presets import build_model
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.construct import Construct

TEAMS = ("autosome", "bhi", "unlockdna")
COMBINATIONS = [",".join(names) for names in itertools.product(TEAMS, repeat=3)]
LENGTH, INPUTS = 150, 6

# Small blocks, but wide enough that a ReLU layer is unlikely to start with all outputs at zero.
SMALL = {
    ("first", "autosome"): {"channels": 8},
    ("first", "bhi"): {"channels": 32},
    ("first", "unlockdna"): {"channels": 16},
    ("core", "autosome"): {"widths": (8, 4)},
    ("core", "bhi"): {"channels": 32, "units": 5},
    ("core", "unlockdna"): {"blocks": 1},
    ("final", "bhi"): {"hidden": (32,)},
    ("final", "unlockdna"): {"positions": 4},
}
CONSTRUCT = Construct("toy", 30, flags=("is_reverse", "is_singleton"))


def convolution(taps, inputs, filters):
    return taps * inputs * filters + filters


def first_size(team):
    """Returns the output channels and the number of trainable parameters."""
    return {
        "autosome": (256, 7 * INPUTS * 256 + 2 * 256),
        "bhi": (320, convolution(9, INPUTS, 160) + convolution(15, INPUTS, 160)),
        "unlockdna": (256, convolution(3, INPUTS, 256)),
    }[team]


def autosome_core_size(channels):
    total = 0
    for width in (128, 128, 64, 64, 64, 64):
        inner, gate = 4 * width, channels // 4
        total += channels * inner + 2 * inner + 7 * 2 * inner + 2 * inner  # widen, mix
        total += inner * gate + gate + gate * inner + inner  # squeeze and excite
        total += inner * channels + 2 * channels + 7 * 2 * channels * width + 2 * width  # narrow, resize
        channels = width
    return channels, total


def bhi_core_size(channels):
    lstm = 2 * (channels * 1280 + 320 * 1280 + 2 * 1280)  # two directions; two biases, as torch has them
    return 320, lstm + convolution(9, 640, 160) + convolution(15, 640, 160)


def unlockdna_core_size(channels, length):
    feed_forward = 2 * channels + channels * 4 * channels + 2 * channels * channels
    along = 15 * channels + channels * channels + channels
    attention = 4 * (channels * channels + channels)
    return channels, length * channels + 4 * (2 * feed_forward + 2 * 2 * channels + along + attention)


def final_size(team, channels, length):
    dense = [(length * channels, 64), (64, 64), (64, 1)]
    return {
        "autosome": channels * 18 + 18,
        "bhi": sum(inputs * outputs + outputs for inputs, outputs in dense),
        "unlockdna": channels + 1 + 4 * channels + 4,
    }[team]


def size(combination):
    """Computes the number of parameters. Unlock_DNA's entry reads both strands in sequence, each marked by a learned vector."""
    first, core, final = combination.split(",")
    length = 2 * LENGTH if {first, core, final} == {"unlockdna"} else LENGTH
    channels, total = first_size(first)
    strands = 2 * channels if length > LENGTH else 0
    cores = {"autosome": autosome_core_size, "bhi": bhi_core_size, "unlockdna": partial(unlockdna_core_size, length=length)}
    channels, more = cores[core](channels)
    return total + strands + more + final_size(final, channels, length)


def small(combination):
    blocks = [find_block(slot, name)(**SMALL.get((slot, name), {})) for slot, name in zip(BLOCKS, combination.split(","), strict=True)]
    return PrixFixe(CONSTRUCT, *blocks, name=combination.replace(",", "-"))


def batch(rows=6):
    flags = np.random.default_rng(1).integers(0, 2, (rows, 2)).astype(np.float32)
    return {"letters": random_letters(rows, CONSTRUCT.length), "flags": flags}


def expression(model):
    return np.asarray(model.predict_on_batch(batch())["expression"])


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Returns a small network of every combination, with random weights, and the folder in which the networks are saved."""
    folder = tmp_path_factory.mktemp("combinations")
    made = {combination: randomise(small(combination)) for combination in COMBINATIONS}
    for combination, network in made.items():
        network.save(folder / f"{combination}.keras")
    return made, folder


@pytest.fixture(scope="module")
def exported(networks):
    """Exports every combination in a single TensorFlow process and returns the folder."""
    for package in ("tensorflow", "tf2onnx", "onnxruntime"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    _, folder = networks
    program = (
        "import sys, keras\n"
        "from dreamkeras.export import export_onnx\n"
        "for name in sys.argv[2:]:\n"
        "    export_onnx(f'{sys.argv[1]}/{name}.keras', training={})\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", program, str(folder), *COMBINATIONS], env=environment, check=True)
    return folder


def test_the_published_combinations_have_their_published_sizes():
    published = {"bhi,autosome,autosome": 1_933_970, "bhi,bhi,autosome": 4_130_578, "autosome,unlockdna,autosome": 4_539_410}
    assert {name: size(name) for name in published} == published
    # Counted in the reference for windows of 150 bases. docs/explanation/differences.md explains the 77,569 fewer parameters of Unlock_DNA.
    entries = {"autosome": 1_725_122, "bhi": 7_201_089, "unlockdna": 4_646_150 - 300 * 256 - 2 * 256 - 257}
    assert {name: size(",".join([name] * 3)) for name in entries} == entries


@pytest.mark.parametrize("name", COMBINATIONS)
def test_combination_built_from_its_name_has_the_expected_size(name):
    network = build_model(name, find_assay("yeast"))
    assert sum(prod(weight.shape) for weight in network.trainable_weights) == size(name)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_training_step_changes_all_weights(name):
    network = small(name)
    network.final.fit_scale(np.array([[4], [12]], np.float32))
    compile_once(network, keras.optimizers.Adam(1e-3), jit_compile=keras.backend.backend() == "jax")
    before = [np.array(weight) for weight in map(keras.ops.convert_to_numpy, network.trainable_weights)]
    inputs, masked = batch(), np.random.default_rng(2).random((6, CONSTRUCT.length)) < 0.3
    truth = {"expression": np.linspace(2, 14, 6, dtype=np.float32)[:, None], "letters": inputs["letters"], "masked": masked}
    hidden = {**inputs, "letters": np.where(masked, np.uint8(ord("N")), inputs["letters"])}
    assert np.isfinite(network.train_on_batch(hidden, truth)).all()
    for old, weight in zip(before, network.trainable_weights, strict=True):
        new = keras.ops.convert_to_numpy(weight)
        assert np.isfinite(new).all(), weight.path
        assert (new != old).any(), weight.path


@pytest.mark.parametrize("name", COMBINATIONS)
def test_loaded_combination_predicts_the_same(name, networks):
    made, folder = networks
    again = keras.saving.load_model(folder / f"{name}.keras", compile=False)
    np.testing.assert_allclose(expression(again), expression(made[name]), atol=1e-5)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_exported_combination_predicts_the_same(name, networks, exported):
    made, _ = networks
    letters = random_letters(9, CONSTRUCT.length, seed=5)
    wanted = np.asarray(made[name].predictor().predict_on_batch(letters))
    answered = dreamkeras.load(exported / f"{name}.onnx", device="cpu").score_letters(letters)
    np.testing.assert_allclose(answered, wanted, atol=1e-4)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_combination_supports_two_tasks(name):
    assay = find_assay("starrseq")
    network = build_model(name, assay._replace(construct=CONSTRUCT))
    assert network.output["expression"].shape == (None, 2)
