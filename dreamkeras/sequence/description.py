"""Describes an exported model: construct, tasks, units, training summary and versions, as JSON in the metadata of the ONNX file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.sequence.construct import Construct

__all__ = ["METADATA_KEY", "ModelDescription", "current_parts"]

METADATA_KEY = "dreamkeras"
"""Key under which the description is stored in the metadata of an ONNX file."""

FORMAT = 3


@dataclass(frozen=True)
class ModelDescription:
    """Properties of a model that are needed for scoring.

    Args:
        name: Name of the model, such as `dream-cnn`.
        construct: Construct that turns sequences into the model's input.
        tasks: Name of each output column.
        units: Unit of each task.
        training: Summary of the training run: assay, strategy, random seed, epochs, examples and validation r. Empty if unknown.
        versions: Versions of the packages that were used for training and export.
        parity: Agreement of the ONNX model with the Keras model, measured during export: largest absolute difference, r and number of
            sequences. Empty before export.
        members: Fields `name`, `training` and `parity` of each member of an ensemble. Empty for a single model.
        profile: Number of positions in the middle of the window for which the model predicts the distribution of reads. None for models
            without a profile.
        calibration: `intervals`, `background` and `familiarity`, as `confidence.measure` returns them. Empty if not calibrated.
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

    @property
    def outputs(self) -> dict[str, int]:
        """Width of each output of the exported graph, by the name of the output, in order.

        The shape of an output is `[batch, width]`, float32.
        """
        if self.profile:
            return {"counts": len(self.tasks), "profile": self.profile}
        return dict.fromkeys(("expression", "sd") if self.members else ("expression",), len(self.tasks))

    def to_json(self) -> str:
        """Returns the description as JSON text."""
        fields = {**dataclasses.asdict(self), "construct": self.construct.to_json(), "format": FORMAT}
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
            if "yardstick" in fields:  # the name of the calibration in formats 1 and 2
                fields["calibration"] = current_parts(fields.pop("yardstick"))
            description = cls(construct=construct, **fields)
        except ModelError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"Expected a dreamkeras model description, got {text[:80]!r} ({error}).") from None
        return dataclasses.replace(description, tasks=tuple(description.tasks), units=tuple(description.units))


def current_parts(calibration: Mapping[str, Any]) -> dict[str, Any]:
    """Converts a calibration of description format 1 or 2 to the current key names."""
    return {{"calibration": "intervals", "training": "familiarity"}.get(name, name): part for name, part in calibration.items()}


def _check_format(written: int) -> None:
    # The format is checked before other fields, because a newer format may have fields that this version does not support.
    if written > FORMAT:
        raise ModelError(f"Expected a model description of format {FORMAT} or older, got {written}. Update dreamkeras.")
