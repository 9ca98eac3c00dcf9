"""Finds seqlets, which are runs of important letters in a sequence.

A letter is strong if its absolute importance is at least `times` times the median absolute importance in its sequence. Strong letters
whose importance has the same sign belong to one seqlet if at most `gap` other letters separate neighbouring strong letters. A seqlet has
at least `fewest` strong letters.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.explain.explanation import Explanation, first_positions
from dreamkeras.formats.writers import Writer
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.ragged import Ragged

__all__ = ["LABELS", "RULE", "Rule", "SeqletTable", "Seqlets", "find_seqlets", "seqlet_matrices"]

LABELS = {"start": int, "end": int, "letters": str, "task": str}
"""Columns of a table of seqlets between the name of the sequence and the score. Positions are 0-based and half-open, as in BED."""

ODDS = 20.0
"""Factor by which a letter is more probable than the three other bases (geometric mean), at the most important position of a seqlet."""


class Rule(NamedTuple):
    """Definition of a seqlet.

    Args:
        times: Minimum absolute importance of a strong letter, as a multiple of the median absolute importance in the sequence.
        gap: Maximum number of other letters between neighbouring strong letters of a seqlet.
        fewest: Minimum number of strong letters in a seqlet.
    """

    times: float = 3.0
    gap: int = 2
    fewest: int = 4


RULE = Rule()
"""Default definition of a seqlet."""


class Seqlets(NamedTuple):
    """Runs of important letters, with 0-based and half-open positions.

    Args:
        sequences: Index of the sequence that contains each seqlet, int64 (m,).
        starts: Position of each seqlet's first letter within the insert, int64 (m,).
        ends: Position after each seqlet's last letter, int64 (m,).
        scores: Sum of the importance over the letters of each seqlet, float32 (m,). A negative score means that the seqlet decreases the
            prediction.
    """

    sequences: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray


def find_seqlets(inserts: Ragged, importance: np.ndarray, rule: Rule = RULE) -> Seqlets:
    """Finds the seqlets in each sequence, ordered by sequence and position.

    Args:
        inserts: n sequences.
        importance: Importance of each letter, float32 (letters of all sequences,).
        rule: Definition of a seqlet.

    Raises:
        InputError: The number of values differs from the number of letters, or the rule is out of range.

    Example:
        >>> importance = np.array([0.1, 1, 2, 0, 1, 1, 0.1, 0.1, 0.1, 0.1])
        >>> found = find_seqlets(Ragged.from_strings(["GATTACAGGG"]), importance)
        >>> found.starts, found.ends, found.scores
        (array([1]), array([6]), array([5.]))
    """
    if importance.shape != inserts.flat.shape:
        raise InputError(f"Expected the importance of {len(inserts.flat)} letters, got an array of shape {importance.shape}.")
    if rule.times <= 0 or rule.gap < 0 or rule.fewest < 1:
        raise InputError(f"Expected times > 0, gap >= 0 and fewest >= 1 in the definition of a seqlet, got {rule}.")
    size = np.abs(importance)
    owner = inserts.owners()
    strong = np.flatnonzero((size >= rule.times * _medians(inserts, size)[owner]) & (size > 0))
    apart = (np.diff(strong) > rule.gap + 1) | (np.diff(owner[strong]) > 0) | (np.diff(np.sign(importance[strong])) != 0)
    edges = np.flatnonzero(np.concatenate([[True], apart, [True]])) if len(strong) else np.zeros(1, np.int64)
    runs = np.flatnonzero(np.diff(edges) >= rule.fewest)
    first, last = strong[edges[runs]], strong[edges[runs + 1] - 1] + 1
    totals = np.concatenate([[0.0], np.cumsum(importance, dtype=np.float64)])
    begins = inserts.offsets[owner[first]]
    return Seqlets(owner[first], first - begins, last - begins, (totals[last] - totals[first]).astype(importance.dtype))


def seqlet_matrices(inserts: Ragged, hypothetical: np.ndarray, seqlets: Seqlets) -> list[np.ndarray]:
    """Converts each seqlet to a motif with the probability of each base at each position.

    The probability of a base decreases exponentially with the contribution that is lost if the base replaces the letter of the sequence.
    If the seqlet decreases the prediction, contributions are used with the opposite sign. At the most important position of a seqlet, the
    letter of the sequence is `ODDS` times as probable as the three other bases (geometric mean).

    Args:
        inserts: n sequences.
        hypothetical: Contribution that each base would have at each position, float32 (letters of all sequences, 4).
        seqlets: Seqlets of the sequences.

    Returns:
        One array per seqlet, float64 (letters, 4), with bases in the order of `BASES`. Rows sum to 1.
    """
    rows = ONE_HOT[inserts.flat].astype(np.float64)
    change = hypothetical - (rows * hypothetical).sum(1, keepdims=True)  # contribution of each base minus the contribution of the letter
    first = inserts.offsets[seqlets.sequences] + seqlets.starts
    matrices = []
    for begin, length, score in zip(first, seqlets.ends - seqlets.starts, seqlets.scores, strict=True):
        signed = change[begin : begin + length] * np.sign(score)
        most = float(np.abs(signed.sum(1)).max()) / 3 or 1.0
        likely = np.exp(signed * np.log(ODDS) / most)
        matrices.append(likely / likely.sum(1, keepdims=True))
    return matrices


class SeqletTable:
    """Writes a table of seqlets with name, start, end, letters, task and score. The first three columns are the same as in BED files.

    Args:
        writer: Writer of a table with `LABELS` and the column `score`.
        tasks: Names of the tasks.
        rule: Definition of a seqlet.
    """

    def __init__(self, writer: Writer, tasks: Sequence[str], rule: Rule = RULE) -> None:
        self._writer, self._tasks, self._rule = writer, tasks, rule

    def write(self, found: Explanation) -> None:
        """Writes the seqlets of a batch of sequences."""
        for task, importance in zip(self._tasks, found.importance().T, strict=True):
            seqlets = find_seqlets(found.inserts, importance, self._rule)
            first = first_positions(found)[seqlets.sequences]
            labels = (
                (first + seqlets.starts).tolist(),
                (first + seqlets.ends).tolist(),
                seqlet_letters(found.inserts, seqlets),
                [task] * len(seqlets.starts),
            )
            self._writer.write([found.ids[row] for row in seqlets.sequences], seqlets.scores[:, None], labels)


def seqlet_letters(inserts: Ragged, seqlets: Seqlets) -> list[str]:
    """Returns the letters of each seqlet."""
    pieces = inserts.cut(inserts.offsets[seqlets.sequences] + seqlets.starts, seqlets.ends - seqlets.starts)
    return [pieces[row] for row in range(len(pieces))]


def _medians(inserts: Ragged, size: np.ndarray) -> np.ndarray:
    """Returns the median of the values of each sequence, float (n,).

    For an even number of values, the lower of the two middle values is returned.
    """
    order = np.lexsort((size, inserts.owners()))
    middle = inserts.offsets[:-1] + np.maximum(inserts.lengths - 1, 0) // 2
    return size[order][np.minimum(middle, len(size) - 1)] if len(size) else np.zeros(len(inserts))
