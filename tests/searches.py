"""Searches that start from a few strings, for tests of the design methods."""

import numpy as np

from dreamkeras.design.constraints import settle_constraints
from dreamkeras.design.goal import settle_goal
from dreamkeras.design.rules import Rules, letters_beside
from dreamkeras.design.search import Search, SearchLimits
from dreamkeras.design.starts import make_starts
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def records_of(*sequences):
    return Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")


def search_from(starts, predictor, target="max", fields=None, **limits):
    """Returns a search that has not been started."""
    constraints = settle_constraints(fields or {})
    rules = Rules(constraints, make_starts(records_of(*starts), predictor.constructs, letters_beside(constraints)))
    return Search(rules, DistinctScorer(predictor), settle_goal(predictor, target), SearchLimits(**{"steps": 100, **limits}))


def texts_of(search, candidates=None):
    """Returns the found designs, or other candidates, as strings."""
    candidates = candidates or search.found
    inserts = search.starts.sequences(candidates.owner, candidates.letters, with_adapters=False)
    return [inserts[row] for row in range(len(inserts))]
