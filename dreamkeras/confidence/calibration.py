"""What a model's predictions are held against, as its file carries it: parts by name, each the business of a module of its own.

`calibration` is that of `conformal`, `background` that of `background`, `training` that of `familiarity`.
"""

from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.scorer import Scorer

__all__ = ["find_part"]


def find_part(scorer: Scorer, part: str, wanted: str) -> dict[str, Any]:
    """One part of what a model's file says.

    Args:
        scorer: The model.
        part: Its name.
        wanted: What it is, for the message.

    Raises:
        ModelError: The model does not say.
    """
    found = scorer.yardstick.get(part)
    if found:
        return dict(found)
    if isinstance(scorer, Ensemble):
        way = "dreamkeras export joins them, and dreamkeras calibrate adds it"
        raise ModelError(f"Expected one model with {wanted}, got {len(scorer.members)}: {way}.")
    raise ModelError(f"Expected a model with {wanted}, got {scorer.name} without: dreamkeras calibrate adds it.")
