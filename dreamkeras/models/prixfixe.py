"""PrixFixe: encoding -> first -> core -> final, as one Keras model that knows its construct."""

import importlib.metadata

import keras
from keras import ops

from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.encoding import LetterEncoding
from dreamkeras.layers.parts.auxiliary import KINDS, PositionHead, auxiliary_loss
from dreamkeras.layers.saved_blocks import read_block, register_with_keras
from dreamkeras.layers.slots import SLOTS
from dreamkeras.models.bias import EnzymeBias, check_bias
from dreamkeras.models.strand_mean import StrandMean
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription

__all__ = ["PrixFixe"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class PrixFixe(keras.Model):
    """A network of three interchangeable blocks over letters.

    Args:
        construct: How sequences become its input; gives the window's length, the flags and the strand rule.
        first: A `FirstLayers` block.
        core: A `Core` block.
        final: A `FinalLayers` block; its loss is the model's, unless `compile` is given a `keras.losses.Loss`.
        tasks: One name a column of the expression.
        units: What the numbers are, one text a task.
        auxiliary: Keys of `layers.parts.auxiliary.KINDS` that the network learns to answer beside expression: by its final block where
            that does, else by a head on the core's features.
        test_shifts: A prediction is the mean over the windows shifted by up to this many letters either way, `N` entering.
        bias: A trained network that answers a profile, whose answers are part of this one's and which stays as it is.

    Attributes:
        width: Channels of the core's features.
        profile: Positions of the profile that it answers beside expression; None without one.

    Shape:
        `{"letters": uint8 (batch, length), "flags": float32 (batch, flags)}` in, `final`'s dictionary and the auxiliary logits
        `(batch, positions, ...)` out. What it trains on is targets float32 `(batch, tasks)`, NaN where one is missing, or these
        under `"expression"` beside the truths that `layers.parts.auxiliary.auxiliary_loss` takes.

    Raises:
        ModelError: The blocks do not fit together, or do not give one column a task, or the core does not keep the positions
            that an auxiliary head needs.

    Reference:
        Rafi et al. 2024, the Prix Fixe framework.
    """

    def __init__(
        self,
        construct,
        first,
        core,
        final,
        tasks=("expression",),
        units=("arbitrary units",),
        auxiliary=(),
        test_shifts=0,
        bias=None,
        **kwargs,
    ):
        construct = construct if isinstance(construct, Construct) else Construct.from_json(construct)
        encoding = LetterEncoding(dtype=first.dtype_policy, name="encoding")
        letters = keras.Input((construct.length,), dtype="uint8", name="letters")
        flags = keras.Input((len(construct.flags),), dtype="float32", name="flags")
        features = _apply("core", core, _apply("first", first, encoding(letters, flags)))
        outputs = _apply("final", final, features)
        _check_outputs(final, outputs, tasks, units)
        if final.has_profile and test_shifts:
            raise ModelError("Expected no test shifts of a network that answers a profile, whose positions would shift with the window.")
        profile = outputs["profile"].shape[1] if final.has_profile else None
        if bias is not None:
            check_bias(bias, construct, profile)
            bias = EnzymeBias(bias)
            outputs = {**outputs, **bias(letters, flags, outputs["expression"], outputs["profile"])}
        outputs = _with_auxiliary(outputs, core, features, auxiliary, construct.length)

        super().__init__({"letters": letters, "flags": flags}, outputs, **kwargs)

        self.construct = construct
        self.first, self.core, self.final = first, core, final
        self.tasks, self.units = tuple(tasks), tuple(units)
        self.auxiliary, self.test_shifts = tuple(auxiliary), test_shifts
        self.width = features.shape[-1]
        self.profile, self.bias = profile, bias

    def with_options(self, auxiliary=(), test_shifts=0, bias=None):
        """A network of the same blocks, weights shared, that learns and predicts by these arguments of the constructor."""
        settings = {"tasks": self.tasks, "units": self.units, "auxiliary": auxiliary, "test_shifts": test_shifts, "name": self.name}
        return PrixFixe(self.construct, self.first, self.core, self.final, bias=bias, **settings)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        truth = y if isinstance(y, dict) else {"expression": y}
        if self.loss is None:
            loss = self.final.total_loss(truth, y_pred, sample_weight)
        else:
            loss = _loss_by_task(self.loss, self.final, truth["expression"], y_pred["expression"], sample_weight)
        return sum(self.losses, loss + auxiliary_loss(truth, y_pred))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        targets = y["expression"] if isinstance(y, dict) else y
        # On JAX, variables of the network have no value here.
        return super().compute_metrics(x, targets, y_pred["expression"], sample_weight)

    def predictor(self) -> keras.Model:
        """Letters uint8 `(batch, length)` -> expression `(batch, tasks)`, as the construct's strand rule wants it.

        A profile's probabilities follow in the same array, a column a position. Shares its weights with this model.
        """
        letters = keras.Input((self.construct.length,), dtype="uint8", name="letters")
        answers = StrandMean(self)(letters)
        columns = keras.layers.Concatenate()(list(answers.values())) if len(answers) > 1 else answers["expression"]
        return keras.Model(letters, columns, name=f"{self.name}_predictor")

    def describe(self) -> ModelDescription:
        """What the network says of itself where it is stored; whoever exports it adds its training."""
        versions = {package: importlib.metadata.version(package) for package in ("dreamkeras", "keras", "numpy")}
        return ModelDescription(self.name, self.construct, self.tasks, self.units, versions=versions, profile=self.profile)

    def get_config(self):
        for block in (self.first, self.core, self.final):
            register_with_keras(type(block))
        blocks = {slot: keras.saving.serialize_keras_object(getattr(self, slot)) for slot in SLOTS}
        options = {"tasks": self.tasks, "units": self.units, "auxiliary": self.auxiliary, "test_shifts": self.test_shifts}
        if self.bias is not None:
            options["bias"] = keras.saving.serialize_keras_object(self.bias.network)
        return {"name": self.name, "construct": self.construct.to_json(), **blocks, **options}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {slot: read_block(slot, base, config[slot]) for slot, base in SLOTS.items()}
        if "bias" in config:
            parts["bias"] = keras.saving.deserialize_keras_object(config["bias"], custom_objects)
        return cls(**{name: value for name, value in config.items() if name != "modules"} | parts)  # older files list the blocks' modules


def _loss_by_task(loss, final, targets, expression, sample_weight):
    """A Keras loss of each task over the targets it has, summed over tasks; in standard units where the block has such a scale.

    A loss is a mean over the batch: weights that are 1 in the mean make it one over what is there.
    """
    present = ops.logical_not(ops.isnan(targets))
    targets = ops.where(present, targets, expression)
    if isinstance(final, ScaledFinal):
        targets, expression = final.standardised(targets), final.standardised(expression)
    weight = ops.cast(present, "float32")
    if sample_weight is not None:
        weight = weight * ops.cast(ops.reshape(sample_weight, (-1, 1)), "float32")
    weight = weight / ops.maximum(ops.mean(weight, axis=0), 1e-7)
    tasks = range(targets.shape[1])
    return sum(loss(targets[:, i : i + 1], expression[:, i : i + 1], sample_weight=weight[:, i]) for i in tasks)


def _with_auxiliary(outputs, core, features, auxiliary, length):
    """The outputs, and the logits of the kinds that the final block does not answer itself."""
    if unknown := sorted(set(auxiliary) - set(KINDS)):
        raise ModelError(f"Expected auxiliary outputs among {', '.join(KINDS)}, got {', '.join(unknown)}.")
    missing = [kind for kind in auxiliary if kind not in outputs]
    outputs = {**outputs, **{kind: PositionHead(kind, dtype=core.dtype_policy, name=kind)(features) for kind in missing}}
    for kind in auxiliary:
        if (came := outputs[kind].shape[1]) not in (length, 2 * length):
            raise ModelError(
                f"Expected a core that keeps the {length} positions of the window, or {2 * length} of both strands, for the auxiliary "
                f"output {kind!r}, got {came} from {type(core).__name__}."
            )
    return outputs


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
