"""Marginalisation: the mean effect of a motif, or of two at a distance, on predictions over many backgrounds.

Motifs take the place of letters of many backgrounds; effects are differences from the same backgrounds without them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.explain.motif_sites import Arrangement, insert_motif, motif_letters
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.alphabet import BASE_CODES, BASES
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.statistics.bootstrap import DRAWS, interval, resampled_counts

__all__ = ["Marginalisation", "MeanEffects", "marginalise", "random_inserts"]

AT_ONCE = 1 << 12
"""Figures whose resamples are in memory at the same time."""


class MeanEffects(NamedTuple):
    """The mean of each arrangement over the backgrounds, and its interval.

    Args:
        mean: float64 (arrangements, tasks), over the backgrounds.
        low: Likewise, the lower bound of the 95 % bootstrap interval of that mean.
        high: The upper one.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Marginalisation(NamedTuple):
    """Effects of motifs.

    Args:
        motifs: As they were given.
        arrangements: Which of them stand where.
        background: float32 (backgrounds, tasks), predictions of the backgrounds as they are.
        effects: float32 (arrangements, backgrounds, tasks), predictions with the motifs minus those without.
        alone: float32 (arrangements, motifs, backgrounds, tasks), the effects of each motif of an arrangement by itself, in its place.
    """

    motifs: tuple[str, ...]
    arrangements: list[Arrangement]
    background: np.ndarray
    effects: np.ndarray
    alone: np.ndarray

    def interaction(self) -> np.ndarray:
        """float32 (arrangements, backgrounds, tasks): what motifs do together beyond the sum of what each does alone."""
        return self.effects - self.alone.sum(axis=1)

    def summary(self, values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> MeanEffects:
        """Means over the backgrounds of (arrangements, backgrounds, tasks), such as `effects`; all have the same resamples."""
        columns = np.moveaxis(np.asarray(values, np.float64), 1, 0).reshape(values.shape[1], -1)
        bounds = [_bounds(columns[:, first : first + AT_ONCE], draws, seed) for first in range(0, columns.shape[1], AT_ONCE)]
        low, high = np.concatenate(bounds, axis=1).reshape(2, len(values), -1)
        return MeanEffects(columns.mean(axis=0).reshape(low.shape), low, high)


def random_inserts(n: int, length: int, gc: float = 0.5, seed: int = 0) -> Ragged:
    """So many random inserts of a length, each letter drawn by itself; `gc` is the share of G and C.

    Raises:
        InputError: The share is none.
    """
    if not 0 <= gc <= 1:
        raise InputError(f"Expected a share of G and C from 0 to 1, got {gc:g}.")
    likely = [gc / 2 if base in "GC" else (1 - gc) / 2 for base in BASES]
    return Ragged.from_lengths(np.random.default_rng(seed).choice(BASE_CODES, n * length, p=likely), np.full(n, length))


def marginalise(
    motifs: Sequence[str],
    arrangements: Sequence[Arrangement],
    backgrounds: Ragged,
    scorer: Scorer,
    *,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Marginalisation:
    """The effects of motifs on the predictions of backgrounds.

    Every background has the same draw of ambiguous letters in all arrangements, so that these differ in nothing else. Each different
    arrangement is asked for once, those of single motifs among them.

    Args:
        motifs: IUPAC codes; see `motif_sites.motif_letters`.
        arrangements: Which of them stand where, such as `arrange` makes; at least one.
        backgrounds: n inserts, without adapters.
        scorer: The model; of an ensemble the mean counts.
        seed: Which letters ambiguous ones become.
        batch_size: Windows scored at once.
        progress: Told after each batch how many windows it had.

    Raises:
        InputError: A background does not fit the model or does not hold an arrangement, or a motif is none.

    Example:
        >>> from dreamkeras.explain.motif_sites import arrange
        >>> from dreamkeras.scoring.predictor import load
        >>> backgrounds = Ragged.from_strings(["ACGTTGCA" * 10, "GATTACAT" * 10])
        >>> found = marginalise(["TGACTCA"], arrange([30]), backgrounds, load())
        >>> found.effects.shape
        (2, 2, 1)
    """
    _check(motifs, arrangements, backgrounds, scorer)
    random, tasks = np.random.default_rng(seed), len(scorer.tasks)
    letters = [motif_letters(motif, len(backgrounds), random) for motif in motifs]

    def ask(inserts: Ragged) -> np.ndarray:
        windows = [construct.surround(inserts) for construct in scorer.constructs]
        return scorer.score_windows(windows, batch_size, progress)[:, :tasks]

    background = ask(backgrounds)
    singles = [(site,) for arrangement in arrangements for site in arrangement]
    effects: dict[Arrangement, np.ndarray] = {}
    for arrangement in dict.fromkeys([*singles, *arrangements]):
        inserts = backgrounds
        for site in arrangement:
            inserts = insert_motif(inserts, letters[site.motif], site.position, reverse=site.reverse)
        effects[arrangement] = ask(inserts) - background
    together = np.array([effects[arrangement] for arrangement in arrangements])
    alone = np.array([[effects[(site,)] for site in arrangement] for arrangement in arrangements])
    return Marginalisation(tuple(motifs), list(arrangements), background, together, alone)


def _check(motifs: Sequence[str], arrangements: Sequence[Arrangement], backgrounds: Ragged, scorer: Scorer) -> None:
    if not len(backgrounds):
        raise InputError("Expected at least one background, got none.")
    for construct in scorer.constructs:
        if problems := construct.problems(backgrounds):
            index = min(problems)
            raise InputError(f"{problems[index]} in background {index + 1}.")
    shortest = int(backgrounds.lengths.min())
    for site in (site for arrangement in arrangements for site in arrangement):
        last = site.position + len(motifs[site.motif])
        if site.position < 0 or last > shortest:
            raise InputError(
                f"Expected motifs within the {shortest} letters of the shortest background, got {motifs[site.motif]} "
                f"from {site.position + 1} to {last}."
            )


def _bounds(columns: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """float64 (2, figures), from (backgrounds, figures)."""
    means = [counts @ columns / len(columns) for counts in resampled_counts(len(columns), draws, seed)]
    return interval(np.concatenate(means))
