"""Parity: compares an exported model with its Keras model, on random sequences of all lengths and letters that fit the construct."""

from typing import NamedTuple

import numpy as np

from dreamkeras.errors import ModelError, counted
from dreamkeras.sequence.alphabet import BASES, IUPAC
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.statistics.correlation import pearson

__all__ = ["LEAST_R", "SEQUENCES", "Parity", "compare", "parity_letters", "parity_sequences", "require_parity", "units"]

SEQUENCES = 1000
"""Number of sequences in a parity report."""

DIFFERENCES = {"float32": 0.001, "float16": 0.05, "int8": 0.05}
"""Maximum difference from the Keras model for each precision, in standard deviations of a task's predictions.

The same values limit the distance between the profiles of the two models.
"""

LEAST_R = 0.999
"""Minimum correlation between the predictions of an exported model and its Keras model. The limit applies to every int8 model, and to a
float16 model that exceeds the maximum difference."""

SLOPE, SHIFT = 0.05, 0.1
"""`SLOPE` is the maximum deviation of the regression slope from 1. `SHIFT` is the maximum difference between the mean predictions, in
standard deviations. Both limits apply to a float16 or int8 model that exceeds the maximum difference."""

ROUNDING = 4
"""Differences between predictions are ignored up to this number of rounding units (ULP) of the largest prediction in float32."""


class Parity(NamedTuple):
    """Comparison of an exported model with its Keras model, or of an exported ensemble with its members.

    With several tasks, each field contains the value of the task with the worst agreement. Standard deviations are those of the Keras
    model's predictions. If all predictions of a task are equal, the standard deviation is replaced with the absolute value of the
    predictions, or with 1 if the predictions are 0.

    Args:
        sequences: Number of sequences.
        largest_difference: Maximum absolute difference between two predictions, in the model's units.
        r: Pearson's r between the predictions of the two models. None if r is undefined because all predictions of a task are equal.
        keras_backend: Backend of the Keras model. None for an ensemble.
        precision: Precision of the exported model.
        profile_distance: Maximum total variation distance between the two profiles of a sequence. The distance is the smallest fraction of
            the reads that must move to other positions to turn one profile into the other. None without profiles.
        sd_difference: Maximum difference between two predictions in standard deviations, after subtracting the float32 rounding error.
        slope: Slope of the regression of the exported model's predictions on those of the Keras model, for the task with the slope furthest
            from 1. None if `r` is None.
        shift: Maximum difference between the mean predictions of the two models, in standard deviations.
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
        """Formats the comparison as text with four lines, or with five lines for models with profiles."""
        compared = f"Keras ({self.keras_backend}) against ONNX Runtime" if self.keras_backend else "The members against the ensemble"
        r = "none: the predictions are constant" if self.r is None else f"{self.r:.7f}"
        return (
            f"{compared} ({self.precision}) over {counted(self.sequences, 'sequence')}:\n"
            f"  largest difference  {self.largest_difference:.2g}\n"
            f"  in standard dev.    {self.sd_difference:.2g}\n"
            f"  Pearson r           {r}" + ("" if self.profile_distance is None else f"\n  profile distance    {self.profile_distance:.2g}")
        )


def parity_sequences(construct: Construct, number: int = SEQUENCES, seed: int = 0) -> list[str]:
    """Generates random sequences of all lengths that fit the construct.

    A quarter of the sequences contains only the bases A, C, G and T. In two quarters, about a tenth of the bases is replaced with N, and
    one of these quarters is in lower case. In the last quarter, about a tenth of the bases is replaced with IUPAC codes. Every third
    sequence is an insert without adapters. The remaining sequences have the construct's adapters.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(construct.shortest, construct.longest + 1, number)
    inserts = [_insert(random, length, kind % 4) for kind, length in enumerate(lengths)]
    whole = [construct.left_adapter + insert + construct.right_adapter for insert in inserts]
    whole = [text.lower() if kind % 4 == 2 else text for kind, text in enumerate(whole)]
    # An insert that by chance begins or ends with an adapter is ambiguous without its adapters, so it keeps both adapters.
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
    """Returns the windows of `parity_sequences`, uint8 (number, length).

    With default arguments, the windows are those of a parity report.
    """
    return construct.windows(Ragged.from_strings(parity_sequences(construct, number, seed)))


def compare(keras: np.ndarray, exported: np.ndarray, keras_backend: str | None, precision: str, tasks: int | None = None) -> Parity:
    """Compares the predictions of two models, float (n, tasks).

    For models with profiles, the arrays are float (n, tasks + positions), with the profiles after the tasks.

    Raises:
        ModelError: The shapes differ, or a prediction is not finite.
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
    """Returns the standard deviation of the predictions (n, tasks) for each task, float64 (tasks,), as defined in `Parity`."""
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
        (keras, "The Keras model's predictions", "train again with a lower learning rate"),
        (exported, "The exported model's predictions", "a value in the network is too large for float16" if precision == "float16" else ""),
    ):
        wrong = int((~np.isfinite(values)).any(axis=1).sum())
        if wrong:
            advice = f": {way}" if way else ""
            raise ModelError(f"{model} for {wrong:,} of {len(values):,} sequences are not finite in {precision}{advice}.")


def require_parity(parity: Parity, least_r: float = LEAST_R, most_difference: float | None = None) -> None:
    """Checks that the predictions of an exported model agree with those of its Keras model.

    The predictions of a float32 model must not differ from those of the Keras model by more than the maximum difference. A float16 or int8
    model may exceed the maximum difference if Pearson's r and the regression slope are close to 1 and the mean predictions of the two
    models are close. For an int8 model, r must be at least `least_r`. In every precision, the distance between profiles must not
    exceed its maximum.

    Args:
        parity: The comparison.
        least_r: Minimum correlation between the predictions of an int8 model and its Keras model.
        most_difference: Maximum difference between predictions in standard deviations. Defaults to the value for the model's precision in
            `DIFFERENCES`.

    Raises:
        ModelError: The predictions or the profiles of the two models differ too much.
    """
    bound = DIFFERENCES[parity.precision]
    if parity.profile_distance is not None and not parity.profile_distance <= bound:
        raise ModelError(
            f"The exported model's profiles differ from those of the Keras model by a distance of {parity.profile_distance:.3g}, which "
            f"exceeds {bound:g}, over {counted(parity.sequences, 'sequence')} in {parity.precision}."
        )
    differs = parity.sd_difference != 0  # if no predictions differ, r deviates from 1 only by rounding errors
    if parity.precision == "int8" and differs and parity.r is not None and not parity.r >= least_r:
        raise ModelError(
            f"The int8 model's correlation with the Keras model is {parity.r}, below {least_r:g} (largest difference "
            f"{parity.largest_difference:.3g}), over {counted(parity.sequences, 'sequence')}: "
            "export in float16, or lower the bound with --least-r."
        )
    bound = bound if most_difference is None else most_difference
    is_close = parity.sd_difference <= bound  # false for NaN
    if not is_close and not (parity.precision != "float32" and _is_alike(parity, least_r if parity.precision == "int8" else LEAST_R)):
        origin = "the Keras model" if parity.keras_backend else "its members"
        figures = f"r = {parity.r}, a regression slope of {parity.slope}, and means that are {parity.shift:.3g} standard deviations apart"
        raise ModelError(
            f"The exported model's predictions differ from those of {origin} by {parity.sd_difference:.3g} standard deviations, more than "
            f"{bound:g} ({parity.largest_difference:.3g} in the model's units), over {counted(parity.sequences, 'sequence')} in "
            f"{parity.precision}{': accept a larger difference with --most-difference' * bool(parity.keras_backend)}. "
            f"The predictions have {figures}."
        )


def _is_alike(parity: Parity, least_r: float) -> bool:
    """Returns whether Pearson's r, the regression slope and the difference between the means are within their limits.

    The limits on the slope and on the difference between the means are wider if `least_r` is lower.
    """
    if parity.r is None or parity.slope is None or not parity.r >= least_r:
        return False
    return abs(parity.slope - 1) <= max(SLOPE, 1 - least_r) and parity.shift <= max(SHIFT, (1 - least_r**2) ** 0.5)
