"""PrixFixe: three blocks as one model with a construct."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from keras_arrays import array, random_letters, randomise

from dreamkeras.errors import ModelError
from dreamkeras.layers import slots
from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal
from dreamkeras.layers.blocks.bhi import BHIFirst
from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.layers.parts.auxiliary import auxiliary_loss
from dreamkeras.layers.slots import Core, FinalLayers, register_block
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence import alphabet
from dreamkeras.sequence.construct import Construct

TOY = Construct(name="toy", length=20, flags=("is_reverse", "is_singleton"))
BACKENDS = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]


def made(construct=TOY, core=None, final=None, dtype=None, **options):
    blocks = BHIFirst(8, dtype=dtype), core or AutosomeCore((4,), dtype=dtype), final or AutosomeFinal(dtype=dtype)
    return randomise(PrixFixe(construct, *blocks, **{"units": ("bins",), "name": "toy", **options}))


def inputs(batch, seed=0, flags=2):
    values = np.random.default_rng(seed).integers(0, 2, (batch, flags)).astype(np.float32)
    return {"letters": random_letters(batch, 20, seed), "flags": values}


def expression(model, **given):
    return model.predict_on_batch(given)["expression"]


@pytest.fixture(scope="module")
def model():
    return made()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    return path


class Sum(FinalLayers):
    """A final block of a third party, with two tasks and a squared error."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(2,), initializer="ones")

    def call(self, features):
        return {"expression": ops.mean(features, axis=(1, 2))[:, None] * self.scale}

    def loss(self, targets, outputs, sample_weight=None):
        return ops.mean(ops.square(targets - outputs["expression"]))


class Halve(Core):
    """A core block of a third party."""

    def call(self, features):
        return features[:, ::2] / 2


def test_a_network_applies_its_blocks_to_the_encoded_letters(model):
    given = inputs(3)
    flags = np.broadcast_to(given["flags"][:, None], (3, 20, 2))
    encoded = np.concatenate([alphabet.ONE_HOT[given["letters"]], flags], axis=-1)
    wanted = model.final(model.core(model.first(encoded)))  # block by block, in eager mode
    np.testing.assert_allclose(expression(model, **given), array(wanted["expression"]), atol=1e-5)
    assert {name: tensor.shape for name, tensor in model.input.items()} == {"letters": (None, 20), "flags": (None, 2)}


def test_the_predictor_is_the_mean_of_both_strands(model):
    letters = random_letters(5, 20)
    forward = expression(model, letters=letters, flags=np.zeros((5, 2), np.float32))
    other = np.tile(np.array([[1, 0]], np.float32), (5, 1))
    reverse = expression(model, letters=alphabet.reverse_complement(letters), flags=other)
    assert abs(forward - reverse).max() > 1e-3
    came = model.predictor().predict(letters, batch_size=2, verbose=0)
    np.testing.assert_allclose(came, (forward + reverse) / 2, atol=1e-4)


def test_the_strand_flag_can_be_at_any_index_or_absent():
    letters = random_letters(3, 20)
    for flags in ((), ("is_singleton",), ("is_singleton", "is_reverse")):
        network = made(replace(TOY, flags=flags))
        zeros = np.zeros((3, len(flags)), np.float32)
        other = zeros + np.array([flag == "is_reverse" for flag in flags], np.float32)
        strands = [(letters, zeros), (alphabet.reverse_complement(letters), other)]
        wanted = sum(expression(network, letters=these, flags=flagged) for these, flagged in strands) / 2
        np.testing.assert_allclose(network.predictor().predict_on_batch(letters), wanted, atol=1e-4)


def test_a_construct_with_one_strand_is_predicted_as_given():
    network, letters = made(replace(TOY, strands="given")), random_letters(3, 20)
    wanted = expression(network, letters=letters, flags=np.zeros((3, 2), np.float32))
    np.testing.assert_allclose(network.predictor().predict_on_batch(letters), wanted, atol=1e-5)


def test_the_predictor_shares_the_weights(model):
    assert {id(weight) for weight in model.trainable_weights} == {id(weight) for weight in model.predictor().trainable_weights}


def test_the_loss_is_that_of_the_final_block(model):
    given, targets = inputs(4), np.array([[1.0], [4.5], [9.0], [16.0]], np.float32)
    outputs = model.predict_on_batch(given)
    wanted = array(model.final.loss(targets, outputs))
    network = PrixFixe.from_config(model.get_config())
    network.set_weights(model.get_weights())
    network.compile("sgd", metrics=["mae"])
    came = network.evaluate(given, targets, verbose=0, return_dict=True)
    assert came["loss"] == pytest.approx(float(wanted), rel=1e-4)
    assert came["mae"] == pytest.approx(np.abs(targets - outputs["expression"]).mean(), rel=1e-4)


def test_training_lowers_the_loss():
    network, given = made(), inputs(16)
    targets = np.random.default_rng(0).uniform(2, 15, (16, 1)).astype(np.float32)
    network.compile(keras.optimizers.AdamW(0.03))
    history = network.fit(given, targets, batch_size=8, epochs=8, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < 0.8 * history[0]


def test_sample_weights_reach_the_loss():
    network, given, targets = made(), inputs(4), np.array([[1.0], [4.5], [9.0], [16.0]], np.float32)
    network.compile("sgd")
    weighted = network.evaluate(given, targets, sample_weight=np.array([0.0, 1.0, 0.0, 0.0]), verbose=0)
    alone = network.evaluate({name: values[1:2] for name, values in given.items()}, targets[1:2], verbose=0)
    assert weighted == pytest.approx(alone, rel=1e-4)


def test_a_loss_added_by_a_layer_counts():
    class Penalty(Core):
        def call(self, features):
            self.add_loss(ops.convert_to_tensor(100.0))
            return features

    network = made(core=Penalty())
    network.compile("sgd")
    assert network.train_on_batch(inputs(2), np.full((2, 1), 5, np.float32)) > 100


def truths(batch, seed=0):
    """Returns targets and letters, with random positions marked as masked and as mutated."""
    generator = np.random.default_rng(seed)
    masked, mutated = generator.random((2, batch, 20)) < 0.3
    targets = generator.uniform(2, 15, (batch, 1)).astype(np.float32)
    return {"expression": targets, "letters": random_letters(batch, 20, seed), "masked": masked, "mutated": mutated}


class TestAuxiliaryOutputs:
    def network(self):
        return made(auxiliary=("nucleotides", "mutated"))

    def test_auxiliary_losses_are_added_to_the_loss_of_the_block(self):
        network, given, truth = self.network(), inputs(4), truths(4)
        outputs = network.predict_on_batch(given)
        assert (outputs["nucleotides"].shape, outputs["mutated"].shape) == ((4, 20, 4), (4, 20, 1))
        network.compile("sgd", metrics=["mae"])
        came = network.evaluate(given, truth, verbose=0, return_dict=True)
        blocks = float(network.final.loss(truth["expression"], outputs))
        assert came["loss"] == pytest.approx(blocks + float(auxiliary_loss(truth, outputs)), rel=1e-4)
        assert came["mae"] == pytest.approx(np.abs(truth["expression"] - outputs["expression"]).mean(), rel=1e-4)
        alone = network.evaluate(given, truth["expression"], verbose=0, return_dict=True)
        assert alone["loss"] == pytest.approx(blocks, rel=1e-4)

    def test_auxiliary_targets_without_an_output_are_ignored(self, model):
        network = PrixFixe.from_config(model.get_config())
        network.compile("sgd")
        given, truth = inputs(4), truths(4)
        with_truths, alone = (network.evaluate(given, y, verbose=0) for y in (truth, truth["expression"]))
        assert with_truths == pytest.approx(alone)

    def test_auxiliary_heads_are_trained_and_saved(self, tmp_path):
        network = self.network()
        network.compile(keras.optimizers.AdamW(0.01))
        history = network.fit(inputs(16), truths(16), epochs=4, batch_size=8, verbose=0).history["loss"]
        assert history[-1] < history[0]
        network.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras")
        assert again.auxiliary == ("nucleotides", "mutated")
        for name, values in network.predict_on_batch(inputs(3)).items():
            np.testing.assert_allclose(again.predict_on_batch(inputs(3))[name], values, atol=1e-5)

    def test_an_output_of_the_final_block_needs_no_head(self):
        class Answers(AutosomeFinal):
            def call(self, features):
                return {**super().call(features), "mutated": features[..., :1]}

        network = made(final=Answers(), auxiliary=("mutated", "nucleotides"))
        assert {layer.name for layer in network.layers if "PositionHead" in type(layer).__name__} == {"nucleotides"}

    def test_the_predictor_returns_only_expression(self):
        predictor = self.network().predictor()
        assert predictor.output_shape == (None, 1)

    def test_a_core_that_reduces_the_positions_is_rejected(self):
        with pytest.raises(
            ModelError, match=r"requires a core that returns 20 positions, or 40 for both strands, got 10 positions from Halve"
        ):
            made(core=Halve(), auxiliary=("nucleotides",))

    def test_unknown_auxiliary_outputs_are_rejected(self):
        with pytest.raises(ModelError, match="Expected auxiliary outputs among nucleotides, mutated, got codons"):
            made(auxiliary=("codons",))


class TestGivenLoss:
    def evaluate(self, network, loss, targets, weights=None):
        network.compile("sgd", loss=loss)
        return network.evaluate(inputs(4), targets, sample_weight=weights, verbose=0)

    def test_replaces_the_loss_of_the_final_block(self, model):
        targets = truths(4)["expression"]
        network = PrixFixe.from_config(model.get_config())
        wanted = np.square(network.predict_on_batch(inputs(4))["expression"] - targets).mean()
        assert self.evaluate(network, keras.losses.MeanSquaredError(), targets) == pytest.approx(wanted, rel=1e-4)

    def test_is_computed_on_standardised_values_without_missing_targets(self):
        network = made(final=AutosomeRegressionFinal(2, 5), tasks=("a", "b"), units=("x", "y"))
        network.final.offset.assign([3.0, -1.0])
        network.final.scale.assign([2.0, 0.5])
        targets = np.array([[1, np.nan], [4, 2], [np.nan, 0], [7, -3]], np.float32)
        weights = np.array([1.0, 2.0, 0.0, 1.0], np.float32)
        difference = np.abs((network.predict_on_batch(inputs(4))["expression"] - targets) / [2.0, 0.5])
        wanted = np.nansum(np.nansum(difference * weights[:, None], 0) / (weights[:, None] * ~np.isnan(targets)).sum(0))
        assert self.evaluate(network, keras.losses.MeanAbsoluteError(), targets, weights) == pytest.approx(wanted, rel=1e-4)


class TestTestShifts:
    def test_average_the_shifted_windows_of_both_strands(self, model):
        network, letters = model.with_options(test_shifts=2), random_letters(3, 20)
        padded = np.pad(letters, ((0, 0), (2, 2)), constant_values=ord("N"))
        windows = [padded[:, first : first + 20] for first in range(5)]
        wanted = np.mean([model.predictor().predict_on_batch(window) for window in windows], axis=0)
        np.testing.assert_allclose(network.predictor().predict_on_batch(letters), wanted, atol=1e-4)

    def test_are_saved_and_share_the_weights(self, model):
        network = model.with_options(test_shifts=2)
        assert PrixFixe.from_config(network.get_config()).test_shifts == 2
        assert network.name == model.name
        assert {id(weight) for weight in network.weights} == {id(weight) for weight in model.weights}


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_outputs_are_float32_in_mixed_precision(model, dtype):
    network, given = made(dtype=dtype), inputs(3)
    assert {output.dtype for output in (*network.output.values(), network.predictor().output)} == {"float32"}
    assert {weight.dtype for weight in network.trainable_weights} == {"float32"}
    np.testing.assert_allclose(expression(network, **given), expression(model, **given), atol=0.3)
    network.compile("sgd")
    assert np.isfinite(network.train_on_batch(given, np.full((3, 1), 5, np.float32))).all()


def test_a_loaded_model_has_the_same_attributes_and_predictions(model, saved):
    again = keras.saving.load_model(saved)
    assert isinstance(again, PrixFixe)
    assert (again.name, again.construct, again.tasks, again.units) == ("toy", TOY, ("expression",), ("bins",))
    for slot in ("first", "core", "final"):
        assert getattr(again, slot).get_config() == getattr(model, slot).get_config()
    np.testing.assert_allclose(expression(again, **inputs(3)), expression(model, **inputs(3)), atol=1e-6)


def test_mixed_precision_is_saved(tmp_path):
    made(dtype="mixed_bfloat16").save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert {block.dtype_policy.name for block in (again.first, again.core, again.final)} == {"mixed_bfloat16"}


PREDICT = """
import sys, keras, numpy, dreamkeras.models.presets
letters = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], keras.saving.load_model(sys.argv[1]).predictor().predict(letters, verbose=0))
"""


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != keras.backend.backend()])
def test_a_model_saved_here_predicts_the_same_on_another_backend(model, saved, tmp_path, backend):
    np.save(tmp_path / "letters.npy", letters := random_letters(5, 20))
    command = [sys.executable, "-c", PREDICT, saved, tmp_path / "letters.npy", tmp_path / "came.npy"]
    subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, check=True, timeout=300)
    np.testing.assert_allclose(np.load(tmp_path / "came.npy"), model.predictor().predict_on_batch(letters), atol=1e-4)


def test_third_party_blocks_are_saved_and_loaded(monkeypatch, tmp_path):
    monkeypatch.setattr(slots, "BLOCKS", {slot: dict(blocks) for slot, blocks in slots.BLOCKS.items()})
    register_block("halve")(Halve)
    register_block("sum")(Sum)
    network = made(core=slots.find_block("core", "halve")(), final=slots.find_block("final", "sum")(), tasks=("a", "b"), units=("x", "y"))
    network.compile("sgd")
    network.fit(inputs(4), np.ones((4, 2), np.float32), verbose=0)
    network.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.tasks == ("a", "b")
    assert again.predictor().output_shape == (None, 2)
    np.testing.assert_allclose(expression(again, **inputs(3)), expression(network, **inputs(3)), atol=1e-6)


def test_the_description_includes_package_versions(model):
    description = model.describe()
    assert (description.name, description.construct, description.tasks, description.units) == ("toy", TOY, ("expression",), ("bins",))
    assert description.versions["keras"] == keras.__version__


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ((AutosomeCore, BHIFirst, AutosomeFinal), "Expected a first block in the first slot, got AutosomeCore"),
        ((BHIFirst, AutosomeFinal, AutosomeFinal), "Expected a core block in the core slot, got AutosomeFinal"),
        ((BHIFirst, AutosomeCore, AutosomeCore), "Expected a final block in the final slot, got AutosomeCore"),
        ((BHIFirst, keras.layers.Dropout, AutosomeFinal), "Expected a core block in the core slot, got Dropout"),
    ],
)
def test_a_block_in_the_wrong_slot_is_rejected(blocks, message):
    arguments = [0.1] if keras.layers.Dropout in blocks else []
    with pytest.raises(ModelError, match=message):
        PrixFixe(TOY, *(block(*arguments) if block is keras.layers.Dropout else block() for block in blocks))


class Picky(Core):
    def build(self, input_shape):
        raise ValueError("expects 7 channels")


class Narrow(Core):
    def call(self, features):
        raise RuntimeError("expects 7 channels")  # torch raises RuntimeError for a wrong shape


class Flat(Core):
    def call(self, features):
        return ops.mean(features, axis=1)


class Nameless(FinalLayers):
    def call(self, features):
        return ops.mean(features, axis=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"core": Picky()}, r"^Picky in the core slot cannot process features of shape \(20, 8\): .*expects 7 channels"),
        ({"core": Narrow()}, r"^Narrow in the core slot cannot process features of shape \(20, 8\): expects 7 channels$"),
        ({"core": Flat()}, r"Expected Flat to return features \(batch, length, channels\)"),
        ({"final": Nameless()}, "Expected Nameless to return a dictionary with 'expression'"),
        ({"tasks": ("a", "b")}, r"Expected one output and one unit for each of the tasks \('a', 'b'\), got 1 outputs and 1 units"),
        ({"units": ("x", "y")}, r"for each of the tasks \('expression',\), got 1 outputs and 2 units"),
    ],
)
def test_blocks_that_do_not_fit_together_are_rejected_with_the_reason(options, message):
    with pytest.raises(ModelError, match=message):
        made(**options)


def load_in_a_new_process(file, statement=""):
    code = f"{statement}\nimport sys, keras\nprint(type(keras.models.load_model(sys.argv[1])).__name__)"
    return subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=False)


def test_the_error_message_of_keras_contains_the_statement_that_registers_the_classes(saved):
    failed = load_in_a_new_process(saved)
    statement = re.search("'load_after': '([^']*)'", failed.stderr)[1]
    assert (statement, failed.stdout) == ("import dreamkeras.models.presets", "")
    assert load_in_a_new_process(saved, statement).stdout == "PrixFixe\n"
    assert f"\n{statement}  #" in Path("docs/reference/run-folder.md").read_text(encoding="utf-8")
