"""Tests of networks that start from the weights of other networks."""

import json
import shutil

import keras
import numpy as np
import pytest
from keras_arrays import random_letters, randomise
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import InputError, ModelError
from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal
from dreamkeras.layers.blocks.bhi import BHICore, BHIFirst
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.training.run import resume, train
from dreamkeras.training.warm_start import body_variables, freeze, take_weights

YEAST, FLY = find_assay("yeast"), find_assay("starrseq")


def weights(network, *slots):
    return [np.array(keras.ops.convert_to_numpy(weight)) for slot in slots for weight in getattr(network, slot).weights]


def same(one, other):
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def source(tmp_path):
    """A network of the yeast assay with changed weights, and the folder in which it is saved."""
    network = randomise(tiny(YEAST))
    network.save(tmp_path / "model.keras")
    return network, tmp_path


def test_all_weights_are_copied_for_the_same_tasks(source):
    network, folder = source
    ours = tiny(YEAST)
    assert take_weights(ours, folder)
    letters = random_letters(3, YEAST.construct.length)
    np.testing.assert_allclose(ours.predictor().predict_on_batch(letters), network.predictor().predict_on_batch(letters), atol=1e-6)


def test_the_head_is_kept_for_other_tasks(source):
    network, folder = source
    construct = YEAST.construct
    final = AutosomeFinal.for_assay(FLY)
    ours = PrixFixe(construct, BHIFirst(8), AutosomeCore((4,)), final, FLY.tasks, FLY.units)
    before = weights(ours, "final")
    assert not take_weights(ours, folder)
    assert same(weights(ours, "first", "core"), weights(network, "first", "core"))
    assert same(weights(ours, "final"), before)


def test_the_head_is_kept_for_other_units(source):
    _, folder = source
    ours = PrixFixe(YEAST.construct, BHIFirst(8), AutosomeCore((4,)), AutosomeFinal.for_assay(YEAST), YEAST.tasks, ("other units",))
    assert not take_weights(ours, folder)


@pytest.mark.parametrize(
    ("first", "core", "reason"),
    [
        (
            BHIFirst(6),
            AutosomeCore((4,)),
            "BHIFirst, the first block of .*, to .*BHIFirst: the width or the depth differs; .* has shape .* in the file, but ",
        ),
        (BHIFirst(8), BHICore(8, 4, (3, 5)), "AutosomeCore, the core block of .*, to .*BHICore: the classes of the blocks differ"),
        (
            BHIFirst(8),
            AutosomeCore((4, 4)),
            "AutosomeCore, the core block of .*, to .*AutosomeCore: the width or the depth differs; the file has .* weights, but",
        ),
    ],
)
def test_different_blocks_are_named_with_the_reason(source, first, core, reason):
    ours = PrixFixe(YEAST.construct, first, core, AutosomeFinal.for_assay(YEAST))
    before = weights(ours, "first", "core")
    with pytest.raises(ModelError, match=reason):
        take_weights(ours, source[1])
    assert same(weights(ours, "core"), before[-len(weights(ours, "core")) :])


def test_other_flags_change_the_shape(source):
    human = find_assay("lentimpra")
    with pytest.raises(
        ModelError, match=r"the window or the set of flags differs; .* has shape .* in the file, but .* in the network"
    ) as caught:
        take_weights(tiny(human), source[1])
    assert "--model" not in str(caught.value)
    (source[1] / "config.json").write_text('{"model": "dream-cnn"}')
    with pytest.raises(ModelError, match=r"BHIFirst, the first block of .* \(--model dream-cnn\), to .*BHIFirst: "):
        take_weights(tiny(human), source[1])


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ModelError, match=r"Expected a run folder that contains model\.keras"):
        take_weights(tiny(YEAST), tmp_path)


@pytest.mark.parametrize("slots", [("first",), ("core",), ("first", "core")])
def test_frozen_blocks_keep_weights_and_statistics_in_a_step(slots):
    network = tiny(YEAST)
    freeze(network, slots)
    network.compile(keras.optimizers.Adam(0.01), jit_compile=keras.backend.backend() == "jax")
    before = {slot: weights(network, slot) for slot in ("first", "core", "final")}
    inputs = {"letters": random_letters(8, 150), "flags": np.zeros((8, 2), np.float32)}
    network.train_on_batch(inputs, np.linspace(1, 16, 8, dtype=np.float32)[:, None])
    assert {slot for slot, values in before.items() if same(values, weights(network, slot))} == set(slots)


def test_body_variables_are_the_trainable_ones_of_first_and_core():
    network = tiny(YEAST)
    head = {variable.path for variable in network.final.trainable_variables}
    assert {variable.path for variable in body_variables(network)} == {v.path for v in network.trainable_variables} - head
    freeze(network, ("first",))
    assert {variable.path for variable in body_variables(network)} == {v.path for v in network.core.trainable_variables}


class TestRun:
    def test_starts_from_another_run_and_keeps_frozen_blocks(self, finished, quick, choose, tmp_path, capsys):
        folder = tmp_path / "run"
        train(choose(init_from=str(finished), freeze=("first", "core"), epochs=1), folder)
        assert f"Starting from {finished}, including its final block." in capsys.readouterr().err
        assert f"- Options: init from {finished.name}, freeze first and core\n" in (folder / "README.md").read_text()
        theirs, ours = (keras.saving.load_model(path / "model.keras", compile=False) for path in (finished, folder))
        assert same(weights(ours, "first", "core"), weights(theirs, "first", "core"))
        assert not same(weights(ours, "final"), weights(theirs, "final"))

    def test_is_resumed_from_a_checkpoint_without_the_other_run(self, finished, quick, choose, tmp_path):
        other, folder = tmp_path / "other", tmp_path / "run"
        shutil.copytree(finished, other)
        figures = train(choose(init_from=str(other), body_rate=0.1), folder)
        shutil.rmtree(other)
        assert json.loads((folder / "config.json").read_text())["init_from"] == str(other)
        assert resume(folder, keras.backend.backend())["r"] == figures["r"]

    @pytest.mark.parametrize(
        ("choices", "reason"),
        [
            ({"freeze": ("first",)}, "freeze and body_rate require a model to start from"),
            ({"body_rate": 0.1}, "freeze and body_rate require a model to start from"),
            ({"init_from": "run", "freeze": ("final",)}, "Only the blocks first and core can be frozen, got final"),
            ({"init_from": "run", "body_rate": 0.0}, "Expected body_rate above 0"),
        ],
    )
    def test_invalid_combinations_are_refused(self, choose, choices, reason):
        with pytest.raises(InputError, match=reason):
            choose(**choices)
