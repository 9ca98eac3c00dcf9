"""Writes the lines about the confidence of predictions in a model card."""

import math
from pathlib import Path

from dreamkeras.confidence.intervals import NO_INTERVALS, Intervals
from dreamkeras.files.outputs import write_text
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["confidence_note", "interval_note", "update_card"]

LEVEL = 0.95
"""Level of the prediction interval whose width is given in the model card."""


def interval_note(description: ModelDescription) -> str:
    """Returns a sentence on the width of prediction intervals. The text is empty if the model has no intervals or too few residuals."""
    if "intervals" not in description.calibration:
        return ""
    intervals = Intervals.from_json(description.calibration["intervals"], description.tasks)
    residuals, binary = intervals.residuals, [task for task in intervals.tasks if task not in intervals.residuals]
    widths = {task: width for task, found in residuals.items() if math.isfinite(width := found.half_width(LEVEL))}
    told = " and ".join(
        f"{width:.3g}{_unit(residuals[task].scale)}" + (f" ({task})" if len(intervals.tasks) > 1 else "") for task, width in widths.items()
    )
    within = f"{LEVEL:.0%} of measurements are expected within {told} of the prediction; see `dreamkeras predict --interval`."
    return " ".join([*([within] if widths else []), *([NO_INTERVALS.format(" and ".join(binary))] if binary else [])])


def _unit(scale: TaskScale) -> str:
    return " in the square root of the counts" if scale.kind == "counts" else f" in {scale.label}" if scale.label else ""


def confidence_note(description: ModelDescription) -> str:
    """Returns sentences on the limits of the model's predictions and intervals."""
    predicts = (
        "The model returns a prediction for every sequence that fits the construct, even if the sequence differs strongly from the "
        "training data."
    )
    advice = " `dreamkeras predict --flag-unusual` marks sequences of unusual length or composition."
    flagged = advice if "familiarity" in description.calibration else ""
    if "intervals" not in description.calibration:
        return f"The model has no prediction intervals. {predicts}{flagged}"
    return f"{predicts}{flagged} Prediction intervals are valid for sequences from the same distribution as the validation set."


def update_card(path: Path, before: ModelDescription, after: ModelDescription) -> bool:
    """Updates a model card after a new calibration, unless somebody edited the line from `confidence_note`.

    Args:
        path: The model card.
        before: Description of the model with the old calibration.
        after: Description of the model with the new calibration.

    Returns:
        Whether the card was updated.
    """
    lines, old_confidence = path.read_text(encoding="utf-8").split("\n"), f"- {confidence_note(before)}"
    if old_confidence not in lines:
        return False
    old_note, new_note = f"- {interval_note(before)}", f"- {interval_note(after)}"
    kept = [line for line in lines if line != old_note]
    place = lines.index(old_note if old_note in lines else old_confidence)
    kept[place:place] = [new_note] if interval_note(after) else []
    kept[kept.index(old_confidence)] = f"- {confidence_note(after)}"
    write_text(path, "\n".join(kept))
    return True
