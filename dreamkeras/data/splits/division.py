"""Division: the rule by which examples are divided into training, validation and test data. This module reads no files."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.choice import Method
from dreamkeras.data.splits.hold_out import deal_examples, draw_hold_out, fold_split
from dreamkeras.data.splits.names import LEGACY

__all__ = ["HELD_OUT", "Divided", "Division"]

HELD_OUT = 0.1
"""Default share of the data that is held out for validation."""


class Divided(NamedTuple):
    """Training and validation examples.

    Args:
        training: Training examples.
        validation: Validation examples.
        method: How the validation examples were drawn. None if they were not drawn at random.
        requested: Requested share of the validation examples.
    """

    training: Examples
    validation: Examples
    method: Method | None = None
    requested: float = 0.0


class Division(NamedTuple):
    """Rule by which the examples of a data set are divided into training, validation and test examples.

    Args:
        seed: Random seed of the split and of the folds.
        fraction: Share of the examples to validate on. If None, `HELD_OUT` is used.
        fold: Fold or chromosome to validate on, instead of a share of the examples.
        folds: Number of folds to draw at random. If None, the folds in the data file are used.
        is_whole: Whether all examples are used for training, because validation data are separate or because each fold is validated by
            a separate model.
        holdout: Rule by which validation examples and folds are drawn. See `data.splits.choice`.
        test_fold: Fold or chromosome to test on. Its examples are neither training nor validation examples. If None, there is no test fold.
    """

    seed: int = 0
    fraction: float | None = None
    fold: int | str | None = None
    folds: int | None = None
    is_whole: bool = False
    holdout: str = "auto"
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
            holdout=choices.get("holdout", LEGACY),
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
        return self.drawn_folds(examples)[0]

    def drawn_folds(self, examples: Examples, tasks: tuple[str, ...] = ()) -> tuple[Examples, Method | None]:
        """Returns what `with_folds` returns, and how the folds were drawn. The method is None if no folds were drawn.

        Args:
            examples: Examples to divide.
            tasks: Names of the tasks, used in the reason of the method.
        """
        if not self.folds:
            return examples, None
        folds, method = deal_examples(examples, self.folds, self.seed, self.holdout, tasks)
        return dataclasses.replace(examples, folds=folds), method

    def divide(self, examples: Examples) -> tuple[Examples, Examples]:
        """Divides the examples that `with_folds` returned into training and validation examples.

        Raises:
            InputError: The training or the validation set would be empty, or the fold does not exist.
        """
        training, validation, *_ = self.divided(examples)
        return training, validation

    def divided(self, examples: Examples, tasks: tuple[str, ...] = (), method: Method | None = None) -> Divided:
        """Returns what `divide` returns, and how the validation examples were drawn.

        Args:
            examples: Examples that `drawn_folds` returned.
            tasks: Names of the tasks, used in the reason of the method.
            method: Method that `drawn_folds` returned.
        """
        if self.is_whole:
            return Divided(examples, examples.select(np.arange(0)))
        if self.fold is not None:
            parts = fold_split(examples, _place(examples, self.fold))
            return Divided(*parts, method, 1 / self.folds if self.folds else 0.0)
        fraction = HELD_OUT if self.fraction is None else self.fraction
        held, method = draw_hold_out(examples, fraction, self.seed, self.holdout, tasks)
        return Divided(examples.select(~held), examples.select(held), method, fraction)


def _place(examples: Examples, fold: int | str) -> int | str:
    """Returns a fold or, for genomic windows, which have no folds, the name of a chromosome, which may be a number such as 8."""
    return fold if examples.profiles is None else str(fold)
