"""Edits that a network's gradient proposes: the first-order Taylor estimate of each single edit, and the best of them together.

What they are worth is for a scorer to say: `design.stepwise.greedy` takes a step only where the prediction itself is better.
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
"""How many of the best edits are also tried at once: at first, where much is to be gained, that saves most steps."""


class GradientEdits:
    """Proposes for each design the single edits with the highest estimates, and several of them at once.

    An estimate is the prediction plus what the gradient at the design says of the change, (edit - letter) . gradient; of several networks
    the mean. Edits that break a rule are left out before the best are chosen.

    Args:
        networks: Networks of one ensemble, as `export.tracing.load_network` gives them.
        goal: What the edits are for.
        proposals: Single edits of each design that are tried.
        batch_size: Windows at once.

    Raises:
        InputError: There are no proposals, or no networks.
        ModelError: The networks' tasks are not alike.
    """

    def __init__(self, networks: Sequence[PrixFixe], goal: Goal, proposals: int = 16, batch_size: int = 64) -> None:
        if proposals < 1 or not networks:
            raise InputError(f"Expected at least 1 proposal and 1 network, got {proposals} and {len(networks)}.")
        if len({tuple(network.tasks) for network in networks}) > 1:
            raise ModelError(f"Expected networks of the same tasks, got those of {' and '.join(network.name for network in networks)}.")
        self._attributors = [Attributor(network, "gradient", batch_size=batch_size) for network in networks]
        self._goal, self._proposals = goal, proposals

    def __call__(self, search: Search, members: Candidates) -> tuple[np.ndarray, np.ndarray]:
        """What each design may become: int64 (m,), starts, and uint8 (m, width), letters; single edits first."""
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
        """How much each base in the place of each letter would change what is predicted, at first order.

        Returns:
            float64 (n, width, 4); 0 outside of the inserts.
        """
        starts, owner = search.starts, members.owner
        ids = [starts.ids[row] for row in owner]
        sequences = starts.sequences(owner, members.letters, with_adapters=True)
        records = Records(ids, sequences, np.arange(1, len(ids) + 1), "designs")
        gradients = np.mean([attributor.attribute(records).scores for attributor in self._attributors], axis=0)
        changes = np.zeros((*members.letters.shape, len(BASES)))
        changes[starts.inside[owner]] = self._goal.values(gradients.reshape(-1, gradients.shape[2])).reshape(-1, len(BASES))
        own = np.einsum("nlb,nlb->nl", ONE_HOT[members.letters], changes)
        return np.where(starts.inside[owner][:, :, None], changes - own[:, :, None], 0)


def _apply_best(
    designs: np.ndarray, source: np.ndarray, columns: np.ndarray, letters: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each design with its `number` best edits, at different places.

    Args:
        designs: uint8 (n, width).
        source: int64 (m,), the design of each edit, ascending; a design's edits stand in falling order.
        columns: int64 (m,), where each is.
        letters: uint8 (m, width), the edited designs.
        number: How many.
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
