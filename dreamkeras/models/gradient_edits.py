"""Proposes edits of designs: the single edits that rank best by the gradient of a network, and combinations of these edits.

The estimates are used only to rank edits. `design.stepwise.greedy` scores the edited sequences and accepts only better predictions.
"""

from collections.abc import Sequence

import numpy as np

from dreamkeras.design.candidates import Candidates
from dreamkeras.design.edits import single_edits
from dreamkeras.design.goal import Goal
from dreamkeras.design.search import Search
from dreamkeras.errors import InputError, ModelError
from dreamkeras.models.gradients import Attributor
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.alphabet import BASES, ONE_HOT
from dreamkeras.sequence.records import Records

__all__ = ["GradientEdits"]

TOGETHER = (2, 4, 8, 16)
"""Numbers of edits in combined proposals. A combined proposal with 4 edits applies the 4 best edits of a design. Early in a search,
combined proposals reduce the number of steps the most."""


class GradientEdits:
    """Proposes, for each design, the single edits with the best estimates, and combinations of these edits.

    The estimate of an edit is the prediction plus the first-order change `(edit - letter) @ gradient`, averaged over the networks. Edits
    that violate a constraint are removed before the best edits are chosen.

    Args:
        networks: Networks of one ensemble, as returned by `export.tracing.load_network`.
        goal: The goal of the design, which ranks the estimates.
        proposals: Number of single edits to propose for each design.
        batch_size: Number of windows in a batch.

    Raises:
        InputError: `proposals` is below 1, or `networks` is empty.
        ModelError: The networks have different tasks.
    """

    def __init__(self, networks: Sequence[PrixFixe], goal: Goal, proposals: int = 16, batch_size: int = 64) -> None:
        if proposals < 1 or not networks:
            raise InputError(f"Expected at least 1 proposal and 1 network, got {proposals} proposals and {len(networks)} networks.")
        if len({tuple(network.tasks) for network in networks}) > 1:
            raise ModelError(f"Expected networks with the same tasks, got {' and '.join(network.name for network in networks)}.")
        self._attributors = [Attributor(network, "gradient", batch_size=batch_size) for network in networks]
        self._goal, self._proposals = goal, proposals

    def __call__(self, search: Search, members: Candidates) -> tuple[np.ndarray, np.ndarray]:
        """Returns proposals for all designs: single edits, followed by combined edits.

        Returns:
            Two arrays: for each proposal, the index of its start sequence, int64 (m,), and its letters, uint8 (m, width).
        """
        source, letters = single_edits(members.letters, search.rules.editable[members.owner])
        allowed = search.rules.allowed(members.owner[source], letters)
        source, letters = source[allowed], letters[allowed]
        columns = (letters != members.letters[source]).argmax(axis=1)
        rows = np.arange(len(source))
        changes = self.changes(search, members)[source, columns, ONE_HOT[letters[rows, columns]].argmax(axis=1)]
        estimates = self._goal.reached(members.value[source] + changes)
        order = np.lexsort((-estimates, source))
        rank = np.arange(len(order)) - np.searchsorted(source[order], source[order], side="left")
        best = order[rank < self._proposals]
        parts = [(source[best], letters[best])] + [
            _apply_best(members.letters, source[order], columns[order], letters[order], number) for number in TOGETHER
        ]
        source, letters = (np.concatenate(part) for part in zip(*parts, strict=True))
        return members.owner[source], letters

    def changes(self, search: Search, members: Candidates) -> np.ndarray:
        """Estimates how the prediction, in the unit of the table, changes if a letter is replaced with each of the four bases.

        The estimates are first-order on the scale of the network.

        Returns:
            Estimated changes, float64 (n, width, 4). The values at positions outside the inserts are 0.
        """
        starts, owner = search.starts, members.owner
        ids = [starts.ids[row] for row in owner]
        sequences = starts.sequences(owner, members.letters, with_adapters=True)
        records = Records(ids, sequences, np.arange(1, len(ids) + 1), "designs")
        found = [attributor.attribute(records) for attributor in self._attributors]
        gradients, predicted = (np.mean([getattr(part, name) for part in found], axis=0) for name in ("scores", "reference"))
        changes = np.zeros((*members.letters.shape, len(BASES), gradients.shape[2]))
        changes[starts.inside[owner]] = gradients.reshape(-1, len(BASES), gradients.shape[2])
        changes -= np.einsum("nlb,nlbt->nlt", ONE_HOT[members.letters], changes)[:, :, None]
        changes = self._in_units(changes, predicted)
        values = self._goal.values(changes.reshape(-1, changes.shape[3])).reshape(changes.shape[:3])
        return np.where(starts.inside[owner][:, :, None], values, 0)

    def _in_units(self, changes: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Converts changes (n, width, 4, tasks) of predictions (n, tasks) from the scale of the network to the unit of the table."""
        before = predicted.astype(np.float64)[:, None, None]
        parts = [
            scale.natural(before[..., task] + changes[..., task]) - scale.natural(before[..., task])
            for task, scale in enumerate(self._attributors[0].network.scales)
        ]
        return np.stack(parts, axis=-1) if parts else changes


def _apply_best(
    designs: np.ndarray, source: np.ndarray, columns: np.ndarray, letters: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Applies the `number` best edits of each design, at most one edit per position.

    Args:
        designs: uint8 (n, width).
        source: Index of the design of each edit, int64 (m,), in ascending order. The edits of each design are sorted by estimate, best
            first.
        columns: Position of each edit, int64 (m,).
        letters: Designs after each single edit, uint8 (m, width).
        number: Number of edits to apply to each design.

    Returns:
        Two arrays. The first array contains the index of each edited design, int64 (k,), and the second array contains the letters of these
        designs after the edits, uint8 (k, width).
    """
    place = source * designs.shape[1] + columns
    _, first = np.unique(place, return_index=True)
    kept = np.sort(first)
    rank = np.arange(len(kept)) - np.searchsorted(source[kept], source[kept], side="left")
    kept = kept[rank < number]
    made = designs.copy()
    made[source[kept], columns[kept]] = letters[kept, columns[kept]]
    changed = np.unique(source[kept])
    return changed, made[changed]
