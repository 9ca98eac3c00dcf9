"""Computes percentiles of predictions among random and shuffled sequences, and of variant effects among random base changes.

A background is measured with one model and cannot be used with another model.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.calibration import find_part
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.alphabet import BASE_CODES, BASE_INDEX, BASES, IS_BASE, ONE_HOT
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.shuffle import shuffle_dinucleotides
from dreamkeras.variants.effects import Column

__all__ = ["KINDS", "SEQUENCES", "Background", "effect_percentile", "measure_background", "percentiles"]

SEQUENCES = 1000
"""Maximum number of sequences from which each distribution of a background is computed.

For models with long windows, fewer sequences are used.
"""

KIND_LETTERS = 1 << 19
"""Maximum number of bases in the windows from which one distribution is computed, for example 248 windows of 2,114 bases."""

STEPS = 200
"""Number of intervals between the quantiles of a distribution."""

KINDS = ("random", "shuffled", "effects")


class Background(NamedTuple):
    """Quantiles of a model's predictions for random and shuffled sequences, and of the effects of random base changes.

    Each array of quantiles is float64 (tasks, 201), from minimum to maximum.

    Args:
        sequences: Number of sequences from which each distribution was computed.
        random: Quantiles of predictions for inserts with independent random bases, drawn with the base frequencies of the training
            sequences.
        shuffled: Quantiles of predictions for inserts of training sequences, shuffled with their dinucleotide counts preserved.
        effects: Quantiles of the absolute effects of one random base change in each shuffled insert.
    """

    sequences: int
    random: np.ndarray
    shuffled: np.ndarray
    effects: np.ndarray

    @classmethod
    def of(cls, scorer: Scorer) -> "Background":
        """Reads the background from a model's calibration.

        Raises:
            ModelError: The calibration has no background.
        """
        return cls.from_json(find_part(scorer, "background"), scorer.tasks)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], tasks: tuple[str, ...]) -> "Background":
        """Reads the output of `to_json`.

        Raises:
            ModelError: The fields are malformed, or their tasks differ from `tasks`.
        """
        try:
            parts = [np.array([fields[kind][task] for task in tasks], np.float64) for kind in KINDS]
            found = cls(int(fields["sequences"]), *parts)
        except (TypeError, ValueError, KeyError) as error:
            wanted = f"the fields {', '.join(KINDS)}, each with quantiles for tasks {', '.join(tasks)}"
            raise ModelError(f"Cannot read the background: {error!r}. Expected {wanted}, got {str(fields)[:80]}.") from None
        if any(part.ndim != 2 or part.shape[1] < 2 for part in parts):
            raise ModelError(f"Expected at least two quantiles for each task of the background, got {str(fields)[:80]}.")
        return found

    def to_json(self, tasks: tuple[str, ...]) -> dict[str, Any]:
        """Returns a dictionary for JSON with the number of sequences, and the quantiles of each distribution by task."""
        rounded = {
            kind: {task: [float(f"{value:.7g}") for value in row] for task, row in zip(tasks, getattr(self, kind), strict=True)}
            for kind in KINDS
        }
        return {"sequences": self.sequences, **rounded}

    def percentiles(self, predicted: np.ndarray) -> np.ndarray:
        """Returns, for each prediction, the percentage of random and shuffled sequences with a lower prediction, float32 (n, tasks)."""
        return (percentiles(self.random, predicted) + percentiles(self.shuffled, predicted)) / 2

    def effect_percentiles(self, effects: np.ndarray) -> np.ndarray:
        """Returns, for each effect, the percentage of random base changes with a smaller absolute effect, float32 (n, tasks)."""
        return percentiles(self.effects, np.abs(effects))


def percentiles(quantiles: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the percentile of each value. The distribution of each task is described by its quantiles.

    Percentiles are interpolated linearly between quantiles. If a value is equal to several quantiles, its percentile is the mean of the
    percentiles of these quantiles.

    Args:
        quantiles: Quantiles at equal steps, ascending from minimum to maximum, float (tasks, steps + 1).
        values: Values, float (n, tasks).

    Returns:
        Percentiles from 0 to 100, float32 (n, tasks). The percentile of a NaN value is NaN.

    Example:
        >>> percentiles(np.array([[0.0, 1, 1, 2, 4]]), np.array([[-1], [0.5], [1], [3], [9]])).T.tolist()
        [[0.0, 12.5, 37.5, 87.5, 100.0]]
    """
    found = np.empty(values.shape, np.float32)
    for column, (row, wanted) in enumerate(zip(quantiles, values.T, strict=True)):
        step, last = 100 / (len(row) - 1), len(row) - 1
        first, behind = np.searchsorted(row, wanted, "left"), np.searchsorted(row, wanted, "right")
        below, above = row[np.clip(first - 1, 0, last)], row[np.clip(first, 0, last)]
        apart = np.where(above > below, above - below, 1)
        between = np.clip(first - 1 + (wanted - below) / apart, 0, last)
        between = np.where(first == 0, 0, np.where(first > last, last, between))
        found[:, column] = step * np.where(behind > first, (first + behind - 1) / 2, between)
    found[np.isnan(values)] = np.nan
    return found


def effect_percentile(scorer: Scorer) -> Column:
    """Returns a column for tables of variants: the percentile of each absolute effect among the effects of random base changes.

    Raises:
        ModelError: The calibration of the model has no background.
    """
    background = Background.of(scorer)
    text = "Percentage of random base changes with a smaller absolute effect on {task}"
    return Column("effect_percentile", lambda ref, alt: background.effect_percentiles((alt - ref).mean(axis=1)), text)


def measure_background(scorer: Scorer, inserts: Ragged, seed: int = 0, sequences: int = SEQUENCES) -> Background:
    """Measures the background of a model: its predictions for random and shuffled sequences. For an ensemble, the mean prediction is used.

    Args:
        scorer: The model or ensemble.
        inserts: Inserts of training sequences, which determine the lengths and base frequencies of the random sequences.
        seed: Random seed.
        sequences: Maximum number of sequences of each distribution.

    Raises:
        InputError: No insert has a known base.
    """
    random = np.random.default_rng(seed)
    shares = np.bincount(BASE_INDEX[inserts.flat[IS_BASE[inserts.flat]]], minlength=len(BASES))
    if not shares.any():
        raise InputError("Cannot make random sequences: no insert of the training data has a known base.")
    number = min(sequences, max(1, KIND_LETTERS // sum(construct.length for construct in scorer.constructs)))
    chosen = inserts.select(random.integers(0, len(inserts), number))
    drawn = Ragged(BASE_CODES[random.choice(len(BASES), len(chosen.flat), p=shares / shares.sum())], chosen.offsets)
    shuffled = shuffle_dinucleotides(chosen, random)
    made = (drawn, shuffled, _changed(shuffled, random))
    windows = ([construct.windows(inserts) for construct in scorer.constructs] for inserts in made)
    values = [scorer.score_windows(part)[:, : len(scorer.tasks)].astype(np.float64) for part in windows]
    effects = np.abs(values[2] - values[1])
    return Background(number, *(np.quantile(part.T, np.linspace(0, 1, STEPS + 1), axis=1).T for part in (*values[:2], effects)))


def _changed(sequences: Ragged, random: np.random.Generator) -> Ragged:
    """Returns each sequence with a random base change at one random position."""
    flat, lengths = sequences.flat.copy(), sequences.lengths
    places = sequences.offsets[:-1] + (random.random(len(lengths)) * lengths).astype(np.int64)
    there = ONE_HOT[flat[places]].argmax(axis=1)
    flat[places] = BASE_CODES[(there + random.integers(1, len(BASES), len(places))) % len(BASES)]
    return Ragged(flat, sequences.offsets)
