"""What a model card says of how far predictions are to be trusted. Knows nothing about Keras."""

import math
from pathlib import Path

from dreamkeras.confidence.intervals import Calibration
from dreamkeras.files.outputs import open_output
from dreamkeras.sequence.description import ModelDescription

__all__ = ["doubts", "interval_note", "renew_card"]

LEVEL = 0.95
"""Of the intervals whose width is told."""


def interval_note(description: ModelDescription) -> str:
    """How far intervals reach, where there is a calibration that is large enough."""
    if "calibration" not in description.yardstick:
        return ""
    residuals = Calibration.from_json(description.yardstick["calibration"], description.tasks).residuals
    widths = {task: width for task, found in residuals.items() if math.isfinite(width := found.half_width(LEVEL))}
    told = " and ".join(f"{width:.3g}" + (f" ({task})" if len(residuals) > 1 else "") for task, width in widths.items())
    return (
        f"{LEVEL:.0%} of measurements are expected within {told} of their predictions: `dreamkeras predict --interval`." if widths else ""
    )


def doubts(description: ModelDescription) -> str:
    """What the model says of how far to trust a prediction."""
    answers = "answers any sequence that fits, however unlike its training data"
    flagged = ": `dreamkeras predict --flag-unusual` names some of these." if "training" in description.yardstick else "."
    if "calibration" not in description.yardstick:
        return f"It gives no measure of its own uncertainty, and {answers}{flagged}"
    return f"It {answers}{flagged} Intervals hold for sequences that are drawn as those of its validation were."


def renew_card(path: Path, before: ModelDescription, after: ModelDescription) -> bool:
    """Writes a model card again for a model whose yardstick is another now.

    Args:
        path: The card, whose other lines stay as they are.
        before: What the model said of itself when the card was written.
        after: What it says now.

    Returns:
        Whether the card had the line of its doubts; it stays as it is where somebody has changed that.
    """
    lines, old_doubts = path.read_text().split("\n"), f"- {doubts(before)}"
    if old_doubts not in lines:
        return False
    old_note, new_note = f"- {interval_note(before)}", f"- {interval_note(after)}"
    kept = [line for line in lines if line != old_note]
    place = lines.index(old_note if old_note in lines else old_doubts)
    kept[place:place] = [new_note] if interval_note(after) else []
    kept[kept.index(old_doubts)] = f"- {doubts(after)}"
    with open_output(str(path)) as stream:
        stream.write("\n".join(kept).encode())
    return True
