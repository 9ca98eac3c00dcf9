"""Variants: predictions of alternative alleles, batch by batch of a VCF's records or of a table's pairs of sequences.

Every row gets a status; those that cannot be scored have no numbers. Knows nothing about output files.
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
"""Letters of windows that are made at the same time."""


class AlleleWindows(NamedTuple):
    """The windows of a batch's rows, and which rows have some.

    Args:
        statuses: uint8 (rows,), a `Status` each.
        windows: Takes n rows whose status is `OK` and returns, for each construct, uint8 (2 * copies * n, length): so many windows with
            the reference of each row and so many with the alternative, rows within copies within alleles.
        copies: Windows of each allele, which are averaged over.
    """

    statuses: np.ndarray
    windows: Callable[[np.ndarray], list[np.ndarray]]
    copies: int = 1


class Variants(NamedTuple):
    """Statuses and effects of a batch.

    Args:
        statuses: uint8 (rows,), a `Status` each.
        values: float32 (rows, columns), NaN where a row was not scored.
    """

    statuses: np.ndarray
    values: np.ndarray


Batch = TypeVar("Batch", bound=Any)


class VariantSource(Protocol[Batch]):
    """Where variants come from."""

    keys: ClassVar[Mapping[str, type]]
    """The columns that identify a row, and their types."""

    def open(self) -> AbstractContextManager[tuple[list[bytes], Iterator[Batch]]]:
        """Opens it for reading once: its header, and its batches, which have `lines` and are the same each time."""

    def choices(self) -> dict[str, Any]:
        """How it is read, JSON-able."""

    def allele_windows(self, batch: Batch) -> AlleleWindows:
        """The windows of a batch; no model is needed for that."""

    def rows(self, batch: Batch) -> np.ndarray:
        """int64 (rows,): the record of the batch that each row is of."""

    def cells(self, batch: Batch) -> list[Sequence[Any]]:
        """The cells of the columns of `keys`, a row each."""


class VariantScorer:
    """Asks a model about variants.

    Args:
        scorer: The model or ensemble.
        batch_size: Windows scored at once.
        more: Further columns beside those of `effects.effect_columns`.
    """

    def __init__(self, scorer: Scorer, batch_size: int = BATCH_SIZE, more: Sequence[Column] = ()) -> None:
        self.members = Members(scorer)
        self.tasks = scorer.tasks
        self.columns = (*effect_columns(len(self.members.members)), *more)
        self._batch_size = batch_size
        self._at_once = AT_ONCE // sum(construct.length for construct in scorer.constructs)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of values."""
        return column_names(self.columns, self.tasks)

    def score(self, alleles: AlleleWindows) -> Variants:
        """The effects of a batch; each different window is asked for once."""
        # Predictions are remembered for one batch only, so that its values do not depend on earlier batches.
        scorer = DistinctScorer(self.members)
        values = np.full((len(alleles.statuses), len(self.names)), np.nan, np.float32)
        rows = np.flatnonzero(alleles.statuses == Status.OK)
        step = max(1, self._at_once // (2 * alleles.copies))
        for first in range(0, len(rows), step):
            chosen = rows[first : first + step]
            answers = scorer.score(alleles.windows(chosen), self._batch_size)
            answers = answers.reshape(2, alleles.copies, len(chosen), len(self.members.members), len(self.tasks))
            # In float64 sums of float32 are exact, so that how often a window comes among the copies does not show.
            ref, alt = answers.mean(axis=1, dtype=np.float64).astype(np.float32)
            values[chosen] = effect_values(self.columns, ref, alt)
        return Variants(alleles.statuses, values)
