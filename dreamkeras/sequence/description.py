"""The description in every exported model: construct, tasks, units, training summary, versions; as JSON in the ONNX file's metadata."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.sequence.construct import Construct

__all__ = ["METADATA_KEY", "ModelDescription", "current_parts"]

METADATA_KEY = "dreamkeras"
"""The key of the ONNX file's metadata under which the description stands as JSON."""

FORMAT = 3


@dataclass(frozen=True)
class ModelDescription:
    """The facts about a model that scoring needs.

    Args:
        name: The model's name, e.g. `dream-cnn`.
        construct: How sequences become its input.
        tasks: One name an output column.
        units: The unit of each task.
        training: Summary of the training run: assay, strategy, seed, epochs, examples, validation r; empty if unknown.
        versions: Versions of the packages that made it.
        parity: Keras against ONNX at export (largest absolute difference, r, number of sequences); empty before export.
        members: Of an ensemble, the name, training and parity of each model in it; empty for a single model.
        profile: Positions in the middle of the window for which the model answers the share of the reads that begin there; None without.
        calibration: `intervals`, `background` and `familiarity`, as `confidence.measure` makes them; empty if unknown.
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
        """The outputs of the exported graph: the width of each, float32 `[batch, width]`, by name, in their order."""
        if self.profile:
            return {"counts": len(self.tasks), "profile": self.profile}
        return dict.fromkeys(("expression", "sd") if self.members else ("expression",), len(self.tasks))

    def to_json(self) -> str:
        """One JSON text."""
        fields = {**dataclasses.asdict(self), "construct": self.construct.to_json(), "format": FORMAT}
        return json.dumps(fields, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "ModelDescription":
        """The description that `to_json` wrote.

        Raises:
            ModelError: The text is no description, or of a newer format.
        """
        try:
            fields = json.loads(text)
            _check_format(fields.pop("format"))
            construct = Construct.from_json(fields.pop("construct"))
            if "yardstick" in fields:  # the name up to format 2
                fields["calibration"] = current_parts(fields.pop("yardstick"))
            description = cls(construct=construct, **fields)
        except ModelError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"Expected a dreamkeras model description, got {text[:80]!r} ({error}).") from None
        return dataclasses.replace(description, tasks=tuple(description.tasks), units=tuple(description.units))


def current_parts(calibration: Mapping[str, Any]) -> dict[str, Any]:
    """A calibration that was written up to format 2, by the names that its parts have now."""
    return {{"calibration": "intervals", "training": "familiarity"}.get(name, name): part for name, part in calibration.items()}


def _check_format(written: int) -> None:
    # Before anything else is looked at: a newer format may have fields that this version does not know.
    if written > FORMAT:
        raise ModelError(f"Expected a model description of format {FORMAT} or older, got {written}: update dreamkeras.")
