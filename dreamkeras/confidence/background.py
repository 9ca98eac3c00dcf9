"""How unusual a prediction is: its percentile among those of sequences that were made at random, half drawn, half shuffled.

Of effects, too: among those of random changes of one letter. Both are predictions of one model, and mean nothing for another.
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
"""Sequences of each kind; fewer where a model sees long ones."""

KIND_LETTERS = 1 << 19
"""Letters of all windows of a kind at most: 248 windows of 2,114 letters."""

STEPS = 200
"""Parts that the quantiles of a distribution divide it into."""

KINDS = ("random", "shuffled", "effects")


class Background(NamedTuple):
    """A model's predictions for random sequences; each float64 (tasks, 201), quantiles from the least to the largest.

    Args:
        sequences: How many there were of each kind.
        random: Of letters that are drawn one by one, as often as they come in the inserts of training sequences.
        shuffled: Of inserts of training sequences that are shuffled, their counts of two neighbouring letters kept.
        effects: Absolute differences that a random change of a random letter of a shuffled one makes.
    """

    sequences: int
    random: np.ndarray
    shuffled: np.ndarray
    effects: np.ndarray

    @classmethod
    def of(cls, scorer: Scorer) -> "Background":
        """The background in a model's calibration.

        Raises:
            ModelError: It has none.
        """
        return cls.from_json(find_part(scorer, "background"), scorer.tasks)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], tasks: tuple[str, ...]) -> "Background":
        """The background that `to_json` described.

        Raises:
            ModelError: It is something else.
        """
        try:
            parts = [np.array([fields[kind][task] for task in tasks], np.float64) for kind in KINDS]
            found = cls(int(fields["sequences"]), *parts)
        except (TypeError, ValueError, KeyError) as error:
            raise ModelError(f"Expected the background of {', '.join(tasks)}, got {str(fields)[:80]} ({error!r}).") from None
        if any(part.ndim != 2 or part.shape[1] < 2 for part in parts):
            raise ModelError(f"Expected two quantiles or more of each task's background, got {str(fields)[:80]}.")
        return found

    def to_json(self, tasks: tuple[str, ...]) -> dict[str, Any]:
        """JSON-able: quantiles by kind and task."""
        rounded = {
            kind: {task: [float(f"{value:.7g}") for value in row] for task, row in zip(tasks, getattr(self, kind), strict=True)}
            for kind in KINDS
        }
        return {"sequences": self.sequences, **rounded}

    def percentiles(self, predicted: np.ndarray) -> np.ndarray:
        """float32 (n, tasks), 0 to 100: the share of random and shuffled sequences with a lower prediction than each of these."""
        return (percentiles(self.random, predicted) + percentiles(self.shuffled, predicted)) / 2

    def effect_percentiles(self, effects: np.ndarray) -> np.ndarray:
        """float32 (n, tasks), 0 to 100: the share of random changes of one letter with a smaller effect, in size."""
        return percentiles(self.effects, np.abs(effects))


def percentiles(quantiles: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Percentiles of values in distributions: in proportion between two quantiles, in the middle of several equal ones.

    Args:
        quantiles: float (tasks, steps + 1), ascending, from the least to the largest.
        values: float (n, tasks).

    Returns:
        float32 (n, tasks), 0 to 100; NaN of NaN.

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
    """A column of variants: where the mean effect stands among those of random changes of one letter.

    Raises:
        ModelError: The model carries no background.
    """
    background = Background.of(scorer)
    text = "Share in % of random changes of one letter whose effect on {task} is smaller, whatever its sign"
    return Column("effect_percentile", lambda ref, alt: background.effect_percentiles((alt - ref).mean(axis=1)), text)


def measure_background(scorer: Scorer, inserts: Ragged, seed: int = 0) -> Background:
    """The background of a model, of random sequences made like `inserts` of its training; of an ensemble the mean counts.

    Raises:
        InputError: There is no insert with a base in it.
    """
    random = np.random.default_rng(seed)
    shares = np.bincount(BASE_INDEX[inserts.flat[IS_BASE[inserts.flat]]], minlength=len(BASES))
    if not shares.any():
        raise InputError("Expected inserts with bases to make random ones like, got none.")
    number = min(SEQUENCES, max(1, KIND_LETTERS // sum(construct.length for construct in scorer.constructs)))
    chosen = inserts.select(random.integers(0, len(inserts), number))
    drawn = Ragged(BASE_CODES[random.choice(len(BASES), len(chosen.flat), p=shares / shares.sum())], chosen.offsets)
    shuffled = shuffle_dinucleotides(chosen, random)
    made = (drawn, shuffled, _changed(shuffled, random))
    windows = ([construct.windows(inserts) for construct in scorer.constructs] for inserts in made)
    values = [scorer.score_windows(part)[:, : len(scorer.tasks)].astype(np.float64) for part in windows]
    effects = np.abs(values[2] - values[1])
    return Background(number, *(np.quantile(part.T, np.linspace(0, 1, STEPS + 1), axis=1).T for part in (*values[:2], effects)))


def _changed(sequences: Ragged, random: np.random.Generator) -> Ragged:
    """Each with another base in one place."""
    flat, lengths = sequences.flat.copy(), sequences.lengths
    places = sequences.offsets[:-1] + (random.random(len(lengths)) * lengths).astype(np.int64)
    there = ONE_HOT[flat[places]].argmax(axis=1)
    flat[places] = BASE_CODES[(there + random.integers(1, len(BASES), len(places))) % len(BASES)]
    return Ragged(flat, sequences.offsets)
