"""Adds columns with intervals, percentiles and unusual features to the predictions of any scorer.

`ScorerWithConfidence` wraps a scorer and computes the additional columns from windows and predictions.
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
            InputError: The level is not between 0 and 1.
            ModelError: The model's calibration lacks a part that a chosen column requires.
        """
        return scorer if self == ConfidenceColumns() else ScorerWithConfidence(scorer, self)


class ScorerWithConfidence(Wrapped):
    """A scorer that adds confidence columns to the output of another scorer. Instances are created by `ConfidenceColumns.add_to`."""

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
        """Constructs of the wrapped scorer, followed by a `FamiliarityConstruct` if the column `unusual` is added."""
        return (*self.scorer.constructs, *self._familiarity)

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Maps the column `unusual` to the texts for its codes. The dictionary is empty if the column is not added."""
        return {UNUSUAL: LABELS} if self._familiarity else {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the wrapped scorer, followed by the added columns: `TASK_low`, `TASK_high`, `TASK_percentile` and `unusual`."""
        bounds = [f"{task}_{side}" for task in self.tasks for side in ("low", "high") if self._half_widths is not None]
        percentiles = [f"{task}_percentile" for task in self.tasks if self._background]
        return (*self.scorer.columns, *bounds, *percentiles, *self.texts)

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Returns the columns of the wrapped scorer, followed by the added columns, float32 (n, columns).

        See `Scorer.score_windows` for the arguments.
        """
        inner = len(self.scorer.constructs)
        values = self.scorer.score_windows(windows[:inner], batch_size, progress)
        tasks, parts = values[:, : len(self.tasks)], [values]
        if self._half_widths is not None:
            sides = np.array([-1, 1]) * self._half_widths[:, None]
            parts.append((tasks[:, :, None] + sides).reshape(len(values), sides.size))
        if self._background:
            parts.append(self._background.percentiles(tasks))
        return np.concatenate([*parts, *windows[inner:]], axis=1, dtype=np.float32)
