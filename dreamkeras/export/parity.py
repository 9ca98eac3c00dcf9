"""How far an exported model is from the Keras model it was made from, over sequences of every kind that fit it."""

from typing import NamedTuple

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.sequence.alphabet import BASES, IUPAC
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.statistics.correlation import pearson

__all__ = ["LEAST_R", "SEQUENCES", "Parity", "compare", "parity_letters", "parity_sequences", "require_parity", "units"]

SEQUENCES = 1000
"""Sequences in a report."""

DIFFERENCES = {"float32": 0.001, "float16": 0.05, "int8": 0.05}
"""Largest difference from Keras in each precision, in standard deviations of a task's predictions; of profiles, their distance."""

LEAST_R = 0.999
"""What a float16 or int8 model with larger differences must correlate with Keras, and an int8 model in any case."""

SLOPE, SHIFT = 0.05, 0.1
"""How far such a model's slope may be from 1, and its mean from Keras's, in standard deviations."""

ROUNDING = 4
"""Units in the last place of the largest prediction in float32: differences up to this count for nothing."""


class Parity(NamedTuple):
    """Keras against ONNX Runtime; of an ensemble, its members against the one file. Of several tasks, the worst figure of each kind.

    A standard deviation is that of Keras's predictions of the task; where they are all the same, their absolute value, and 1 for 0.

    Args:
        sequences: Number of sequences.
        largest_difference: Largest absolute difference of two predictions, in the model's units.
        r: Pearson's r of the predictions; None where a task's predictions are all the same.
        keras_backend: The backend that Keras predicted on; None for an ensemble.
        precision: The exported model's.
        profile_distance: Half the summed absolute difference of the two profiles of a sequence, the largest of all sequences: the share
            of reads that would have to move. None without profiles.
        sd_difference: Largest difference in standard deviations, beyond the rounding of float32.
        slope: Of the exported model's predictions on Keras's, the farthest from 1; None where r is.
        shift: Difference of the means in standard deviations, the largest.
    """

    sequences: int
    largest_difference: float
    r: float | None
    keras_backend: str | None
    precision: str
    profile_distance: float | None = None
    sd_difference: float = 0.0
    slope: float | None = None
    shift: float = 0.0

    def __str__(self) -> str:
        """Four lines for people, or five with profiles."""
        compared = f"Keras ({self.keras_backend}) against ONNX Runtime" if self.keras_backend else "The members against the ensemble"
        r = "none: the predictions are constant" if self.r is None else f"{self.r:.7f}"
        return (
            f"{compared} ({self.precision}) over {self.sequences:,} sequences:\n"
            f"  largest difference  {self.largest_difference:.2g}\n"
            f"  in standard dev.    {self.sd_difference:.2g}\n"
            f"  Pearson r           {r}" + ("" if self.profile_distance is None else f"\n  profile distance    {self.profile_distance:.2g}")
        )


def parity_sequences(construct: Construct, number: int = SEQUENCES, seed: int = 0) -> list[str]:
    """Random sequences of every length that fits, a quarter each plain, with N, in lower case with N, and with IUPAC codes.

    Every third is a bare insert; the others have the construct's adapters.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(construct.shortest, construct.longest + 1, number)
    inserts = [_insert(random, length, kind % 4) for kind, length in enumerate(lengths)]
    whole = [construct.left_adapter + insert + construct.right_adapter for insert in inserts]
    whole = [text.lower() if kind % 4 == 2 else text for kind, text in enumerate(whole)]
    # A bare insert may by chance look as if it had one of the adapters.
    unfit = construct.problems(Ragged.from_strings(inserts))
    return [inserts[i] if i % 3 == 0 and i not in unfit else whole[i] for i in range(number)]


def _insert(random: np.random.Generator, length: int, kind: int) -> str:
    letters = random.choice(list(BASES), length)
    rare = random.random(length) < 0.1
    if kind in (1, 2):
        letters[rare] = "N"
    if kind == 3:
        letters[rare] = random.choice(list(IUPAC), int(rare.sum()))
    text = "".join(letters)
    return text.lower() if kind == 2 else text


def parity_letters(construct: Construct, number: int = SEQUENCES, seed: int = 0) -> np.ndarray:
    """The windows of `parity_sequences`, uint8 (number, length); by default those of the report."""
    return construct.windows(Ragged.from_strings(parity_sequences(construct, number, seed)))


def compare(keras: np.ndarray, exported: np.ndarray, keras_backend: str | None, precision: str, tasks: int | None = None) -> Parity:
    """The report on two sets of predictions, float (n, tasks), or (n, tasks + positions) where profiles follow the values of the tasks.

    Raises:
        ModelError: Their shapes differ, or a prediction is not finite.
    """
    keras, exported = np.asarray(keras, np.float64), np.asarray(exported, np.float64)
    if keras.shape != exported.shape:
        raise ModelError(f"Expected reference predictions of shape {exported.shape}, got {keras.shape}.")
    _require_finite(keras, exported, precision)
    profile = None
    if tasks not in (None, keras.shape[1]):
        profile = float(np.abs(keras - exported)[:, tasks:].sum(axis=1).max() / 2)
    keras, exported = keras[:, :tasks], exported[:, :tasks]
    apart, unit, r = np.abs(keras - exported).max(0), units(keras), float(pearson(keras, exported).min())
    return Parity(
        sequences=len(keras),
        largest_difference=float(apart.max()),
        r=None if np.isnan(r) else r,
        keras_backend=keras_backend,
        precision=precision,
        profile_distance=profile,
        sd_difference=float((np.maximum(apart - _rounding(keras), 0) / unit).max()),
        slope=None if np.isnan(r) else _slope(keras / unit, exported / unit),
        shift=float((np.maximum(np.abs(keras.mean(0) - exported.mean(0)) - _rounding(keras), 0) / unit).max()),
    )


def units(keras: np.ndarray) -> np.ndarray:
    """float64 (tasks,): what differences from predictions (n, tasks) are measured in; see `Parity`."""
    deviation, size = keras.std(0), np.abs(keras).max(0)
    return np.where(deviation > _rounding(keras), deviation, np.where(size > 0, size, 1.0))


def _rounding(keras: np.ndarray) -> np.ndarray:
    return ROUNDING * np.spacing(np.abs(keras).max(0).astype(np.float32)).astype(np.float64)


def _slope(keras: np.ndarray, exported: np.ndarray) -> float:
    centred = keras - keras.mean(0)
    slopes = (centred * (exported - exported.mean(0))).sum(0) / np.square(centred).sum(0)
    return float(slopes[np.abs(slopes - 1).argmax()])


def _require_finite(keras: np.ndarray, exported: np.ndarray, precision: str) -> None:
    for values, model, way in (
        (keras, "the Keras model's predictions", "train again with a lower learning rate"),
        (exported, "the exported model's predictions", "a value inside it is too large for float16" if precision == "float16" else ""),
    ):
        wrong = int((~np.isfinite(values)).any(axis=1).sum())
        if wrong:
            raise ModelError(
                f"Expected finite predictions, but {model} of {wrong:,} of {len(values):,} sequences are NaN or infinite in "
                f"{precision}{': ' * bool(way)}{way}."
            )


def require_parity(parity: Parity, least_r: float = LEAST_R, most_difference: float | None = None) -> None:
    """Refuses an export that does not predict what its model does.

    Args:
        parity: The report.
        least_r: What r has to be in int8.
        most_difference: Largest difference in standard deviations; by default that of `DIFFERENCES`.

    Raises:
        ModelError: The largest difference is above the bound in float32. In float16, so it is, and r, slope or mean are too far off, too.
            In int8: r is below `least_r`; or the others are too far off. Or the distance of profiles is above that of `DIFFERENCES`.
    """
    bound = DIFFERENCES[parity.precision]
    if parity.profile_distance is not None and not parity.profile_distance <= bound:
        raise ModelError(
            f"Expected the exported model's profiles within {bound:g} of Keras's, got a distance of {parity.profile_distance:.3g} over "
            f"{parity.sequences:,} sequences in {parity.precision}."
        )
    differs = parity.sd_difference != 0  # else r tells of the rounding of float32 alone
    if parity.precision == "int8" and differs and parity.r is not None and not parity.r >= least_r:
        raise ModelError(
            f"Expected an int8 model whose r with float32 is {least_r:g} at least, got {parity.r} (largest difference "
            f"{parity.largest_difference:.3g}) over {parity.sequences:,} sequences: export float16, or lower the bound by --least-r."
        )
    bound = bound if most_difference is None else most_difference
    is_close = parity.sd_difference <= bound  # false for NaN
    if not is_close and not (parity.precision != "float32" and _is_alike(parity, least_r if parity.precision == "int8" else LEAST_R)):
        origin = "Keras does" if parity.keras_backend else "its members do"
        figures = f"r {parity.r}, slope {parity.slope}, means {parity.shift:.3g} standard deviations apart"
        raise ModelError(
            f"Expected the exported model to predict what {origin} within {bound:g} standard deviations, got a difference of "
            f"{parity.sd_difference:.3g} ({parity.largest_difference:.3g} in the model's units; {figures}) over {parity.sequences:,} "
            f"sequences in {parity.precision}{': --most-difference accepts a larger one' * bool(parity.keras_backend)}."
        )


def _is_alike(parity: Parity, least_r: float) -> bool:
    """Whether predictions differ by noise alone, which a lower bound on r allows more of."""
    if parity.r is None or parity.slope is None or not parity.r >= least_r:
        return False
    return abs(parity.slope - 1) <= max(SLOPE, 1 - least_r) and parity.shift <= max(SHIFT, (1 - least_r**2) ** 0.5)
