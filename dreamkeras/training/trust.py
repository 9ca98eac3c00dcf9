"""What a model card says of how far predictions are to be trusted. Knows nothing about Keras."""

import math

from dreamkeras.analysis.conformal import Calibration
from dreamkeras.sequence.description import ModelDescription

__all__ = ["doubts", "interval_note"]

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
    if not description.yardstick:
        return "It gives no measure of its own uncertainty, and answers any sequence that fits, however unlike its training data."
    return (
        "It answers any sequence that fits, however unlike its training data: `dreamkeras predict --flag-unusual` names some of these. "
        "Intervals hold for sequences that are drawn as those of its validation were."
    )
