"""The lines of a model card about the confidence of predictions."""

import math
from pathlib import Path

from dreamkeras.confidence.intervals import Intervals
from dreamkeras.files.outputs import write_text
from dreamkeras.sequence.description import ModelDescription

__all__ = ["confidence_note", "interval_note", "update_card"]

LEVEL = 0.95
"""Level of the intervals whose width the card states."""


def interval_note(description: ModelDescription) -> str:
    """The width of prediction intervals; empty without a calibration, or with too small a one."""
    if "intervals" not in description.calibration:
        return ""
    residuals = Intervals.from_json(description.calibration["intervals"], description.tasks).residuals
    widths = {task: width for task, found in residuals.items() if math.isfinite(width := found.half_width(LEVEL))}
    told = " and ".join(f"{width:.3g}" + (f" ({task})" if len(residuals) > 1 else "") for task, width in widths.items())
    return (
        f"{LEVEL:.0%} of measurements are expected within {told} of their predictions: `dreamkeras predict --interval`." if widths else ""
    )


def confidence_note(description: ModelDescription) -> str:
    """Which measures of confidence the model has."""
    answers = "answers any sequence that fits, however unlike its training data"
    flagged = ": `dreamkeras predict --flag-unusual` names some of these." if "familiarity" in description.calibration else "."
    if "intervals" not in description.calibration:
        return f"It gives no measure of its own uncertainty, and {answers}{flagged}"
    return f"It {answers}{flagged} Intervals hold for sequences that are drawn as those of its validation were."


def update_card(path: Path, before: ModelDescription, after: ModelDescription) -> bool:
    """Updates a model card after a new calibration, if the line `confidence_note` of before was not edited.

    Returns:
        Whether it was updated.
    """
    lines, old_confidence = path.read_text().split("\n"), f"- {confidence_note(before)}"
    if old_confidence not in lines:
        return False
    old_note, new_note = f"- {interval_note(before)}", f"- {interval_note(after)}"
    kept = [line for line in lines if line != old_note]
    place = lines.index(old_note if old_note in lines else old_confidence)
    kept[place:place] = [new_note] if interval_note(after) else []
    kept[kept.index(old_confidence)] = f"- {confidence_note(after)}"
    write_text(path, "\n".join(kept))
    return True
