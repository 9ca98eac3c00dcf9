"""PrixFixe: encoding -> first -> core -> final, as one Keras model that knows its construct."""

import importlib.metadata

import keras
from keras import ops

from dreamkeras.errors import ModelError
from dreamkeras.layers.encoding import LetterEncoding, reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription

__all__ = ["PrixFixe", "StrandMean"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class PrixFixe(keras.Model):
    """A network of three interchangeable blocks over letters.

    Args:
        construct: How sequences become its input; gives the window's length, the flags and the strand rule.
        first: A `FirstLayers` block.
        core: A `Core` block.
        final: A `FinalLayers` block; its loss is the model's.
        tasks: One name a column of the expression.
        units: What the numbers are, one text a task.

    Shape:
        `{"letters": uint8 (batch, length), "flags": float32 (batch, flags)}` in, `final`'s dictionary out.

    Raises:
        ModelError: The blocks do not fit together, or do not give one column a task.

    Reference:
        Rafi et al. 2024, the Prix Fixe framework.
    """

    def __init__(self, construct, first, core, final, tasks=("expression",), units=("arbitrary units",), **kwargs):
        construct = construct if isinstance(construct, Construct) else Construct.from_json(construct)
        encoding = LetterEncoding(dtype=first.dtype_policy, name="encoding")
        letters = keras.Input((construct.length,), dtype="uint8", name="letters")
        flags = keras.Input((len(construct.flags),), dtype="float32", name="flags")
        outputs = encoding(letters, flags)
        for slot, block in (("first", first), ("core", core), ("final", final)):
            outputs = _apply(slot, block, outputs)
        _check_outputs(final, outputs, tasks, units)

        super().__init__({"letters": letters, "flags": flags}, outputs, **kwargs)

        self.construct = construct
        self.first, self.core, self.final = first, core, final
        self.tasks, self.units = tuple(tasks), tuple(units)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = self.final.loss(y, y_pred, sample_weight)
        return loss + sum(self.losses) if self.losses else loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred["expression"], sample_weight)

    def predictor(self) -> keras.Model:
        """Letters uint8 `(batch, length)` -> expression `(batch, tasks)`, as the construct's strand rule wants it.

        Shares its weights with this model.
        """
        letters = keras.Input((self.construct.length,), dtype="uint8", name="letters")
        return keras.Model(letters, StrandMean(self)(letters), name=f"{self.name}_predictor")

    def describe(self) -> ModelDescription:
        """What the network says of itself where it is stored; whoever exports it adds its training."""
        versions = {package: importlib.metadata.version(package) for package in ("dreamkeras", "keras", "numpy")}
        return ModelDescription(self.name, self.construct, self.tasks, self.units, versions=versions)

    def get_config(self):
        blocks = {slot: keras.saving.serialize_keras_object(getattr(self, slot)) for slot in ("first", "core", "final")}
        return {"name": self.name, "construct": self.construct.to_json(), **blocks, "tasks": self.tasks, "units": self.units}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        blocks = {slot: keras.saving.deserialize_keras_object(config[slot], custom_objects) for slot in ("first", "core", "final")}
        return cls(**{**config, **blocks})


class StrandMean(keras.layers.Layer):
    """A Prix Fixe network's answer for letters alone, measurement flags 0.

    Where the construct's rule is `"both"`, the mean of the window and its reverse complement, computed as one batch.

    Shape:
        uint8 `(batch, length)` in, float32 `(batch, tasks)` out.
    """

    def __init__(self, network, **kwargs):
        super().__init__(name="strand_mean", dtype="float32", **kwargs)
        self.network = network

    def call(self, letters):
        construct = self.network.construct
        flags = ops.zeros((ops.shape(letters)[0], len(construct.flags)), "float32")
        if construct.strands == "given":
            return self._expression(letters, flags)
        is_reverse = ops.convert_to_tensor([[float(flag == "is_reverse") for flag in construct.flags]], "float32")
        both = ops.concatenate([letters, reverse_complement(letters)])
        forward, reverse = ops.split(self._expression(both, ops.concatenate([flags, flags + is_reverse])), 2)
        return (forward + reverse) / 2

    def _expression(self, letters, flags):
        return self.network({"letters": letters, "flags": flags}, training=False)["expression"]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.network.tasks))


def _apply(slot, block, features):
    if getattr(block, "slot", None) != slot:
        raise ModelError(f"Expected a {slot} block in the {slot} slot, got {type(block).__name__}.")
    try:
        outputs = block(features)
    except (ValueError, TypeError, RuntimeError) as error:  # which of them a wrong shape raises depends on the backend
        came = tuple(features.shape[1:])
        # A block's own trouble stands inside Keras's, in bold.
        reason = " ".join(str(error).split("Error encountered:")[-1].split("\x1b")[0].split())[:300]
        raise ModelError(f"Expected {type(block).__name__} to take features of shape {came} in the {slot} slot, got: {reason}") from error
    if slot != "final" and len(getattr(outputs, "shape", ())) != 3:
        raise ModelError(f"Expected {type(block).__name__} to return features (batch, length, channels), got {outputs}.")
    return outputs


def _check_outputs(final, outputs, tasks, units):
    if not isinstance(outputs, dict) or "expression" not in outputs:
        raise ModelError(f"Expected {type(final).__name__} to return a dictionary with 'expression'.")
    came = outputs["expression"].shape[-1]
    if not came == len(tasks) == len(units):
        raise ModelError(f"Expected one output and one unit for each of the tasks {tuple(tasks)}, got {came} and {len(units)}.")
