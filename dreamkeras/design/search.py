"""Search: what every way to design shares. Scores what keeps the rules, remembers the best designs, and notes each step."""

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
"""Designs that are windows at the same time."""


class SearchLimits(NamedTuple):
    """When a search ends, and how many designs it keeps.

    Args:
        steps: Most steps.
        calls: Most designs that are tried for each start, itself among them; it takes no part in a step that would pass it. None without.
        kept: Designs that are kept of each start.
    """

    steps: int
    calls: int | None = None
    kept: int = 1


class Step(NamedTuple):
    """One step of a search, over the starts that took part in it; step 0 is the starts themselves.

    Args:
        owner: int64 (m,), the starts.
        tried: int64 (m,), designs of each that were looked at; the model is asked about each different one once.
        best: float64 (m,), prediction of the best design so far.
        mean: float64 (m,), mean prediction of those tried in this step.
        edits: int64 (m,), letters in which the best design differs from its start.
        objective: float64 (m,), the best design's objective.
    """

    owner: np.ndarray
    tried: np.ndarray
    best: np.ndarray
    mean: np.ndarray
    edits: np.ndarray
    objective: np.ndarray


class Search:
    """A search from some starts.

    Args:
        rules: Those of designs; its starts are those of the search.
        scorer: The model, which remembers windows.
        goal: The goal.
        limits: When it ends, and how many designs it keeps.
        batch_size: Windows scored at once.
        progress: Told after each batch how many windows it had.
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
        """The best different designs of each start, in falling order; never the start itself, however good it is."""
        together = joined(self._found)
        return together.select(best_of_each(together, self.limits.kept))

    @property
    def best(self) -> Candidates:
        """The best design of each start, or the start, in the order of the starts."""
        return self._best

    def begin(self) -> Candidates:
        """Scores the starts."""
        return self._scored(np.arange(len(self.starts.ids)), self.starts.letters)

    def step(self, owner: np.ndarray, letters: np.ndarray) -> Candidates | None:
        """Scores designs in one go.

        Args:
            owner: int64 (n,), the start that each is of.
            letters: uint8 (n, width), the designs.

        Returns:
            Those that keep the rules, of starts whose calls suffice; None where there is none, or there were enough steps.

        Raises:
            InputError: The first step has more designs of a start than the limit on calls allows.
        """
        if len(self.steps) > self.limits.steps:
            return None
        allowed = self.rules.allowed(owner, letters)
        if self.limits.calls is not None:
            asked = self._asked + np.bincount(owner[allowed], minlength=len(self._asked))
            if len(self.steps) == 1 and asked.max() > self.limits.calls:
                raise InputError(f"Expected calls to be enough for one step, {asked.max()} for each start, got {self.limits.calls}.")
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
        """Adds edited designs to those kept; the best are picked only when these are twice as many."""
        self._found.append(found.select(self.rules.edits(found.owner, found.letters) > 0))
        if sum(len(part.owner) for part in self._found) > 2 * self.limits.kept * len(self.starts.ids):
            self._found = [self.found]

    def _note(self, found: Candidates) -> None:
        owner, places, tried = np.unique(found.owner, return_inverse=True, return_counts=True)
        best = self._best.select(owner)
        mean = np.bincount(places, found.value) / tried
        self.steps.append(Step(owner, tried, best.value, mean, self.rules.edits(owner, best.letters), best.objective))
