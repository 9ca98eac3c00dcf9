"""Division: the rule by which examples are divided into training, validation and test data. This module reads no files."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.hold_out import draw_folds, fold_split, split

__all__ = ["HELD_OUT", "Division"]

HELD_OUT = 0.1
"""Default share of the data that is held out for validation."""


class Division(NamedTuple):
    """Rule by which the examples of a data set are divided into training, validation and test examples.

    Args:
        seed: Random seed of the split and of the folds.
        fraction: Share of the examples to validate on. If None, `HELD_OUT` is used.
        fold: Fold or chromosome to validate on, instead of a share of the examples.
        folds: Number of folds to draw at random. If None, the folds in the data file are used.
        is_whole: Whether all examples are used for training, because validation data are separate or because each fold is validated by
            a separate model.
        test_fold: Fold or chromosome to test on. Its examples are neither training nor validation examples. If None, there is no test fold.
    """

    seed: int = 0
    fraction: float | None = None
    fold: int | str | None = None
    folds: int | None = None
    is_whole: bool = False
    test_fold: int | str | None = None

    @classmethod
    def of_run(cls, choices: Mapping[str, Any]) -> "Division":
        """Returns the division that a run used, from the fields of its `config.json`."""
        split_seed, folds, fold = (choices.get(name) for name in ("split_seed", "folds", "valid_fold"))
        return cls(
            choices.get("seed", 0) if split_seed is None else split_seed,
            choices.get("valid_fraction"),
            fold,
            folds if isinstance(folds, int) else None,
            is_whole=bool(choices.get("valid")) or (folds is not None and fold is None),
            test_fold=choices.get("test_fold"),
        )

    def without_test(self, examples: Examples) -> tuple[Examples, Examples]:
        """Divides all examples into the examples for training and validation, and the test examples. The second part may be empty.

        Raises:
            InputError: The test fold does not exist, or all examples are in it.
        """
        if self.test_fold is None:
            return examples, examples.select(np.arange(0))
        return fold_split(examples, _place(examples, self.test_fold))

    def with_folds(self, examples: Examples) -> Examples:
        """Assigns the examples that `without_test` returned to random folds. If `folds` is None, the examples are returned unchanged.

        Raises:
            InputError: There are too few examples for the folds.
        """
        return draw_folds(examples, self.folds, self.seed) if self.folds else examples

    def divide(self, examples: Examples) -> tuple[Examples, Examples]:
        """Divides the examples that `with_folds` returned into training and validation examples.

        Raises:
            InputError: The training or the validation set would be empty, or the fold does not exist.
        """
        if self.is_whole:
            return examples, examples.select(np.arange(0))
        if self.fold is not None:
            return fold_split(examples, _place(examples, self.fold))
        return split(examples, HELD_OUT if self.fraction is None else self.fraction, self.seed)


def _place(examples: Examples, fold: int | str) -> int | str:
    """Returns a fold or, for genomic windows, which have no folds, the name of a chromosome, which may be a number such as 8."""
    return fold if examples.profiles is None else str(fold)
