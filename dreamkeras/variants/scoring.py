"""Scores batches of variants, from the records of a VCF or from pairs of sequences in a table.

Each allele or pair is a row with a status. The effects of a row that cannot be scored are NaN. The module `files` writes the results.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np

from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.ensemble import Members
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer
from dreamkeras.variants.effects import Column, column_names, effect_columns, effect_values
from dreamkeras.variants.status import Status

__all__ = ["AT_ONCE", "AlleleWindows", "VariantScorer", "VariantSource", "Variants"]

AT_ONCE = 1 << 22
"""Maximum total length, in bases, of the windows that are in memory at a time."""


class AlleleWindows(NamedTuple):
    """Statuses of the rows of a batch, and a function that cuts the windows of the rows.

    Args:
        statuses: `Status` of each row, uint8 (rows,).
        windows: Function that takes the indices of n rows with the status `OK` and returns one array uint8 (2 * copies * n, length) per
            construct. The first half contains the windows with the reference allele, and the second half the windows with the
            alternative allele. Each half is ordered by copy and then by row.
        copies: Number of windows per allele. Predictions are averaged over these windows.
    """

    statuses: np.ndarray
    windows: Callable[[np.ndarray], list[np.ndarray]]
    copies: int = 1


class Variants(NamedTuple):
    """Statuses and effects of a batch of variants.

    Args:
        statuses: `Status` of each row, uint8 (rows,).
        values: Columns of effects, float32 (rows, columns), with NaN for rows that were not scored.
    """

    statuses: np.ndarray
    values: np.ndarray


Batch = TypeVar("Batch", bound=Any)


class VariantSource(Protocol[Batch]):
    """Source of variants that is read in batches: a VCF or a table of sequence pairs."""

    keys: ClassVar[Mapping[str, type]]
    """Names and types of the columns that identify a row."""

    def open(self) -> AbstractContextManager[tuple[list[bytes], Iterator[Batch]]]:
        """Opens the input, and returns its header and its batches.

        The attribute `lines` of a batch contains the line number of each record. The batches are the same each time the input is read.
        """

    def choices(self) -> dict[str, Any]:
        """Returns the options on which the results depend, in a form that is serialisable as JSON."""

    def allele_windows(self, batch: Batch) -> AlleleWindows:
        """Returns the statuses and windows of a batch, without using a model."""

    def rows(self, batch: Batch) -> np.ndarray:
        """Returns, for each row, the index of its record within the batch, int64 (rows,)."""

    def cells(self, batch: Batch) -> list[Sequence[Any]]:
        """Returns the columns of `keys`, with one cell per row."""


class VariantScorer:
    """Predicts effects of variants.

    Args:
        scorer: The model or ensemble.
        batch_size: Number of windows scored at a time.
        more: Columns to add after the columns of `effects.effect_columns`.
    """

    def __init__(self, scorer: Scorer, batch_size: int = BATCH_SIZE, more: Sequence[Column] = ()) -> None:
        self.members = Members(scorer)
        self.tasks = scorer.tasks
        self.columns = (*effect_columns(len(self.members.members)), *more)
        self._batch_size = batch_size
        self._at_once = AT_ONCE // sum(construct.length for construct in scorer.constructs)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of effects."""
        return column_names(self.columns, self.tasks)

    def score(self, alleles: AlleleWindows) -> Variants:
        """Predicts the effects of a batch. Each distinct window is scored once."""
        # Predictions are cached within one batch only, so that the values do not depend on earlier batches.
        scorer = DistinctScorer(self.members)
        values = np.full((len(alleles.statuses), len(self.names)), np.nan, np.float32)
        rows = np.flatnonzero(alleles.statuses == Status.OK)
        step = max(1, self._at_once // (2 * alleles.copies))
        for first in range(0, len(rows), step):
            chosen = rows[first : first + step]
            answers = scorer.score(alleles.windows(chosen), self._batch_size)
            answers = answers.reshape(2, alleles.copies, len(chosen), len(self.members.members), len(self.tasks))
            # Sums of float32 values are exact in float64, so the mean of identical values is exactly the same value.
            ref, alt = answers.mean(axis=1, dtype=np.float64).astype(np.float32)
            values[chosen] = effect_values(self.columns, ref, alt)
        return Variants(alleles.statuses, values)
