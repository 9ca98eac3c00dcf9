"""Chooses between hold-outs of complete families and hold-outs at random, and draws them.

| rule | groups that are not divided |
|---|---|
| `similar` | families of similar sequences |
| `random` | copies and reverse complements of one sequence |
| `auto` | families, if the hold-out represents the data; otherwise copies |
| `legacy` | families, drawn as versions without the rules drew them |

With `auto`, families are divided if at most `FEW` families hold more than half of the sequences, if the held-out share differs from the
requested share by more than `TOLERANCE`, or if the held-out values differ from the other values (`data.splits.likeness`).
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.draws import deal_folds, draw_legacy, draw_share
from dreamkeras.data.splits.families import Families, Groups, find_families
from dreamkeras.data.splits.likeness import Likeness
from dreamkeras.data.splits.names import LEGACY
from dreamkeras.errors import InputError

__all__ = ["TOLERANCE", "Drawn", "Method", "choose_folds", "choose_hold_out"]

TOLERANCE = 0.2
"""Largest accepted difference between the number of held-out rows and the requested number, as a fraction of the requested number."""

DRAWS = 20
"""Number of draws, of which the best is used."""

GOOD = 1 / 3
"""The first draw whose differences are at most this fraction of the accepted differences is used, so that the seed changes the draw."""


class Method(NamedTuple):
    """How the rows of a hold-out or of folds were grouped.

    Args:
        name: `"similar"`, `"random"` or `"legacy"`, see above, or `"chromosomes"` for windows of a genome.
        reason: Clause that states why the rule `auto` divided families. Otherwise, the text is empty.
        families: Number of families of similar sequences, or of chromosomes.
        largest: Number of rows in the largest family or on the largest chromosome.
    """

    name: str
    reason: str
    families: int
    largest: int


class Drawn(NamedTuple):
    """A hold-out or folds.

    Args:
        rows: Whether each row is held out, bool (n,), or the fold of each row, int32 (n,).
        method: How the rows were grouped.
    """

    rows: np.ndarray
    method: Method


def choose_hold_out(examples: Examples, fraction: float, seed: int, rule: str, tasks: tuple[str, ...] = ()) -> Drawn:
    """Draws a hold-out by a rule.

    Args:
        examples: Examples with at least two distinct sequences.
        fraction: Share of the examples to hold out, above 0 and below 1.
        seed: Random seed.
        rule: `"auto"`, `"similar"`, `"random"` or `"legacy"`.
        tasks: Names of the tasks, used in the reason.

    Raises:
        InputError: The training or the validation set would be empty.
    """
    families = find_families(examples)
    wanted = min(max(1, round(fraction * len(examples))), max(1, len(examples) - 1))
    if rule == LEGACY:
        held = draw_legacy(families.similar.sizes, max(1, round(fraction * len(examples))), seed)[families.similar.of_row]
        return _checked(held, _method(LEGACY, "", families), fraction)
    likeness = Likeness(examples.targets)
    if rule != "random":
        held = _best_draw(families.similar, likeness, wanted, seed)
        reason = "" if rule == "similar" or families.are_copies else _objection(families, held, wanted, likeness, tasks)
        if not reason:
            return _checked(held, _method("similar", "", families), fraction)
    else:
        reason = ""
    return _checked(_best_draw(families.copies, likeness, wanted, seed), _method("random", reason, families), fraction)


def choose_folds(examples: Examples, count: int, seed: int, rule: str, tasks: tuple[str, ...] = ()) -> Drawn:
    """Draws `count` folds by a rule. See `choose_hold_out` for the other arguments.

    Raises:
        InputError: A fold would be empty.
    """
    families = find_families(examples)
    likeness = Likeness(examples.targets, count)
    name, reason = ("random" if rule == "random" else "similar"), ""
    folds = _dealt(families.copies if rule == "random" else families.similar, examples.targets, count, seed)
    if rule == "auto" and not families.are_copies:
        wanted = round(len(examples) / count)
        objections = (_objection(families, folds == fold, wanted, likeness, tasks, f"fold {fold}") for fold in range(count))
        if reason := next(filter(None, objections), ""):
            name, folds = "random", _dealt(families.copies, examples.targets, count, seed)
    if len(np.unique(folds)) < count:
        kept, groups = ("near-duplicates", families.similar) if name == "similar" else ("copies", families.copies)
        raise InputError(
            f"Cannot divide the {len(examples)} examples into {count} folds: {kept} must be in the same fold, and the number of distinct "
            f"sequences is only {len(groups)}. Use fewer folds."
        )
    return Drawn(folds, _method(name, reason, families))


def _objection(
    families: Families, held: np.ndarray, wanted: int, likeness: Likeness, tasks: tuple[str, ...], place: str = "the hold-out"
) -> str:
    """Returns a clause that states why a hold-out of complete families does not represent the data. The text is empty if it does."""
    if few := families.describe_few():
        return few
    if abs(int(held.sum()) - wanted) > TOLERANCE * wanted:
        return f"{place} would contain {100 * held.mean():.1f} % instead of {100 * wanted / len(held):.1f} % of the sequences"
    if likeness.differences(held).max(initial=0) > 1:
        task, difference = likeness.describe_worst(held)
        return f"{tasks[task] if tasks else f'task {task + 1}'} in {place} {difference}"
    return ""


def _best_draw(groups: Groups, likeness: Likeness, wanted: int, seed: int) -> np.ndarray:
    """Returns the first good one of `DRAWS` draws or, if none is good, the best, bool (n,).

    Draws are compared by their share if it is not accepted, and then by their values.
    """
    random = np.random.default_rng(seed)
    best, least = np.zeros(len(groups.of_row), bool), (np.inf, np.inf)
    for _ in range(DRAWS):
        held = draw_share(groups.sizes, wanted, random)[groups.of_row]
        if not held.any():
            continue
        share = abs(int(held.sum()) - wanted) / (TOLERANCE * wanted)
        values = float(likeness.differences(held).max(initial=0))
        score = max(share, 1.0), values
        if score < least or not best.any():
            best, least = held, score
        if max(share, values) <= GOOD:
            break
    return best


def _dealt(groups: Groups, targets: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Deals groups to folds, and returns the fold of each row, int32 (n,)."""
    return deal_folds(groups.sizes, _group_values(groups, targets), count, np.random.default_rng(seed))[groups.of_row]


def _group_values(groups: Groups, targets: np.ndarray) -> np.ndarray:
    """Returns the mean of the standardised values of each group over its rows and tasks, float64 (groups,).

    The value of a group without measured values is 0.
    """
    totals, counts = np.zeros((2, len(groups)))
    for column in targets.T.astype(np.float64):
        known = ~np.isnan(column)
        values = column[known]
        if len(values) and (spread := values.std()) > 0:
            totals += np.bincount(groups.of_row[known], (values - values.mean()) / spread, len(groups))
            counts += np.bincount(groups.of_row[known], minlength=len(groups))
    return totals / np.maximum(counts, 1)


def _method(name: str, reason: str, families: Families) -> Method:
    return Method(name, reason, len(families.similar), families.largest)


def _checked(held: np.ndarray, method: Method, fraction: float) -> Drawn:
    """Returns a hold-out, or raises an error if one of its sets is empty."""
    if not held.any() or held.all():
        raise InputError(
            f"Cannot hold out a share of {fraction:g}: near-duplicates must be in the same set, and the number of distinct sequences "
            f"in the {len(held)} examples is only {method.families}. Use separate validation data or a fold."
        )
    return Drawn(held, method)
