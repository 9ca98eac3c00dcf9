"""PrixFixe: a Keras model that encodes the sequences of a construct and applies a first, a core and a final block."""

import dataclasses
import importlib.metadata

import keras
from keras import ops

from dreamkeras.errors import ModelError, one_line
from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.encoding import LetterEncoding
from dreamkeras.layers.parts.auxiliary import KINDS, PositionHead, auxiliary_loss
from dreamkeras.layers.saved_blocks import read_block, register_with_keras
from dreamkeras.layers.slots import SLOTS
from dreamkeras.models.bias import EnzymeBias, check_bias
from dreamkeras.models.strand_mean import StrandMean
from dreamkeras.models.task_scales import TaskScales
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.sequence.task_scale import scales_from_json

__all__ = ["LOAD_AFTER", "PrixFixe"]

LOAD_AFTER = "import dreamkeras.models.presets"
"""Statement that registers the classes of a `.keras` file with Keras. The statement is stored in the file."""


@keras.saving.register_keras_serializable(package="dreamkeras")
class PrixFixe(keras.Model):
    """A network of three interchangeable blocks, applied to encoded sequences.

    Args:
        construct: The construct, which defines the window length, the flags and the strand rule.
        first: A `FirstLayers` block.
        core: A `Core` block.
        final: A `FinalLayers` block. The loss of this block is used for training unless `compile` receives a `keras.losses.Loss`.
        tasks: Names of the tasks, one for each column of the expression.
        units: Units of the tasks, one string for each task.
        auxiliary: Names of additional outputs that the network learns to predict, from `layers.parts.auxiliary.KINDS`. An output that the
            final block does not provide is computed from the core's features by a `PositionHead`.
        test_shifts: Maximum test shift in bases. Predictions are averaged over windows that are shifted by up to this distance in both
            directions. Shifted windows are padded with `N`.
        bias: A trained network with a profile, whose predictions are added to those of this network. Its weights stay frozen.
        scales: The `sequence.task_scale.TaskScale` of each task, or a dictionary with its fields. The output `"expression"` is on the scale
            of the network, and predictors convert it to the table's unit. Empty if no task has a transformation or another kind than
            `"value"`.

    Attributes:
        width: Number of channels of the core's features.
        profile: Number of positions of the predicted profile. None without a profile.

    Shape:
        The input is `{"letters": uint8 (batch, length), "flags": float32 (batch, flags)}`. The output is the dictionary of `final` with the
        auxiliary logits `(batch, positions, ...)` added. Training targets are float32 `(batch, tasks)`, with NaN for missing values, or a
        dictionary. The dictionary contains the targets as `"expression"`, and the targets of `layers.parts.auxiliary.auxiliary_loss`.

    Raises:
        ModelError: The blocks do not fit together, the final block does not return one column for each task, or the core does not keep
            the positions that an auxiliary output requires.

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
        scales=(),
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
            raise ModelError("Test shifts are not available for a network with a profile: they would shift the positions of the profile.")
        profile = outputs["profile"].shape[1] if final.has_profile else None
        if bias is not None:
            check_bias(bias, construct, profile)
            bias = EnzymeBias(bias)
            outputs = {**outputs, **bias(letters, flags, outputs["expression"], outputs["profile"])}
        scales = scales_from_json(scales)
        if scales:
            task_scales = TaskScales(scales)
            outputs = {**outputs, "expression": task_scales(outputs["expression"])}
        outputs = _with_auxiliary(outputs, core, features, auxiliary, construct.length)

        super().__init__({"letters": letters, "flags": flags}, outputs, **kwargs)

        self.construct = construct
        self.first, self.core, self.final = first, core, final
        self.tasks, self.units = tuple(tasks), tuple(units)
        self.auxiliary, self.test_shifts = tuple(auxiliary), test_shifts
        self.width = features.shape[-1]
        self.profile, self.bias = profile, bias
        self.scales, self.task_scales = scales, task_scales if scales else None

    def with_options(self, auxiliary=(), test_shifts=0, bias=None, scales=()):
        """Returns a network with the same blocks and weights but other values of `auxiliary`, `test_shifts`, `bias` and `scales`."""
        settings = {"tasks": self.tasks, "units": self.units, "auxiliary": auxiliary, "test_shifts": test_shifts, "name": self.name}
        return PrixFixe(self.construct, self.first, self.core, self.final, bias=bias, scales=scales, **settings)

    def fit_scale(self, targets):
        """Adapts the scale of the predictions to the training targets, float32 `(n, tasks)`, with NaN for missing values."""
        self.final.fit_scale(targets)
        if self.task_scales is not None:
            self.task_scales.fit(self.final, targets)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        truth = y if isinstance(y, dict) else {"expression": y}
        likelihoods = 0.0
        if self.task_scales is not None:
            likelihoods = self.task_scales.loss(truth["expression"], y_pred["expression"], sample_weight)
            truth = {**truth, "expression": self.task_scales.values_alone(truth["expression"])}
        if self.loss is None:
            loss = self.final.total_loss(truth, y_pred, sample_weight)
        else:
            loss = _loss_by_task(self.loss, self.final, truth["expression"], y_pred["expression"], sample_weight)
        return sum(self.losses, loss + likelihoods + auxiliary_loss(truth, y_pred))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        targets = y["expression"] if isinstance(y, dict) else y
        # The metrics use targets and predictions only, because the network's variables cannot be read here on JAX.
        expression = y_pred["expression"] if self.task_scales is None else self.task_scales.fitted(y_pred["expression"])
        return super().compute_metrics(x, targets, expression, sample_weight)

    def predictor(self) -> keras.Model:
        """Returns a Keras model that predicts expression `(batch, tasks)` in the assay's units from letters uint8 `(batch, length)`.

        The strand rule of the construct is applied. For a network with a profile, additional columns contain the probabilities of the
        positions. The returned model shares the weights of this network.
        """
        letters = keras.Input((self.construct.length,), dtype="uint8", name="letters")
        answers = StrandMean(self)(letters)
        columns = keras.layers.Concatenate()(list(answers.values())) if len(answers) > 1 else answers["expression"]
        return keras.Model(letters, columns, name=f"{self.name}_predictor")

    def describe(self) -> ModelDescription:
        """Returns the network's description, which is stored with the exported model. The export adds a summary of the training run."""
        versions = {package: importlib.metadata.version(package) for package in ("dreamkeras", "keras", "numpy")}
        return ModelDescription(
            self.name, self.construct, self.tasks, self.units, versions=versions, profile=self.profile, scales=self.scales
        )

    def get_config(self):
        for block in (self.first, self.core, self.final):
            register_with_keras(type(block))
        blocks = {slot: keras.saving.serialize_keras_object(getattr(self, slot)) for slot in SLOTS}
        options = {"tasks": self.tasks, "units": self.units, "auxiliary": self.auxiliary, "test_shifts": self.test_shifts}
        if self.scales:
            options["scales"] = [dataclasses.asdict(scale) for scale in self.scales]
        if self.bias is not None:
            options["bias"] = keras.saving.serialize_keras_object(self.bias.network)
        # If the class has not been imported, Keras prints the configuration, which begins with this statement.
        return {"load_after": LOAD_AFTER, "name": self.name, "construct": self.construct.to_json(), **blocks, **options}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {slot: read_block(slot, base, config[slot]) for slot, base in SLOTS.items()}
        if "bias" in config:
            parts["bias"] = keras.saving.deserialize_keras_object(config["bias"], custom_objects)
        unused = ("load_after", "modules")  # older files have "modules"
        return cls(**{name: value for name, value in config.items() if name not in unused} | parts)


def _loss_by_task(loss, final, targets, expression, sample_weight):
    """Computes a Keras loss for each task, ignoring missing targets, and returns the sum over tasks.

    Targets and predictions are standardised first if the final block has a scale. The weights are normalised to a mean of 1, because a
    Keras loss divides by the batch size. The loss of a task is then the average over the targets that are present.
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
    """Adds the auxiliary outputs that the final block does not provide."""
    if unknown := sorted(set(auxiliary) - set(KINDS)):
        raise ModelError(f"Expected auxiliary outputs among {', '.join(KINDS)}, got {', '.join(unknown)}.")
    missing = [kind for kind in auxiliary if kind not in outputs]
    outputs = {**outputs, **{kind: PositionHead(kind, dtype=core.dtype_policy, name=kind)(features) for kind in missing}}
    for kind in auxiliary:
        if (came := outputs[kind].shape[1]) not in (length, 2 * length):
            raise ModelError(
                f"The auxiliary output {kind!r} requires a core that returns {length} positions, or {2 * length} for both strands, "
                f"got {came} positions from {type(core).__name__}."
            )
    return outputs


def _apply(slot, block, features):
    if getattr(block, "slot", None) != slot:
        raise ModelError(f"Expected a {slot} block in the {slot} slot, got {type(block).__name__}.")
    try:
        outputs = block(features)
    except (ValueError, TypeError, RuntimeError) as error:  # the type of the exception for a wrong shape depends on the backend
        came = tuple(features.shape[1:])
        # Only the message of the block is reported, because Keras embeds it in a longer message with terminal codes for bold text.
        reason = one_line(str(error).split("Error encountered:")[-1].split("\x1b")[0])
        raise ModelError(f"{type(block).__name__} in the {slot} slot cannot process features of shape {came}: {reason}") from error
    if slot != "final" and len(getattr(outputs, "shape", ())) != 3:
        raise ModelError(f"Expected {type(block).__name__} to return features (batch, length, channels), got {outputs}.")
    return outputs


def _check_outputs(final, outputs, tasks, units):
    if not isinstance(outputs, dict) or "expression" not in outputs:
        raise ModelError(f"Expected {type(final).__name__} to return a dictionary with 'expression'.")
    came = outputs["expression"].shape[-1]
    if not came == len(tasks) == len(units):
        raise ModelError(
            f"Expected one output and one unit for each of the tasks {tuple(tasks)}, got {came} outputs and {len(units)} units."
        )
