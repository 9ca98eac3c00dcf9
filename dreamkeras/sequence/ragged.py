"""Texts of different lengths as one flat array, so that a batch of sequences is never a list of Python objects."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Ragged", "batch_bounds", "pieces"]


@dataclass(frozen=True)
class Ragged:
    """A batch of texts: `flat[offsets[i]:offsets[i + 1]]` is text i.

    Args:
        flat: uint8 (total,), ASCII codes of all texts, one after the other.
        offsets: int64 (n + 1,), ascending; the first is 0 and the last is `total`.
    """

    flat: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_strings(cls, texts: Iterable[str]) -> "Ragged":
        """Packs strings; letters outside Latin-1 become `?`, which no alphabet holds.

        Example:
            >>> Ragged.from_strings(["ACGT", "", "NN"]).offsets.tolist()
            [0, 4, 4, 6]
        """
        texts = list(texts)
        flat = np.frombuffer("".join(texts).encode("latin-1", "replace"), np.uint8)
        return cls.from_lengths(flat, np.fromiter(map(len, texts), np.int64, len(texts)))

    @classmethod
    def from_lengths(cls, flat: np.ndarray, lengths: np.ndarray) -> "Ragged":
        """Cuts `flat` into texts of the given lengths."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(flat, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        """Text `index` as a string; for messages, not for loops."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.flat[self.offsets[index] : self.offsets[index + 1]].tobytes().decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        """Yields the texts as strings."""
        return (self[index] for index in range(len(self)))

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """int64 (n,): letters in each text; not to be changed."""
        lengths = np.diff(self.offsets)
        lengths.flags.writeable = False
        return lengths

    @functools.cached_property
    def common_length(self) -> int | None:
        """Letters in each text, if they are as many in all of them; None if not, or without texts."""
        lengths = self.lengths
        return int(lengths[0]) if len(self) and (lengths == lengths[0]).all() else None

    def select(self, index: np.ndarray) -> "Ragged":
        """The texts at `index` (integers or a boolean mask), packed anew.

        Example:
            >>> Ragged.from_strings(["ACGT", "", "NN"]).select(np.array([2, 0]))[1]
            'ACGT'
        """
        return self.cut(self.offsets[:-1][index], self.lengths[index])

    def cut(self, starts: np.ndarray, lengths: np.ndarray) -> "Ragged":
        """Pieces of `flat`, packed anew: int64 (n,), where each begins, and int64 (n,), its letters."""
        packed = Ragged.from_lengths(np.empty(int(lengths.sum()), np.uint8), lengths)
        shift = np.repeat(starts - packed.offsets[:-1], lengths)
        np.take(self.flat, np.arange(len(packed.flat)) + shift, out=packed.flat)
        return packed

    def between(self, first: int, last: int) -> "Ragged":
        """The texts from `first` up to `last`, without a copy of their letters."""
        cuts = self.offsets[first : last + 1]
        return Ragged(self.flat[cuts[0] : cuts[-1]], cuts - cuts[0])

    def joined(self, other: "Ragged") -> "Ragged":
        """These texts, and those of another behind them."""
        return Ragged(np.concatenate([self.flat, other.flat]), np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]))

    def owners(self) -> np.ndarray:
        """int64 (total,): which text each letter of `flat` belongs to.

        Example:
            >>> Ragged.from_strings(["ACG", "", "N"]).owners().tolist()
            [0, 0, 0, 2]
        """
        return np.repeat(np.arange(len(self)), self.lengths)

    def owner(self, positions: np.ndarray) -> np.ndarray:
        """int64: which text each position of `flat` belongs to."""
        return np.searchsorted(self.offsets, positions, side="right") - 1


def batch_bounds(offsets: np.ndarray, texts: int, letters: int) -> Iterator[tuple[int, int]]:
    """Where batches of at most so many texts and letters begin and end, in order; a text that is too long is a batch by itself.

    Example:
        >>> list(batch_bounds(np.array([0, 3, 5, 15, 16]), 2, 6))
        [(0, 2), (2, 3), (3, 4)]
    """
    first = 0
    while first < len(offsets) - 1:
        fitting = int(np.searchsorted(offsets, offsets[first] + letters, side="right")) - 1
        last = max(first + 1, min(first + texts, fitting))
        yield first, last
        first = last


def pieces(flat: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """uint8 (n, length): pieces of one length of a flat text, uint8 (total,), from `starts`, int64 (n,).

    A view of `flat`, not to be changed, where the starts are equally far from each other.
    """
    steps = np.diff(starts)
    if flat.flags.c_contiguous and len(steps) and (steps == steps[0]).all():
        return np.ndarray((len(starts), length), np.uint8, flat, int(starts[0]), (int(steps[0]), 1))
    return flat[starts[:, None] + np.arange(length)]
