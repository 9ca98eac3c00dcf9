"""Division: which examples of a file a model is trained on, and which it is validated on. Knows nothing about files."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.hold_out import draw_folds, fold_split, split

__all__ = ["HELD_OUT", "Division"]

HELD_OUT = 0.1
"""Share of the data to validate on where nothing else is chosen."""


class Division(NamedTuple):
    """How the examples of a file are divided.

    Args:
        seed: Of what is drawn.
        fraction: Share to validate on; None takes `HELD_OUT`.
        fold: The fold, or chromosome, to validate on, in place of a share.
        folds: Folds that are drawn first; None takes those of the data.
        is_whole: Whether all examples are trained on: others are validated on, or every fold by a model of its own.
    """

    seed: int = 0
    fraction: float | None = None
    fold: int | str | None = None
    folds: int | None = None
    is_whole: bool = False

    @classmethod
    def of_run(cls, choices: Mapping[str, Any]) -> "Division":
        """That of a run, by the fields of its `config.json`."""
        split_seed, folds, fold = (choices.get(name) for name in ("split_seed", "folds", "valid_fold"))
        return cls(
            choices.get("seed", 0) if split_seed is None else split_seed,
            choices.get("valid_fraction"),
            fold,
            folds if isinstance(folds, int) else None,
            is_whole=bool(choices.get("valid")) or (folds is not None and fold is None),
        )

    def with_folds(self, examples: Examples) -> Examples:
        """The examples, with folds where some are to be drawn.

        Raises:
            InputError: There are too few examples for the folds.
        """
        return draw_folds(examples, self.folds, self.seed) if self.folds else examples

    def divide(self, examples: Examples) -> tuple[Examples, Examples]:
        """Training and validation examples of those that `with_folds` returns.

        Raises:
            InputError: One side would be empty, or there is no such fold.
        """
        if self.is_whole:
            return examples, examples.select(np.arange(0))
        if self.fold is not None:
            # A chromosome may be called 8, but the windows of a genome are in no fold of that number.
            return fold_split(examples, self.fold if examples.profiles is None else str(self.fold))
        return split(examples, HELD_OUT if self.fraction is None else self.fraction, self.seed)
