"""How far an exported model is from the Keras model it was made from, over sequences of every kind that fit it."""

from typing import NamedTuple

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.evaluation.correlation import pearson
from dreamkeras.sequence.alphabet import BASES, IUPAC
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["LEAST_R", "SEQUENCES", "Parity", "compare", "parity_letters", "parity_sequences", "require_parity"]

SEQUENCES = 1000
"""Sequences in a report."""

FLOAT32_DIFFERENCE = 1e-3
FLOAT16_DIFFERENCE = 0.05
FLOAT16_R = 0.999

LEAST_R = 0.999
"""What an int8 model has to reach, if nothing else is asked for."""


class Parity(NamedTuple):
    """Keras against ONNX Runtime; of an ensemble, its members against the one file.

    Args:
        sequences: Number of sequences.
        largest_difference: Largest absolute difference of two predictions, in the model's units.
        r: Pearson's r of the predictions, the lowest of all tasks; None where a task's predictions are all the same.
        keras_backend: The backend that Keras predicted on; None for an ensemble.
        precision: The exported model's.
        profile_distance: Half the summed absolute difference of the two profiles of a sequence, the largest of all sequences: the share
            of reads that would have to move. None without profiles.
    """

    sequences: int
    largest_difference: float
    r: float | None
    keras_backend: str | None
    precision: str
    profile_distance: float | None = None

    def __str__(self) -> str:
        """Three lines for people, or four with profiles."""
        compared = f"Keras ({self.keras_backend}) against ONNX Runtime" if self.keras_backend else "The members against the ensemble"
        r = "none: the predictions are constant" if self.r is None else f"{self.r:.7f}"
        return (
            f"{compared} ({self.precision}) over {self.sequences:,} sequences:\n"
            f"  largest difference  {self.largest_difference:.2g}\n"
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
        ModelError: Their shapes differ.
    """
    keras = np.asarray(keras, np.float64)
    if keras.shape != exported.shape:
        raise ModelError(f"Expected reference predictions of shape {exported.shape}, got {keras.shape}.")
    apart = np.abs(keras - exported)
    r = float(pearson(keras[:, :tasks], exported[:, :tasks]).min())
    profile = None if tasks in (None, apart.shape[1]) else float(apart[:, tasks:].sum(axis=1).max() / 2)
    return Parity(len(keras), float(apart[:, :tasks].max()), None if np.isnan(r) else r, keras_backend, precision, profile)


def require_parity(parity: Parity, least_r: float = LEAST_R) -> None:
    """Refuses an export that does not predict what its model does.

    Args:
        parity: The report.
        least_r: What r has to be in int8.

    Raises:
        ModelError: The largest difference is above 0.001 in float32; above 0.05 with r below 0.999 in float16; or so is the distance of
            profiles, in int8 as in float16. In int8: r is below `least_r`.
    """
    half = parity.precision == "float16"
    bound = FLOAT32_DIFFERENCE if parity.precision == "float32" else FLOAT16_DIFFERENCE
    if parity.profile_distance is not None and not parity.profile_distance <= bound:
        raise ModelError(
            f"Expected the exported model's profiles within {bound:g} of Keras's, got a distance of {parity.profile_distance:.3g} over "
            f"{parity.sequences:,} sequences in {parity.precision}."
        )
    if parity.precision == "int8":
        if parity.r is None or not parity.r >= least_r:
            raise ModelError(
                f"Expected an int8 model whose r with float32 is {least_r:g} at least, got {parity.r} (largest difference "
                f"{parity.largest_difference:.3g}) over {parity.sequences:,} sequences: export float16, or lower the bound."
            )
        return
    is_close = parity.largest_difference <= bound  # false for NaN
    if not is_close and not (half and parity.r is not None and parity.r >= FLOAT16_R):
        origin = "Keras does" if parity.keras_backend else "its members do"
        raise ModelError(
            f"Expected the exported model to predict what {origin} within {bound:g}, got a difference of "
            f"{parity.largest_difference:.3g} (r {parity.r}) over {parity.sequences:,} sequences in {parity.precision}."
        )
