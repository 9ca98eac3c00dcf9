"""Requirements that every layer and block must meet."""

import inspect
from importlib import import_module
from pkgutil import walk_packages
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras_arrays import array, compile_once, random_array, random_letters, randomise

import dreamkeras.layers
from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.parts.auxiliary import PositionHead
from dreamkeras.layers.slots import BLOCKS, Core, FinalLayers, FirstLayers

LENGTH, CHANNELS = 12, 8


class Case(NamedTuple):
    """Arguments of a layer, and the shapes and dtypes of its inputs for one sequence."""

    options: dict
    inputs: tuple = (((LENGTH, CHANNELS), "float32"),)


CASES = {
    "LetterEncoding": Case({}, (((LENGTH,), "uint8"), ((2,), "float32"))),
    "Conv1D": Case({"filters": 8, "kernel_size": 3, "groups": 4, "activation": "relu"}),
    "Dropout": Case({"rate": 0.1}),
    "ConvNormSiLU": Case({"filters": 8, "kernel_size": 3, "groups": 2}),
    "SqueezeExcite": Case({"hidden": 3}),
    "InvertedResidual": Case({"filters": 4}),
    "Scanners": Case({"channels": 6, "kernel_sizes": (3, 5), "dropout": 0.1}),
    "BidirectionalLSTM": Case({"units": 5}),
    "BHIFirst": Case({"channels": 6, "kernel_sizes": (3, 5, 6), "dropout": 0.1}),
    "BHICore": Case({"channels": 6, "units": 5, "kernel_sizes": (3, 5), "dropout": 0.1, "last_dropout": 0.2}),
    "BHIFinal": Case({"tasks": 2, "hidden": (5, 4), "flatten": True}),
    "BHIMeanFinal": Case({"tasks": 2, "hidden": (5, 4), "flatten": False}),
    "AutosomeFirst": Case({"channels": 6, "kernel_size": 5}),
    "AutosomeCore": Case({"widths": (4,)}),
    "AutosomeFinal": Case({"bins": 7}),
    "AutosomeRegressionFinal": Case({"tasks": 2, "channels": 5}),
    "ProfileFinal": Case({"positions": 6, "window": 14, "kernel_size": 3, "counts_weight": 0.2}),
    "BPNetFirst": Case({"channels": 6, "kernel_size": 5}),
    "BPNetCore": Case({"depth": 2}),
    "FeedForward": Case({"expansion": 2, "dropout": 0.1}),
    "ConvolutionModule": Case({"kernel_size": 5, "dropout": 0.1}),
    "MultiHeadSelfAttention": Case({"heads": 2, "head_size": 3}),
    "ConformerBlock": Case({"heads": 2, "head_size": 3, "kernel_size": 5, "dropout": 0.1, "add_normed": False}),
    "UnlockDNAFirst": Case({"channels": 6, "kmer": 3, "both_strands": True}),
    "UnlockDNACore": Case({"blocks": 2, "heads": 2, "kernel_size": 5, "dropout": 0.1}),
    "UnlockDNAFinal": Case({"tasks": 2, "positions": 3, "dropout": 0.1}),
    "ProformerFirst": Case({"channels": 6, "kmer": 4, "tokens": 3}),
    "ProformerCore": Case({"blocks": 2, "heads": 2, "head_size": 3, "kernel_size": 5, "dropout": 0.1}),
    "ProformerFinal": Case({"tasks": 2, "positions": 3, "dropout": 0.1}),
    "LegNetCore": Case({"widths": (4,)}),
    "PositionHead": Case({"kind": "nucleotides"}),
}

WITHOUT_WEIGHTS = {"Dropout", "LetterEncoding"}


def layer_classes():
    """Returns every layer in the `__all__` of a module of dreamkeras.layers, except the base classes."""
    modules = [import_module(module.name) for module in walk_packages(dreamkeras.layers.__path__, "dreamkeras.layers.") if not module.ispkg]
    listed = [getattr(module, name) for module in modules for name in module.__all__]
    layers = {item for item in listed if inspect.isclass(item) and issubclass(item, keras.layers.Layer)}
    return sorted(layers - {FirstLayers, Core, FinalLayers, ScaledFinal}, key=lambda layer: layer.__name__)


def test_every_layer_and_block_has_a_case():
    blocks = {block.__name__ for slot in BLOCKS.values() for block in slot.values() if block.__module__.startswith("dreamkeras.layers.")}
    assert {layer.__name__ for layer in layer_classes()} | blocks - {"Identity"} == set(CASES)  # Identity is an example in a docstring


def parametrised(classes):
    return pytest.mark.parametrize("layer_class", classes, ids=lambda layer: layer.__name__)


every_layer = parametrised(layer_classes())
every_trained_layer = parametrised([layer for layer in layer_classes() if layer.__name__ not in WITHOUT_WEIGHTS])
mixed = pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])


def made(layer_class, **options):
    """Returns the layer with random weights, and a model of it with one output."""
    case = CASES[layer_class.__name__]
    layer = layer_class(**case.options, **options)
    inputs = [keras.Input(shape, dtype=dtype) for shape, dtype in case.inputs]
    outputs = layer(*inputs)
    if isinstance(outputs, dict):
        outputs = keras.layers.Concatenate()([keras.layers.Flatten()(output) for output in outputs.values()])
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
    randomise(layer)
    return layer, model


def given(layer_class, batch):
    """Returns the arguments for a call of the layer."""
    inputs = CASES[layer_class.__name__].inputs
    return [random_letters(batch, *shape) if dtype == "uint8" else random_array(batch, *shape) for shape, dtype in inputs]


def arguments(layer_class, batch):
    """Returns the inputs for a model of the layer."""
    inputs = given(layer_class, batch)
    return inputs if len(inputs) > 1 else inputs[0]


def train_step(layer_class, model):
    """Runs one training step and returns the loss."""
    compile_once(model, "sgd", loss="mse")
    return model.train_on_batch(arguments(layer_class, 5), random_array(5, *model.output_shape[1:]))


def shape_of(outputs):
    return {name: tuple(value.shape) for name, value in outputs.items()} if isinstance(outputs, dict) else tuple(outputs.shape)


@every_layer
def test_from_config_restores_the_layer(layer_class):
    layer, _ = made(layer_class, name="mine")
    config = layer.get_config()
    again = layer_class.from_config(config)
    assert again.get_config() == config
    assert config["name"] == again.name == "mine"
    for option in CASES[layer_class.__name__].options:
        assert option in config
        assert getattr(again, option) == getattr(layer, option)


@every_layer
def test_a_saved_layer_is_loaded_with_its_weights(layer_class, tmp_path):
    _, model = made(layer_class)
    model.save(tmp_path / "layer.keras")
    again = keras.saving.load_model(tmp_path / "layer.keras")
    inputs = arguments(layer_class, 3)
    np.testing.assert_allclose(again.predict_on_batch(inputs), model.predict_on_batch(inputs), atol=1e-6)


@every_layer
def test_the_symbolic_shape_equals_the_computed_shape(layer_class):
    layer, _ = made(layer_class)
    foretold = layer(*(keras.Input(shape, 3, dtype) for shape, dtype in CASES[layer_class.__name__].inputs))
    assert shape_of(foretold) == shape_of(layer(*given(layer_class, 3)))


@every_layer
def test_compute_output_shape_is_correct(layer_class):
    if issubclass(layer_class, FinalLayers):
        pytest.skip("Final blocks do not define compute_output_shape: Keras would assume the compute dtype, but outputs are float32.")
    layer, model = made(layer_class)
    shapes = [(None, *shape) for shape, _ in CASES[layer_class.__name__].inputs]
    assert layer.compute_output_shape(*shapes) == model.output_shape


@every_trained_layer
def test_a_training_step_changes_every_weight_and_keeps_it_finite(layer_class):
    layer, model = made(layer_class)
    before = [array(weight) for weight in layer.trainable_weights]
    assert np.isfinite(train_step(layer_class, model)).all()
    for old, weight in zip(before, layer.trainable_weights, strict=True):
        assert np.isfinite(array(weight)).all(), weight.path
        assert (array(weight) != old).any(), weight.path


@mixed
@every_layer
def test_mixed_precision_computes_in_16_bits_with_32_bit_weights(layer_class, dtype):
    (layer, half), (_, single) = made(layer_class, dtype=dtype), made(layer_class)
    # The outputs of a network are used in losses and by users, and stay in float32.
    computed = "float32" if issubclass(layer_class, (FinalLayers, PositionHead)) else dtype.removeprefix("mixed_")
    assert {weight.dtype for weight in layer.weights} <= {"float32", "uint32", "int64"}
    assert half.output.dtype == computed
    came, wanted = (array(model.predict_on_batch(arguments(layer_class, 3))) for model in (half, single))
    np.testing.assert_allclose(came, wanted, atol=0.02 * np.abs(wanted).max())


@mixed
@every_trained_layer
def test_mixed_precision_trains(layer_class, dtype):
    _, model = made(layer_class, dtype=dtype)
    assert np.isfinite(train_step(layer_class, model)).all()
