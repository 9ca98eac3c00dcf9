"""The calibration in a model's file: `intervals`, `background` and `familiarity`, each read by the module of that name."""

from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.scoring.scorer import Scorer

__all__ = ["find_part"]


def find_part(scorer: Scorer, part: str) -> dict[str, Any]:
    """One part of a model's calibration, by its name.

    Raises:
        ModelError: The model has no such part.
    """
    found = scorer.calibration.get(part)
    if found:
        return dict(found)
    if len(scorer.members) > 1:
        way = "dreamkeras export joins them, and dreamkeras calibrate adds it"
        raise ModelError(f"Expected one model with {part} in its calibration, got {len(scorer.members)}: {way}.")
    raise ModelError(f"Expected a model with {part} in its calibration, got {scorer.name} without: dreamkeras calibrate adds it.")
