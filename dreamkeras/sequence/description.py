"""Defines the description of an exported model, which is stored as JSON in the metadata of the ONNX file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.task_scale import TaskScale, scales_from_json

__all__ = ["METADATA_KEY", "ModelDescription", "current_parts"]

METADATA_KEY = "dreamkeras"
"""Key under which the description is stored in the metadata of an ONNX file."""

FORMAT = 4

PLAIN_FORMAT = 3
"""Format of the description of a model without scales, which older versions of dreamkeras can read."""


@dataclass(frozen=True)
class ModelDescription:
    """Properties of a model that are needed for scoring.

    Args:
        name: Name of the model, such as `dream-cnn`.
        construct: Construct that converts sequences to the model's input.
        tasks: Names of the tasks, in the order of the predictions.
        units: Unit of each task.
        training: Summary of the training run, such as its assay, strategy, random seed and validation metrics. Empty if unknown.
        versions: Versions of the packages that were used for training and export.
        parity: Agreement of the ONNX model with the Keras model, as the fields of `export.parity.Parity`. Empty before export.
        members: Fields `name`, `training`, `versions` and `parity` of each member of an ensemble. Empty for a single model.
        profile: Number of positions in the middle of the window for which the model predicts the distribution of reads. None for models
            without a profile.
        calibration: Dictionary with the keys `intervals`, `background` and `familiarity`, created by `confidence.measure`. Empty if the
            model is not calibrated.
        scales: Kind and transformation of each task. Empty if no task has a transformation or another kind than `"value"`.
    """

    name: str
    construct: Construct
    tasks: tuple[str, ...]
    units: tuple[str, ...]
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    members: list[dict[str, Any]] = field(default_factory=list)
    profile: int | None = None
    calibration: dict[str, Any] = field(default_factory=dict)
    scales: tuple[TaskScale, ...] = ()

    @property
    def outputs(self) -> dict[str, int]:
        """Names and widths of the exported graph's outputs, in order.

        The shape of an output is `[batch, width]`, float32.
        """
        if self.profile:
            return {"counts": len(self.tasks), "profile": self.profile}
        return dict.fromkeys(("expression", "sd") if self.members else ("expression",), len(self.tasks))

    def to_json(self) -> str:
        """Returns the description as JSON text."""
        fields = {**dataclasses.asdict(self), "construct": self.construct.to_json(), "format": FORMAT if self.scales else PLAIN_FORMAT}
        if not self.scales:
            fields.pop("scales")
        return json.dumps(fields, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "ModelDescription":
        """Parses a description that `to_json` wrote.

        Raises:
            ModelError: The text is not a description, or its format is newer than this version of dreamkeras.
        """
        try:
            fields = json.loads(text)
            _check_format(fields.pop("format"))
            construct = Construct.from_json(fields.pop("construct"))
            if "yardstick" in fields:  # formats 1 and 2 store the calibration under this key
                fields["calibration"] = current_parts(fields.pop("yardstick"))
            fields["scales"] = scales_from_json(fields.get("scales", ()))
            description = cls(construct=construct, **fields)
        except ModelError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"Expected a dreamkeras model description, got {text[:80]!r} ({error}).") from None
        return dataclasses.replace(description, tasks=tuple(description.tasks), units=tuple(description.units))


def current_parts(calibration: Mapping[str, Any]) -> dict[str, Any]:
    """Renames the keys of a calibration from a description of format 1 or 2 to the current names."""
    return {{"calibration": "intervals", "training": "familiarity"}.get(name, name): part for name, part in calibration.items()}


def _check_format(written: int) -> None:
    # The format is checked before other fields, because a newer format may have fields that this version does not support.
    if written > FORMAT:
        raise ModelError(f"Expected a model description of format {FORMAT} or older, got {written}. Update dreamkeras.")
