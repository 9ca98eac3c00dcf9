"""Predictions with what is known of how far to trust them: columns beside those of any scorer. Knows nothing about files.

The pipeline scores a `Judged` as it does the model inside: what it adds follows from windows and values alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.background import Background
from dreamkeras.confidence.familiarity import LABELS, Familiarity, Watch
from dreamkeras.confidence.intervals import Calibration
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.sequence.construct import Construct

__all__ = ["UNUSUAL", "Judged", "Judging"]

UNUSUAL = "unusual"
"""The column that tells what is unusual about a sequence, in the words of `familiarity.LABELS`."""


class Judging(NamedTuple):
    """What is wanted beside predictions.

    Args:
        interval: The level of conformal intervals, e.g. 0.95; None for none.
        percentile: Whether to tell where predictions stand among those of random and shuffled sequences.
        unusual: Whether to tell what about a sequence is unlike training.
    """

    interval: float | None = None
    percentile: bool = False
    unusual: bool = False

    def judge(self, scorer: Scorer) -> Scorer:
        """The scorer with the columns that are wanted; itself if there are none.

        Raises:
            InputError: The level is not between 0 and 1.
            ModelError: The model does not carry what this needs.
        """
        return scorer if self == Judging() else Judged(scorer, self)


class Judged(Wrapped):
    """A scorer with further columns; made by `Judging.judge`.

    Args:
        scorer: The model.
        judging: What is wanted.
    """

    def __init__(self, scorer: Scorer, judging: Judging) -> None:
        super().__init__(scorer)
        self.judging = judging
        self._background = Background.of(scorer) if judging.percentile else None
        self._watch = (_watch(scorer),) if judging.unusual else ()
        self._half_widths = Calibration.of(scorer).half_widths(judging.interval) if judging.interval is not None else None

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The model's, and where it is wanted one whose window tells what is unusual."""
        return (*self.scorer.constructs, *self._watch)

    @property
    def yardstick(self) -> Mapping[str, Any]:
        """The model's."""
        return self.scorer.yardstick

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """The texts of the last column, where it is wanted."""
        return {UNUSUAL: LABELS} if self._watch else {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's, then of what is wanted `TASK_low` and `TASK_high`, `TASK_percentile`, and `unusual`."""
        bounds = [f"{task}_{side}" for task in self.tasks for side in ("low", "high") if self._half_widths is not None]
        places = [f"{task}_percentile" for task in self.tasks if self._background]
        return (*self.scorer.columns, *bounds, *places, *self.texts)

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, columns); see `Scorer` for the rest."""
        inner = len(self.scorer.constructs)
        values = self.scorer.score_windows(windows[:inner], batch_size, progress)
        tasks, parts = values[:, : len(self.tasks)], [values]
        if self._half_widths is not None:
            sides = np.array([-1, 1]) * self._half_widths[:, None]
            parts.append((tasks[:, :, None] + sides).reshape(len(values), -1))
        if self._background:
            parts.append(self._background.percentiles(tasks))
        return np.concatenate([*parts, *windows[inner:]], axis=1, dtype=np.float32)


def _watch(scorer: Scorer) -> Watch:
    """What is unusual to a model or, of an ensemble, to any of its members."""
    members = scorer.members if isinstance(scorer, Ensemble) else (scorer,)
    return Watch(UNUSUAL, 1, familiarities=tuple(map(Familiarity.of, members)), inner=tuple(member.construct for member in members))
