"""Design: inserts that a model predicts to express as wanted, found by evolution, one edit at a time, or by beam search.

Whole populations are scored in one go, each different window once. Knows nothing about files.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dreamkeras.design.candidates import Candidates, empty_candidates, far_apart, joined
from dreamkeras.design.constraints import Constraints
from dreamkeras.design.evolution import evolution
from dreamkeras.design.goal import Goal
from dreamkeras.design.names import METHODS
from dreamkeras.design.rules import Rules, letters_beside
from dreamkeras.design.search import Search, SearchLimits, Step
from dreamkeras.design.starts import Starts, make_starts, random_records
from dreamkeras.design.stepwise import Proposer, all_edits, beam, greedy
from dreamkeras.errors import InputError
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["DEFAULTS", "Designs", "SearchSettings", "design", "random_starts"]

STEP_LETTERS = 1 << 23
"""Letters of the designs that are looked at in one step; starts are searched from in batches that keep to it."""

POOL = 4096
"""Designs of each start that those to return are chosen from, where these have to be different."""

DRAWN, DRAWS = 256, 200
"""Random inserts that are drawn at once, at least, and how often that is done before constraints count as too strict."""


class SearchSettings(NamedTuple):
    """How to search.

    Args:
        method: One of `METHODS`; `gradient` needs something that proposes edits.
        steps: Most steps; None takes the method's own.
        calls: Most designs that are tried for each start; None without a bound.
        number: Designs returned for each start, at most.
        diversity: Fewest letters in which any two designs of one length differ; 1 asks only a start's own to differ.
        population: Members of a population, in evolution.
        width: Designs of each start that are kept at a step, in beam search.
        seed: Of all random choices.
    """

    method: str = "evolution"
    steps: int | None = None
    calls: int | None = None
    number: int = 1
    diversity: int = 1
    population: int = 100
    width: int = 8
    seed: int = 0


DEFAULTS, UNCONSTRAINED = SearchSettings(), Constraints()


class Designs(NamedTuple):
    """m designs of n starts.

    Args:
        starts: The ids of the starts.
        before: float64 (n,), what is predicted of the starts.
        owner: int64 (m,), the start of each design, ascending; a start's own are in falling order.
        inserts: The m designs, without adapters.
        sequences: The same with adapters.
        columns: float32 (m, columns), what the model answers, as `Scorer.columns`.
        values: float64 (m,), predictions of the goal's task or difference of tasks.
        spread: float64 (m,), its standard deviation among an ensemble's members; None without.
        objective: float64 (m,), what was searched for: the higher the better.
        edits: int64 (m,), letters that are not those of the start.
        steps: The results of each step.
    """

    starts: list[str]
    before: np.ndarray
    owner: np.ndarray
    inserts: Ragged
    sequences: Ragged
    columns: np.ndarray
    values: np.ndarray
    spread: np.ndarray | None
    objective: np.ndarray
    edits: np.ndarray
    steps: list[Step]


def design(
    records: Records,
    scorer: Scorer,
    goal: Goal,
    constraints: Constraints = UNCONSTRAINED,
    settings: SearchSettings = DEFAULTS,
    *,
    propose: Proposer | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Designs:
    """Designs that come from some sequences by changing letters of their inserts.

    Args:
        records: n sequences to begin with.
        scorer: The model; of an ensemble the mean counts, less a penalty if the goal has one.
        goal: The goal.
        constraints: Those of designs.
        settings: How to search.
        propose: Proposes edits of a design, for the method `gradient`.
        batch_size: Windows scored at once.
        progress: Told after each batch how many windows it had.

    Raises:
        InputError: A sequence does not fit the model or breaks a constraint, or a setting is out of range.
        ModelError: An ensemble's members put different letters around an insert.

    Example:
        >>> from dreamkeras.design.goal import settle_goal
        >>> from dreamkeras.scoring.predictor import load
        >>> model = load()
        >>> starts = random_starts(1, 80, Constraints(), model, seed=1)
        >>> found = design(starts, model, settle_goal(model, "max"), settings=SearchSettings("greedy", steps=2))
        >>> int(found.edits[0]), bool(found.values[0] > found.before[0])
        (2, True)
    """
    _check(settings, propose)
    starts = make_starts(records, scorer.constructs, letters_beside(constraints))
    rules = Rules(constraints, starts)
    rules.require_starts()
    generator = np.random.default_rng(settings.seed)
    limits = SearchLimits(settings.steps or METHODS[settings.method], settings.calls, _pool(settings))
    distinct = DistinctScorer(scorer)
    designs, steps, before = empty_candidates(starts.letters.shape[1]), [], []
    for rows in _batches(starts, settings):
        search = Search(Rules(constraints, starts.select(rows)), distinct, goal, limits, batch_size, progress)
        _run(search, settings, propose or all_edits, generator)
        found = search.found._replace(owner=rows[search.found.owner])
        if settings.diversity > 1:
            found = found.select(far_apart(found, starts.lengths, settings.number, settings.diversity, designs))
        designs = joined([designs, found])
        steps += [step._replace(owner=rows[step.owner]) for step in search.steps]
        before.append(search.steps[0].mean)
    return _described(designs, rules, distinct, goal, np.concatenate(before), steps, batch_size)


def random_starts(number: int, length: int, constraints: Constraints, scorer: Scorer, seed: int) -> Records:
    """So many random inserts of a length that keep the constraints, for the scorer's construct.

    Raises:
        InputError: The length does not fit, or hardly any random insert keeps the constraints.
    """
    generator = np.random.default_rng(seed)
    at_once = max(number, DRAWN)
    flat, count = [np.empty(0, np.uint8)], 0
    for _ in range(DRAWS):
        drawn = random_records(at_once, length, scorer.constructs[0], generator)
        starts = make_starts(drawn, scorer.constructs, letters_beside(constraints))
        allowed = Rules(constraints, starts).allowed(np.arange(at_once), starts.letters)
        flat, count = [*flat, drawn.sequences.select(allowed).flat], count + int(allowed.sum())
        if count >= number:
            lengths = np.full(number, drawn.sequences.lengths[0])
            letters = np.concatenate(flat)[: int(lengths.sum())]
            return drawn._replace(sequences=Ragged.from_lengths(letters, lengths), ids=drawn.ids[:number], lines=drawn.lines[:number])
    raise InputError(f"Expected {number:,} random inserts that keep the constraints, got {count:,} of {DRAWS * at_once:,}: give starts.")


def _check(settings: SearchSettings, propose: Proposer | None) -> None:
    if settings.method not in METHODS:
        raise InputError(f"Expected one of the methods {', '.join(METHODS)}, got {settings.method!r}.")
    if settings.method == "gradient" and propose is None:
        raise InputError("Expected something that proposes edits for the method gradient, got none.")
    for name in ("steps", "calls", "number", "diversity", "population", "width"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise InputError(f"Expected {name} to be 1 or more, got {value}.")


def _batches(starts: Starts, settings: SearchSettings) -> Iterator[np.ndarray]:
    """Rows of the starts, so many at once that a step's designs are few enough."""
    all_single = (len(BASES) - 1) * starts.letters.shape[1]
    designs = {"evolution": 2 * settings.population, "beam": all_single * settings.width}.get(settings.method, all_single)
    at_once = max(1, STEP_LETTERS // (max(designs, _pool(settings)) * starts.letters.shape[1]))
    for first in range(0, len(starts.ids), at_once):
        yield np.arange(first, min(first + at_once, len(starts.ids)))


def _run(search: Search, settings: SearchSettings, propose: Proposer, generator: np.random.Generator) -> None:
    if settings.method == "evolution":
        evolution(search, settings.population, generator)
    elif settings.method == "beam":
        beam(search, settings.width)
    else:
        greedy(search, propose)


def _pool(settings: SearchSettings) -> int:
    """Designs of each start that are kept until the ones to return are chosen."""
    return settings.number if settings.diversity <= 1 else max(POOL, settings.number)


def _described(
    designs: Candidates, rules: Rules, scorer: DistinctScorer, goal: Goal, before: np.ndarray, steps: list[Step], batch_size: int
) -> Designs:
    starts, owner = rules.starts, designs.owner
    columns = scorer.score(starts.windows(owner, designs.letters), batch_size)
    inserts, sequences = (starts.sequences(owner, designs.letters, with_adapters=both) for both in (False, True))
    edits = rules.edits(owner, designs.letters)
    spread, objective = goal.spread(columns), goal.objective(columns)
    return Designs(starts.ids, before, owner, inserts, sequences, columns, goal.values(columns), spread, objective, edits, steps)
