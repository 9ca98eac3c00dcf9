"""Seqlets: runs of important letters, each with the sequence and the place it is from.

The rule: a letter is strong where its importance is, in size, at least `times` the median of its sequence's. Strong letters of one
sign with at most `gap` others between them are one seqlet, from the first to the last, if there are at least `fewest` of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.explain.explanation import Explanation
from dreamkeras.formats.writers import Writer
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.ragged import Ragged

__all__ = ["LABELS", "RULE", "Rule", "SeqletTable", "Seqlets", "find_seqlets", "seqlet_matrices"]

LABELS = {"start": int, "end": int, "letters": str, "task": str}
"""Columns of a table of seqlets between the name and the score: `start` counts from 0, `end` is the first behind, as in BED."""

ODDS = 20.0
"""How much likelier than the others the sequence's letter is in a motif, where importance is greatest."""


class Rule(NamedTuple):
    """The definition of a seqlet.

    Args:
        times: Medians of a sequence's importance that a strong letter has.
        gap: Most other letters between strong ones.
        fewest: Strong letters of a seqlet.
    """

    times: float = 3.0
    gap: int = 2
    fewest: int = 4


RULE = Rule()
"""The rule, unless another is given."""


class Seqlets(NamedTuple):
    """Runs of important letters.

    Args:
        sequences: int64 (m,), the index of the sequence each is in.
        starts: int64 (m,), the first letter in the insert, from 0.
        ends: int64 (m,), the first letter behind.
        scores: float32 (m,), the sum of its letters' importance; below 0 where they lower the prediction.
    """

    sequences: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray


def find_seqlets(inserts: Ragged, importance: np.ndarray, rule: Rule = RULE) -> Seqlets:
    """The seqlets of some sequences, in order.

    Args:
        inserts: n sequences.
        importance: float32 (letters of all sequences,).
        rule: The definition of a seqlet.

    Raises:
        InputError: There are not as many numbers as letters, or the rule is none.

    Example:
        >>> importance = np.array([0.1, 1, 2, 0, 1, 1, 0.1, 0.1, 0.1, 0.1])
        >>> found = find_seqlets(Ragged.from_strings(["GATTACAGGG"]), importance)
        >>> found.starts, found.ends, found.scores
        (array([1]), array([6]), array([5.]))
    """
    if importance.shape != inserts.flat.shape:
        raise InputError(f"Expected importance of {len(inserts.flat)} letters, got an array of shape {importance.shape}.")
    if rule.times <= 0 or rule.gap < 0 or rule.fewest < 1:
        raise InputError(f"Expected seqlets of at least 1 letter over more than 0 medians, with gaps of 0 or more, got {rule}.")
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
    """Each seqlet as a motif: how likely each base is at each of its places.

    A base is the less likely the more it would lose (in a seqlet that lowers the prediction: gain) against the letter that stands
    there, exponentially; `ODDS` sets the scale, at the seqlet's most important letter.

    Args:
        inserts: n sequences.
        hypothetical: float32 (letters of all sequences, 4), what each base would contribute.
        seqlets: Theirs.

    Returns:
        float64 (letters, 4) each, rows that sum to 1, bases in the order of `BASES`.
    """
    rows = ONE_HOT[inserts.flat].astype(np.float64)
    change = hypothetical - (rows * hypothetical).sum(1, keepdims=True)  # against the sequence's letter
    first = inserts.offsets[seqlets.sequences] + seqlets.starts
    matrices = []
    for begin, length, score in zip(first, seqlets.ends - seqlets.starts, seqlets.scores, strict=True):
        signed = change[begin : begin + length] * np.sign(score)
        most = float(np.abs(signed.sum(1)).max()) / 3 or 1.0
        likely = np.exp(signed * np.log(ODDS) / most)
        matrices.append(likely / likely.sum(1, keepdims=True))
    return matrices


class SeqletTable:
    """A table of seqlets: name, start, end, letters, task, score; its first columns are those of BED.

    Args:
        writer: Of a table with `LABELS` and the column `score`.
        tasks: Names of the tasks.
        rule: The definition of a seqlet.
    """

    def __init__(self, writer: Writer, tasks: Sequence[str], rule: Rule = RULE) -> None:
        self._writer, self._tasks, self._rule = writer, tasks, rule

    def write(self, found: Explanation) -> None:
        """Adds the seqlets of some sequences."""
        for task, importance in zip(self._tasks, found.importance().T, strict=True):
            seqlets = find_seqlets(found.inserts, importance, self._rule)
            labels = seqlets.starts.tolist(), seqlets.ends.tolist(), seqlet_letters(found.inserts, seqlets), [task] * len(seqlets.starts)
            self._writer.write([found.ids[row] for row in seqlets.sequences], seqlets.scores[:, None], labels)


def seqlet_letters(inserts: Ragged, seqlets: Seqlets) -> list[str]:
    """The letters of each."""
    pieces = inserts.cut(inserts.offsets[seqlets.sequences] + seqlets.starts, seqlets.ends - seqlets.starts)
    return [pieces[row] for row in range(len(pieces))]


def _medians(inserts: Ragged, size: np.ndarray) -> np.ndarray:
    """float (n,): the median of each sequence's numbers, of an even number the lower one."""
    order = np.lexsort((size, inserts.owners()))
    middle = inserts.offsets[:-1] + np.maximum(inserts.lengths - 1, 0) // 2
    return size[order][np.minimum(middle, len(size) - 1)] if len(size) else np.zeros(len(inserts))
