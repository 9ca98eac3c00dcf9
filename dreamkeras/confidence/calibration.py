"""Finds the parts of a calibration in a model file.

The parts `intervals`, `background` and `familiarity` are implemented in the modules with the same names.
"""

from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.scoring.scorer import Scorer

__all__ = ["find_part"]


def find_part(scorer: Scorer, part: str) -> dict[str, Any]:
    """Returns one part of a model's calibration by its name.

    Raises:
        ModelError: The model's calibration does not contain `part`.
    """
    found = scorer.calibration.get(part)
    if found:
        return dict(found)
    if len(scorer.members) > 1:
        way = "Join the models with dreamkeras export, and calibrate the ensemble with dreamkeras calibrate"
        raise ModelError(f"Expected one model with {part} in its calibration, got {len(scorer.members)} models. {way}.")
    raise ModelError(f"The model {scorer.name} has no {part} in its calibration. Calibrate the model with dreamkeras calibrate.")
