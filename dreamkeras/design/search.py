"""Implements the parts of a search that all methods share: scoring allowed designs, keeping the best ones, and recording each step."""

from typing import NamedTuple

import numpy as np

from dreamkeras.design.candidates import Candidates, best_of_each, empty_candidates, joined
from dreamkeras.design.goal import Goal
from dreamkeras.design.rules import Rules
from dreamkeras.errors import InputError
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress

__all__ = ["Search", "SearchLimits", "Step"]

WINDOWS = 8192
"""Maximum number of designs whose windows are in memory at a time."""


class SearchLimits(NamedTuple):
    """Limits of a search.

    Args:
        steps: Maximum number of steps.
        calls: Maximum number of designs that are tried for each start sequence, including the start sequence itself. If a step would
            exceed this limit for a start sequence, no design of this start sequence is scored in the step. If None, there is no limit.
        kept: Number of designs that are kept for each start sequence.
    """

    steps: int
    calls: int | None = None
    kept: int = 1


class Step(NamedTuple):
    """Results of one step of a search, for each start sequence for which designs were scored. Step 0 scores the start sequences themselves.

    Args:
        owner: Indices of the start sequences, int64 (m,).
        tried: Number of designs that were tried in this step, int64 (m,). A repeated design is counted again, but not scored again.
        best: Prediction for the best design in this and all earlier steps, float64 (m,).
        mean: Mean prediction over the designs of this step, float64 (m,).
        edits: Number of bases in which the best design differs from its start sequence, int64 (m,).
        objective: Objective of the best design, float64 (m,).
    """

    owner: np.ndarray
    tried: np.ndarray
    best: np.ndarray
    mean: np.ndarray
    edits: np.ndarray
    objective: np.ndarray


class Search:
    """A search for designs from several start sequences at a time.

    Args:
        rules: Constraints on designs, together with the start sequences.
        scorer: The model. If several designs have the same window, the window is scored only once.
        goal: The goal.
        limits: Limits of the search.
        batch_size: Number of windows scored at a time.
        progress: Called after each batch with the number of windows in the batch.
    """

    def __init__(
        self,
        rules: Rules,
        scorer: DistinctScorer,
        goal: Goal,
        limits: SearchLimits,
        batch_size: int = BATCH_SIZE,
        progress: Progress | None = None,
    ) -> None:
        self.rules, self.starts, self.goal, self.limits = rules, rules.starts, goal, limits
        self.steps: list[Step] = []
        self._scorer, self._batch_size, self._progress = scorer, batch_size, progress
        self._best = empty_candidates(self.starts.letters.shape[1])
        self._found = [self._best]
        self._asked = np.zeros(len(self.starts.ids), np.int64)

    @property
    def found(self) -> Candidates:
        """The best distinct designs of each start sequence, best first. The start sequence itself is never included."""
        together = joined(self._found)
        return together.select(best_of_each(together, self.limits.kept))

    @property
    def best(self) -> Candidates:
        """The best design of each start sequence, in the order of the start sequences.

        If no design is better than the start sequence, the start sequence itself is returned.
        """
        return self._best

    def begin(self) -> Candidates:
        """Scores the start sequences."""
        return self._scored(np.arange(len(self.starts.ids)), self.starts.letters)

    def step(self, owner: np.ndarray, letters: np.ndarray) -> Candidates | None:
        """Scores the designs of one step.

        Args:
            owner: Index of the start sequence of each design, int64 (n,).
            letters: The designs, uint8 (n, width).

        Returns:
            The scored designs. Designs that violate a constraint, and all designs of a start sequence that would exceed
            `SearchLimits.calls`, are left out. None if no design remains, or if the maximum number of steps is reached.

        Raises:
            InputError: `SearchLimits.calls` is too small for the designs of the first step.
        """
        if len(self.steps) > self.limits.steps:
            return None
        allowed = self.rules.allowed(owner, letters)
        if self.limits.calls is not None:
            asked = self._asked + np.bincount(owner[allowed], minlength=len(self._asked))
            if len(self.steps) == 1 and asked.max() > self.limits.calls:
                raise InputError(
                    f"Expected calls to be at least {asked.max()} per start sequence, so that the first step fits, got {self.limits.calls}."
                )
            allowed &= asked[owner] <= self.limits.calls
        if not allowed.any():
            return None
        return self._scored(owner[allowed], letters[allowed])

    def _scored(self, owner: np.ndarray, letters: np.ndarray) -> Candidates:
        parts = [slice(first, first + WINDOWS) for first in range(0, len(owner), WINDOWS)]
        windows = (self.starts.windows(owner[part], letters[part]) for part in parts)
        columns = np.concatenate([self._scorer.score(some, self._batch_size, self._progress) for some in windows])
        found = Candidates(owner, letters, self.goal.values(columns), self.goal.objective(columns))
        self._asked += np.bincount(owner, minlength=len(self._asked))
        self._best = joined([self._best, found])
        self._best = self._best.select(best_of_each(self._best, 1))
        self._keep(found)
        self._note(found)
        return found

    def _keep(self, found: Candidates) -> None:
        """Adds the designs that differ from their start sequences to the kept designs.

        To save time, worse designs are removed only when more than twice as many designs are kept as `limits.kept` allows.
        """
        self._found.append(found.select(self.rules.edits(found.owner, found.letters) > 0))
        if sum(len(part.owner) for part in self._found) > 2 * self.limits.kept * len(self.starts.ids):
            self._found = [self.found]

    def _note(self, found: Candidates) -> None:
        owner, places, tried = np.unique(found.owner, return_inverse=True, return_counts=True)
        best = self._best.select(owner)
        mean = np.bincount(places, found.value) / tried
        self.steps.append(Step(owner, tried, best.value, mean, self.rules.edits(owner, best.letters), best.objective))
