"""TaskScale: the kind of a task's values, and the functions between the table's unit and the scale on which a network is trained.

The module uses NumPy only. `models.task_scales` contains the same functions for networks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.names import TASK_KINDS, TRANSFORMS

__all__ = ["EPSILON", "LARGEST_PREDICTION", "TaskScale", "by_task", "scales_from_json"]

LARGEST_PREDICTION = 1e36
"""Largest absolute value of a prediction after the inverse transformation. Larger values are replaced with this value."""

EPSILON = float(np.finfo(np.float32).eps)
"""Predictions are in float32. Probabilities are at least this number apart from 0 and 1 before their logit is computed."""


@dataclass(frozen=True)
class TaskScale:
    """Kind and transformation of a task.

    A network predicts a task on its own scale, from -infinity to infinity: the transformed value, the logit of a probability, or the
    natural logarithm of an expected count. `natural` converts this scale to the table's unit, and `network` is the inverse of `natural`.

    Args:
        kind: One of `TASK_KINDS`. `"value"` is trained with the loss of the network, `"binary"` with the binary cross-entropy, and
            `"counts"` with the negative binomial likelihood.
        transform: One of `TRANSFORMS`. Only for the kind `"value"`.
        offset: Number that is added to values before the transformation `"log2"`.

    Raises:
        InputError: A name is unknown, the offset is not finite, or two arguments cannot be combined.

    Example:
        >>> scale = TaskScale(transform="log2", offset=1.0)
        >>> scale.fitted(np.array([0.0, 1.0, 7.0])).tolist(), scale.natural(np.array([3.0])).tolist()
        ([0.0, 1.0, 3.0], [7.0])
    """

    kind: str = "value"
    transform: str = "none"
    offset: float = 0.0

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, TASK_KINDS), ("transform", self.transform, TRANSFORMS)):
            if value not in known:
                raise InputError(f"Expected the {name} of a task to be one of {', '.join(known)}, got {value!r}.")
        if not (isinstance(self.offset, int | float) and abs(self.offset) <= LARGEST_PREDICTION):
            raise InputError(f"Expected an offset between -1e36 and 1e36, got {self.offset}.")
        if self.offset and self.transform != "log2":
            raise InputError(f"An offset requires the transformation log2, got {self.transform}.")
        if self.transform != "none" and self.kind != "value":
            raise InputError(f"Only tasks of the kind value can be transformed, got {self.transform} for a task of the kind {self.kind}.")

    @property
    def label(self) -> str:
        """Formula of the transformation, such as `log2(value + 1)`, or an empty string without a transformation."""
        if self.transform == "none":
            return ""
        added = f" {'+' if self.offset > 0 else '-'} {abs(self.offset):g}" if self.offset else ""
        return f"{self.transform}(value{added})"

    def can_transform(self, values: np.ndarray) -> np.ndarray:
        """Returns whether the transformation is defined for each value. NaN counts as defined."""
        if self.transform not in ("log2", "log1p"):
            return np.ones(np.shape(values), bool)
        return ~(values + (self.offset if self.transform == "log2" else 1) <= 0)

    def fitted(self, values: np.ndarray) -> np.ndarray:
        """Converts measured or predicted values to the scale of the loss, float64.

        The result is the transformed value. Values of tasks of other kinds than `"value"` are unchanged.
        """
        return self.network(values) if self.kind == "value" else np.asarray(values, np.float64)

    def network(self, values: np.ndarray) -> np.ndarray:
        """Converts values in the table's unit to the scale of the network, float64. Values outside the domain are moved to its edge."""
        values = np.asarray(values, np.float64)
        if self.kind == "binary":
            values = np.clip(values, EPSILON, 1 - EPSILON)
            return np.log(values) - np.log1p(-values)
        if self.kind == "counts":
            return np.log(np.maximum(values, EPSILON))
        if self.transform == "log2":
            return np.log2(np.maximum(values + self.offset, max(EPSILON * abs(self.offset), 1e-38)))
        if self.transform == "log1p":
            return np.log1p(np.maximum(values, EPSILON - 1))
        return np.arcsinh(values) if self.transform == "asinh" else values

    def natural(self, values: np.ndarray) -> np.ndarray:
        """Converts values on the scale of the network to the table's unit, float64."""
        values = np.asarray(values, np.float64)
        if self.kind == "binary":
            return 1 / (1 + np.exp(-np.clip(values, -700, 700)))
        if self.kind == "counts":
            return np.exp(np.minimum(values, np.log(LARGEST_PREDICTION)))
        if self.transform == "log2":
            return np.exp2(np.minimum(values, np.log2(LARGEST_PREDICTION))) - self.offset
        if self.transform == "log1p":
            return np.expm1(np.minimum(values, np.log(LARGEST_PREDICTION)))
        most = np.arcsinh(LARGEST_PREDICTION)
        return np.sinh(np.clip(values, -most, most)) if self.transform == "asinh" else values

    def stabilised(self, values: np.ndarray) -> np.ndarray:
        """Converts values in the table's unit to a scale on which prediction errors have a similar size for low and high values, float64.

        The scale is that of the transformation. For counts, it is the square root of the value plus 3/8 (Anscombe 1948).
        """
        return np.sqrt(np.maximum(values, 0) + 0.375) if self.kind == "counts" else self.fitted(values)

    def from_stabilised(self, values: np.ndarray) -> np.ndarray:
        """Converts values of `stabilised` to the table's unit, float64."""
        if self.kind == "counts":
            return np.maximum(np.square(np.maximum(values, 0)) - 0.375, 0)
        return self.natural(values) if self.kind == "value" else np.asarray(values, np.float64)


def by_task(scales: Sequence[TaskScale], method: Callable[[TaskScale, np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Applies a method of `TaskScale` to the column of each task. If `scales` is empty, the values are returned unchanged.

    Args:
        scales: The scale of each task, or an empty sequence if no task has a scale.
        method: The method, for example `TaskScale.fitted`.
        values: float (n, tasks).

    Returns:
        Array of the same shape and type as `values`.
    """
    if not scales:
        return values
    columns = [method(scale, column) for scale, column in zip(scales, values.T, strict=True)]
    return np.stack(columns, axis=1).astype(values.dtype)


def scales_from_json(fields: Iterable[Any]) -> tuple[TaskScale, ...]:
    """Creates the scales of the tasks from dictionaries that `dataclasses.asdict` returned.

    Raises:
        InputError: A value is not valid.
        TypeError: A field is unknown.
    """
    return tuple(scale if isinstance(scale, TaskScale) else TaskScale(**scale) for scale in fields)
