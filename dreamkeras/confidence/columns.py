"""Adds columns with intervals, percentiles and unusual features to the predictions of any scorer.

`ScorerWithConfidence` returns the predictions of the wrapped scorer, and computes the additional columns from sequences and predictions.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.confidence.background import Background
from dreamkeras.confidence.familiarity import LABELS, Familiarity
from dreamkeras.confidence.intervals import NO_INTERVALS, Intervals
from dreamkeras.errors import InputError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.sequence.ragged import Ragged

__all__ = ["UNUSUAL", "ConfidenceColumns", "ScorerWithConfidence"]

UNUSUAL = "unusual"
"""Name of the column with the unusual features of a sequence. The values of the column are the texts in `familiarity.LABELS`."""


class ConfidenceColumns(NamedTuple):
    """Choice of the columns that are added to predictions.

    Args:
        interval: Level of the prediction intervals, such as 0.95. If None, no intervals are added.
        percentile: Whether to add the percentile of each prediction among the predictions for random and shuffled sequences.
        unusual: Whether to add a column with the features in which a sequence differs from nearly all training sequences.
    """

    interval: float | None = None
    percentile: bool = False
    unusual: bool = False

    def add_to(self, scorer: Scorer) -> Scorer:
        """Returns a scorer with the chosen columns, or `scorer` itself if no column is chosen.

        Raises:
            InputError: The level is not between 0 and 1, or the scorer already has one of the columns.
            ModelError: The model's calibration lacks a part that a chosen column requires.
        """
        return scorer if self == ConfidenceColumns() else ScorerWithConfidence(scorer, self)


class ScorerWithConfidence(Wrapped):
    """A scorer that adds confidence columns to the output of another scorer. Instances are created by `ConfidenceColumns.add_to`.

    The constructs, members and predictions of this scorer are those of the wrapped scorer. `add_columns` adds the confidence columns.
    """

    def __init__(self, scorer: Scorer, added: ConfidenceColumns) -> None:
        super().__init__(scorer)
        self._intervals = Intervals.of(scorer) if added.interval is not None else None
        self._half_widths = self._intervals.half_widths(added.interval) if self._intervals and added.interval is not None else np.empty(0)
        self._background = Background.of(scorer) if added.percentile else None
        self._familiarity = [(Familiarity.of(member), member.construct) for member in scorer.members if added.unusual]
        if repeated := set(self._added) & set(scorer.columns):
            raise InputError(f"The scorer {scorer.name} already has the column {min(repeated)}.")

    @property
    def members(self) -> tuple[Scorer, ...]:
        """Members of the wrapped scorer."""
        return self.scorer.members

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Texts for the codes of the wrapped scorer and, if the column `unusual` is added, for the codes in this column."""
        return {**self.scorer.texts, **({UNUSUAL: LABELS} if self._familiarity else {})}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the wrapped scorer, followed by the added columns: `TASK_low`, `TASK_high`, `TASK_percentile` and `unusual`.

        Binary tasks have no columns `TASK_low` and `TASK_high`.
        """
        return (*self.scorer.columns, *self._added)

    @property
    def note(self) -> str:
        """A sentence on the tasks that have no intervals because they are binary, or an empty string."""
        without = [task for task in self.tasks if self._intervals and task not in self._intervals.residuals]
        return NO_INTERVALS.format(" and ".join(without)) if without else ""

    @property
    def _added(self) -> list[str]:
        bounds = [f"{task}_{side}" for task in (self._intervals.residuals if self._intervals else ()) for side in ("low", "high")]
        percentiles = [f"{task}_percentile" for task in self.tasks if self._background]
        return [*bounds, *percentiles, *([UNUSUAL] if self._familiarity else [])]

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Returns the predictions of the wrapped scorer. See `Scorer.score_windows` for the arguments."""
        return self.scorer.score_windows(windows, batch_size, progress)

    def text_codes(self, sequences: Ragged) -> np.ndarray:
        """Returns codes, uint8 (n, texts). A feature is unusual if it is unusual for any member."""
        codes = [found.codes(construct.inserts(sequences)) for found, construct in self._familiarity]
        unusual = [np.bitwise_or.reduce(codes)[:, None]] if codes else []
        return np.concatenate([self.scorer.text_codes(sequences), *unusual], axis=1)

    def add_columns(self, values: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Returns all columns, float32 (n, columns). See `Scorer.add_columns` for the arguments."""
        inner = len(self.scorer.texts)
        tasks, parts = values[:, : len(self.tasks)], [self.scorer.add_columns(values, codes[:, :inner])]
        if self._intervals:
            bounds = self._intervals.around(tasks, self._half_widths)
            parts.append(np.stack(bounds, axis=2).reshape(len(values), 2 * len(self._intervals.residuals)))
        if self._background:
            parts.append(self._background.percentiles(tasks))
        return np.concatenate([*parts, codes[:, inner:]], axis=1, dtype=np.float32)
