"""Confidence beside predictions: intervals, percentiles and unusual sequences, as further columns of any scorer.

The pipeline scores a `ScorerWithConfidence` as it does the model inside: further columns follow from windows and values alone.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.confidence.background import Background
from dreamkeras.confidence.familiarity import LABELS, Familiarity, FamiliarityConstruct
from dreamkeras.confidence.intervals import Intervals
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.sequence.construct import Construct

__all__ = ["UNUSUAL", "ConfidenceColumns", "ScorerWithConfidence"]

UNUSUAL = "unusual"
"""The column that names what is unusual about a sequence, in the words of `familiarity.LABELS`."""


class ConfidenceColumns(NamedTuple):
    """Which columns to add to predictions.

    Args:
        interval: The level of conformal intervals, e.g. 0.95; None for none.
        percentile: Add percentiles among the predictions of random and shuffled sequences.
        unusual: Add how a sequence differs from the training sequences.
    """

    interval: float | None = None
    percentile: bool = False
    unusual: bool = False

    def add_to(self, scorer: Scorer) -> Scorer:
        """The scorer with these columns; itself if there are none.

        Raises:
            InputError: The level is not between 0 and 1.
            ModelError: The model's calibration lacks a part.
        """
        return scorer if self == ConfidenceColumns() else ScorerWithConfidence(scorer, self)


class ScorerWithConfidence(Wrapped):
    """A scorer with further columns; made by `ConfidenceColumns.add_to`."""

    def __init__(self, scorer: Scorer, added: ConfidenceColumns) -> None:
        super().__init__(scorer)
        self._half_widths = Intervals.of(scorer).half_widths(added.interval) if added.interval is not None else None
        self._background = Background.of(scorer) if added.percentile else None
        self._familiarity: tuple[Construct, ...] = ()
        if added.unusual:
            inner = tuple(member.construct for member in scorer.members)
            self._familiarity = (FamiliarityConstruct(UNUSUAL, 1, familiarities=tuple(map(Familiarity.of, scorer.members)), inner=inner),)

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The model's, then the one whose windows are codes of unusual features, if that is added."""
        return (*self.scorer.constructs, *self._familiarity)

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """The texts of the last column, if that is `unusual`."""
        return {UNUSUAL: LABELS} if self._familiarity else {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's, then those added of `TASK_low` and `TASK_high`, `TASK_percentile`, and `unusual`."""
        bounds = [f"{task}_{side}" for task in self.tasks for side in ("low", "high") if self._half_widths is not None]
        percentiles = [f"{task}_percentile" for task in self.tasks if self._background]
        return (*self.scorer.columns, *bounds, *percentiles, *self.texts)

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, columns); see `Scorer` for the rest."""
        inner = len(self.scorer.constructs)
        values = self.scorer.score_windows(windows[:inner], batch_size, progress)
        tasks, parts = values[:, : len(self.tasks)], [values]
        if self._half_widths is not None:
            sides = np.array([-1, 1]) * self._half_widths[:, None]
            parts.append((tasks[:, :, None] + sides).reshape(len(values), sides.size))
        if self._background:
            parts.append(self._background.percentiles(tasks))
        return np.concatenate([*parts, *windows[inner:]], axis=1, dtype=np.float32)
