"""Designs inserts for a desired prediction, with evolution, greedy search, beam search or gradients.

Each distinct window is scored once. The module `run` reads and writes files.
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
"""Maximum total length, in bases, of the designs in one step of a search.

Start sequences are processed in batches that do not exceed this limit.
"""

POOL = 4096
"""Number of best designs per start sequence from which diverse designs are selected."""

DRAWN, DRAWS = 256, 200
"""`DRAWN` is the minimum number of random inserts per draw, and `DRAWS` is the maximum number of draws.

If the draws contain too few inserts that satisfy the constraints, an error is raised.
"""


class SearchSettings(NamedTuple):
    """Settings of a search.

    Args:
        method: One of `METHODS`. The method `gradient` requires the argument `propose` of `design`.
        steps: Maximum number of steps. If None, the default of the method in `METHODS` is used.
        calls: Maximum number of designs that are tried for each start sequence. If None, there is no limit.
        number: Maximum number of designs that are returned for each start sequence.
        diversity: Minimum number of bases in which two designs of the same length differ. If 1, different start sequences may have equal
            designs.
        population: Number of designs in the population of each start sequence, for the method `evolution`.
        width: Number of designs that are kept per start sequence and step, for the method `beam`.
        seed: Random seed.
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
    """Result of a search: m designs from n start sequences.

    Args:
        starts: Names of the start sequences.
        before: Predictions for the start sequences, float64 (n,).
        owner: Index of the start sequence of each design, int64 (m,), in ascending order. The designs of each start sequence are sorted
            by objective, best first.
        inserts: The m designs without adapters.
        sequences: The m designs with adapters.
        columns: All predictions for the designs, float32 (m, columns). `Scorer.predicted_columns` contains the names of the columns.
        values: Prediction of the task in the goal for each design, float64 (m,). If the goal has a task `minus`, its prediction is
            subtracted.
        spread: Standard deviation of `values` over an ensemble's members, float64 (m,). If the scorer is a single model, `spread` is None.
        objective: Objective of each design, float64 (m,). Higher is better.
        edits: Number of bases in which each design differs from its start sequence, int64 (m,).
        steps: Results of each step.
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
    """Designs sequences by changing bases in the inserts of start sequences.

    Args:
        records: n start sequences.
        scorer: The model or ensemble. For an ensemble, the objective is computed from the mean prediction over the members, and then
            reduced by the penalty of the goal.
        goal: The goal.
        constraints: Constraints on designs.
        settings: Settings of the search.
        propose: Function that proposes edits, for the method `gradient`.
        batch_size: Number of windows scored at a time.
        progress: Called after each batch with the number of windows in the batch.

    Raises:
        InputError: A start sequence does not fit the model or violates a constraint, or a setting is out of range.
        ModelError: The constructs of an ensemble's members have different constant bases around an insert.

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
    """Generates random inserts that satisfy the constraints.

    Args:
        number: Number of inserts.
        length: Length of each insert.
        constraints: Constraints on the inserts.
        scorer: The model. The construct of the model determines the possible lengths.
        seed: Random seed.

    Raises:
        InputError: The length does not fit the construct, or too few random inserts satisfy the constraints.
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
    raise InputError(
        f"Only {count:,} of {DRAWS * at_once:,} random inserts satisfy the constraints. Required: {number:,}. Give start sequences."
    )


def _check(settings: SearchSettings, propose: Proposer | None) -> None:
    if settings.method not in METHODS:
        raise InputError(f"Expected method to be one of {', '.join(METHODS)}, got {settings.method!r}.")
    if settings.method == "gradient" and propose is None:
        raise InputError("The method gradient requires `propose`, a function that proposes edits.")
    for name in ("steps", "calls", "number", "diversity", "population", "width"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise InputError(f"Expected {name} to be at least 1, got {value}.")


def _batches(starts: Starts, settings: SearchSettings) -> Iterator[np.ndarray]:
    """Yields batches of indices of start sequences. In one step, all designs of a batch together have at most `STEP_LETTERS` bases."""
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
    """Returns the number of designs per start sequence that are kept until the end of the search."""
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
