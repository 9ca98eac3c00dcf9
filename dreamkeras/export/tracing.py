"""Converts a saved Keras model to an ONNX graph.

This module requires Keras with the TensorFlow backend. `tracing_process` runs this module for callers with any backend.
"""

import contextlib
import dataclasses
import importlib
import importlib.metadata
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

import dreamkeras.models.presets  # noqa: F401  # registers the blocks that can occur in files
from dreamkeras.errors import ModelError, one_line
from dreamkeras.export.keras_settings import pinned_settings
from dreamkeras.export.parity import SEQUENCES, parity_letters
from dreamkeras.export.traced import Traced
from dreamkeras.layers.parts.exportable import exportable_layers
from dreamkeras.models.names import STRAND_RULES
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.models.strand_mean import StrandMean

__all__ = ["OPSET", "load_network", "trace"]

OPSET = 18
"""ONNX operator set of exported models.

In this and later operator sets, axes are an input of ReduceMean, as `rewrites.channels_first` requires.
"""


@pinned_settings()
def trace(file: Path, strands: str | None, without_bias: bool = False, sequences: int = SEQUENCES) -> Traced:
    """Traces and converts the predictor of a saved model.

    Args:
        file: The `.keras` file.
        strands: `"both"` or `"forward"`. If None, the strand rule of the construct is used.
        without_bias: Whether to remove the enzyme's bias.
        sequences: Number of windows to predict with Keras for the parity report. 0 skips the predictions.

    Raises:
        ModelError: The file was not saved by dreamkeras, a block cannot be exported, or the model has no bias to remove.
    """
    network = load_network(file)
    if without_bias:
        if network.bias is None:
            raise ModelError(f"Expected a model that was trained with an enzyme's bias, got {network.name} in '{file}'.")
        name, network = network.name, network.with_options(network.auxiliary, network.test_shifts)
        network.name = f"{name}-without-bias"
    if strands is not None:
        network.construct = dataclasses.replace(network.construct, strands=STRAND_RULES[strands])
    graph = _convert(network)
    letters = parity_letters(network.construct, sequences)
    predicted = network.predictor().predict(letters, batch_size=64, verbose=0) if sequences else np.empty((0, 0), np.float32)
    description = network.describe()
    converters = {package: importlib.metadata.version(package) for package in ("tensorflow", "tf2onnx", "onnx")}
    versions = {**description.versions, "opset": str(OPSET), **converters}
    return Traced(graph, dataclasses.replace(description, versions=versions), predicted)


@pinned_settings()
def load_network(file: Path) -> PrixFixe:
    """Loads the network from a `.keras` file. The network computes in float32, regardless of its precision in training.

    Raises:
        ModelError: Keras cannot load the file, or the file contains another kind of model.
    """
    try:
        network = keras.models.load_model(file, compile=False)
    except ModelError as error:
        raise ModelError(f"Cannot load {file}: {error}") from error
    except Exception as error:  # loading a damaged file can raise any exception
        # Only the message of the failing block is reported, because the message of Keras also contains the model's configuration.
        reason = one_line(str(error).split("Exception encountered: ")[-1].split(" Full object config")[0])
        raise ModelError(f"Expected a .keras file written by dreamkeras, got {file}, which Keras cannot load: {reason}") from error
    if not isinstance(network, PrixFixe):
        raise ModelError(f"Expected a model saved by dreamkeras, got a {type(network).__name__} in '{file}'.")
    for layer in network._flatten_layers():  # noqa: SLF001 - Keras has no public method that lists all sublayers
        layer.dtype_policy = "float32"
    return network


def _convert(network: PrixFixe) -> bytes:
    import tensorflow as tf

    letters = tf.TensorSpec([None, network.construct.length], tf.uint8, name="letters")
    answer, names = StrandMean(network), network.describe().outputs

    def predict(letters):
        return dict(zip(names, answer(letters).values(), strict=True))

    with exportable_layers(), _quiet_conversion():
        import tf2onnx

        # The function is traced without XLA compilation, because ONNX has no equivalent of an XLA call.
        function = tf.function(predict, input_signature=[letters], autograph=False, jit_compile=False)
        try:
            model, _ = tf2onnx.convert.from_function(function, input_signature=[letters], opset=OPSET)
        except Exception as error:  # TensorFlow and tf2onnx can raise any exception
            raise ModelError(f"Cannot convert {network.name} to ONNX with TensorFlow and tf2onnx: {one_line(error)}") from error
    graph: bytes = model.SerializeToString()
    return graph


@contextlib.contextmanager
def _quiet_conversion() -> Iterator[None]:
    """Suppresses the warnings and log records in which tf2onnx reports its progress. Failures still raise exceptions."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
