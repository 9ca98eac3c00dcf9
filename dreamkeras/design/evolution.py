"""Implements evolutionary search.

Each start sequence has a population of designs. The best designs of a population produce children by crossover and mutation.
"""

import numpy as np

from dreamkeras.design.candidates import Candidates, best_of_each, joined
from dreamkeras.design.edits import crossed, mutated, within_edits
from dreamkeras.design.search import Search

__all__ = ["evolution"]

TRIES = 8
"""Maximum number of attempts to produce a child that satisfies the constraints."""

CROSSED = 0.5
"""Share of children that have two parents."""

MEAN_MUTATIONS = 2.0
"""Mean number of mutations in a child. The number of mutations is 1 plus a random number from a Poisson distribution."""


def evolution(search: Search, population: int, generator: np.random.Generator) -> None:
    """Evolves a population of designs for each start sequence. Each step produces `population` children per start sequence.

    Each parent is the better of two random members of the population. The best distinct designs among parents and children form the next
    population.
    """
    members = search.begin()
    while len(members.owner):
        found = search.step(*_children(search, members, population, generator))
        if found is None:
            return
        together = joined([members, found])
        members = together.select(best_of_each(together, population))


def _children(search: Search, members: Candidates, number: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Creates `number` children for each start sequence. Children that still violate a constraint after `TRIES` attempts are omitted."""
    owner = np.repeat(np.arange(len(search.starts.ids)), number)
    letters = np.empty((len(owner), members.letters.shape[1]), np.uint8)
    missing = np.arange(len(owner))
    for _ in range(TRIES):
        letters[missing] = _offspring(search, members, owner[missing], generator)
        missing = missing[~search.rules.allowed(owner[missing], letters[missing])]
        if not len(missing):
            break
    made = np.ones(len(owner), bool)
    made[missing] = False
    return owner[made], letters[made]


def _offspring(search: Search, members: Candidates, owner: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    one, other = (_parents(members, owner, generator) for _ in range(2))
    letters = np.where((generator.random(len(owner)) < CROSSED)[:, None], crossed(one, other, generator), one)
    mutations = 1 + generator.poisson(MEAN_MUTATIONS - 1, len(owner))
    letters = mutated(letters, search.rules.editable[owner], mutations, generator)
    most = search.rules.constraints.max_edits
    return letters if most is None else within_edits(letters, search.starts.letters[owner], most, generator)


def _parents(members: Candidates, owner: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns, for each start sequence in `owner`, the better of two random designs of its population, uint8 (n, width).

    `members` must be sorted by start sequence and then by objective, best first.
    """
    first = np.searchsorted(members.owner, owner, side="left")
    count = np.searchsorted(members.owner, owner, side="right") - first
    drawn = generator.random((len(owner), 2)).min(axis=1)
    return members.letters[first + (drawn * count).astype(np.int64)]
