"""Computes marginalisations: the mean effect of one or two motifs on predictions over many background sequences.

Motifs replace letters of the backgrounds. An effect is the prediction with the motifs minus the prediction for the same background
without motifs.
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
"""Maximum number of mean effects whose bootstrap resamples are in memory at a time."""


class MeanEffects(NamedTuple):
    """Mean effect of each arrangement over the backgrounds, with a 95 % bootstrap interval of the mean.

    Args:
        mean: Means over the backgrounds, float64 (arrangements, tasks).
        low: Lower bounds of the intervals, float64 (arrangements, tasks).
        high: Upper bounds of the intervals, float64 (arrangements, tasks).
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Marginalisation(NamedTuple):
    """Effects of motifs on predictions.

    Args:
        motifs: The motifs, as IUPAC codes.
        arrangements: Positions and strands of the motifs.
        background: Predictions for the unchanged backgrounds, float32 (backgrounds, tasks).
        effects: Predictions with the motifs minus predictions without the motifs, float32 (arrangements, backgrounds, tasks).
        alone: Effect of each motif alone, at its position in the arrangement, float32 (arrangements, motifs, backgrounds, tasks).
    """

    motifs: tuple[str, ...]
    arrangements: list[Arrangement]
    background: np.ndarray
    effects: np.ndarray
    alone: np.ndarray

    def interaction(self) -> np.ndarray:
        """Returns the joint effect of the motifs minus the sum of their single effects, float32 (arrangements, backgrounds, tasks)."""
        return self.effects - self.alone.sum(axis=1)

    def summary(self, values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> MeanEffects:
        """Averages values (arrangements, backgrounds, tasks), such as `effects`, over backgrounds.

        All intervals use the same bootstrap resamples.
        """
        columns = np.moveaxis(np.asarray(values, np.float64), 1, 0).reshape(values.shape[1], -1)
        bounds = [_bounds(columns[:, first : first + AT_ONCE], draws, seed) for first in range(0, columns.shape[1], AT_ONCE)]
        low, high = np.concatenate(bounds, axis=1).reshape(2, len(values), -1)
        return MeanEffects(columns.mean(axis=0).reshape(low.shape), low, high)


def random_inserts(n: int, length: int, gc: float = 0.5, seed: int = 0) -> Ragged:
    """Generates random inserts with independent bases.

    Args:
        n: Number of inserts.
        length: Length of each insert.
        gc: GC content, from 0 to 1.
        seed: Random seed.

    Raises:
        InputError: The GC content is out of range.
    """
    if not 0 <= gc <= 1:
        raise InputError(f"Expected a GC content from 0 to 1, got {gc:g}.")
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
    """Predicts the effects of motifs on background sequences.

    Ambiguity codes of a motif are replaced by the same random bases in all arrangements of a background, so that arrangements differ only
    in position and strand. Each distinct arrangement is scored once, including the arrangements with one of the motifs alone.

    Args:
        motifs: IUPAC codes; see `motif_sites.motif_letters`.
        arrangements: At least one arrangement, which gives the positions and strands of the motifs. `arrange` returns arrangements.
        backgrounds: n inserts without adapters.
        scorer: The model or ensemble. For an ensemble, the mean prediction is used.
        seed: Random seed for the bases that replace ambiguity codes.
        batch_size: Number of windows scored at a time.
        progress: Function to call after each batch with the number of windows in the batch.

    Raises:
        InputError: A background does not fit the model or is too short for an arrangement, or a motif is not valid.

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
                f"Motif {motifs[site.motif]} at positions {site.position + 1} to {last} is outside the shortest background, "
                f"which has {shortest} letters."
            )


def _bounds(columns: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Computes bootstrap intervals for the mean of each column of values (backgrounds, columns).

    Returns the lower and upper bounds, float64 (2, columns).
    """
    means = [counts @ columns / len(columns) for counts in resampled_counts(len(columns), draws, seed)]
    return interval(np.concatenate(means))
