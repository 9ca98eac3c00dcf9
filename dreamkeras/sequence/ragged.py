"""Ragged: sequences of different lengths in a flat array, which needs less time and memory than a list of Python strings."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Ragged", "batch_bounds", "pieces"]


@dataclass(frozen=True)
class Ragged:
    """A batch of n texts. Text i is `flat[offsets[i]:offsets[i + 1]]`.

    Args:
        flat: Concatenated ASCII codes of all texts, uint8 (total,).
        offsets: Ascending offsets, int64 (n + 1,). The first offset is 0 and the last is `total`.
    """

    flat: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_strings(cls, texts: Iterable[str]) -> "Ragged":
        """Converts strings to a batch. Characters outside Latin-1 become `?`, which is never a valid letter.

        Example:
            >>> Ragged.from_strings(["ACGT", "", "NN"]).offsets.tolist()
            [0, 4, 4, 6]
        """
        texts = list(texts)
        flat = np.frombuffer("".join(texts).encode("latin-1", "replace"), np.uint8)
        return cls.from_lengths(flat, np.fromiter(map(len, texts), np.int64, len(texts)))

    @classmethod
    def from_lengths(cls, flat: np.ndarray, lengths: np.ndarray) -> "Ragged":
        """Divides `flat` into texts of the given lengths."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(flat, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        """Returns a text as a string. Conversion to strings is slow, so it should be used for messages only."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.flat[self.offsets[index] : self.offsets[index + 1]].tobytes().decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        """Yields the texts as strings."""
        return (self[index] for index in range(len(self)))

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Length of each text, int64 (n,), read-only."""
        lengths = np.diff(self.offsets)
        lengths.flags.writeable = False
        return lengths

    @functools.cached_property
    def common_length(self) -> int | None:
        """Length of all texts if they have the same length. None if lengths differ or there are no texts."""
        lengths = self.lengths
        return int(lengths[0]) if len(self) and (lengths == lengths[0]).all() else None

    def select(self, index: np.ndarray) -> "Ragged":
        """Copies the texts at `index` (integers or a boolean mask) to a new batch.

        Example:
            >>> Ragged.from_strings(["ACGT", "", "NN"]).select(np.array([2, 0]))[1]
            'ACGT'
        """
        return self.cut(self.offsets[:-1][index], self.lengths[index])

    def cut(self, starts: np.ndarray, lengths: np.ndarray) -> "Ragged":
        """Copies pieces of `flat` to a new batch.

        Args:
            starts: Position of each piece in `flat`, int64 (n,).
            lengths: Length of each piece, int64 (n,).
        """
        packed = Ragged.from_lengths(np.empty(int(lengths.sum()), np.uint8), lengths)
        shift = np.repeat(starts - packed.offsets[:-1], lengths)
        np.take(self.flat, np.arange(len(packed.flat)) + shift, out=packed.flat)
        return packed

    def between(self, first: int, last: int) -> "Ragged":
        """Returns the texts from `first` to `last - 1` without copying their letters."""
        cuts = self.offsets[first : last + 1]
        return Ragged(self.flat[cuts[0] : cuts[-1]], cuts - cuts[0])

    def joined(self, other: "Ragged") -> "Ragged":
        """Returns the texts of this batch followed by those of another batch."""
        return Ragged(np.concatenate([self.flat, other.flat]), np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]))

    def owners(self) -> np.ndarray:
        """Returns the index of the text to which each letter of `flat` belongs, int64 (total,).

        Example:
            >>> Ragged.from_strings(["ACG", "", "N"]).owners().tolist()
            [0, 0, 0, 2]
        """
        return np.repeat(np.arange(len(self)), self.lengths)

    def owner(self, positions: np.ndarray) -> np.ndarray:
        """Returns the index of the text to which each of the given positions in `flat` belongs, int64."""
        return np.searchsorted(self.offsets, positions, side="right") - 1


def batch_bounds(offsets: np.ndarray, texts: int, letters: int) -> Iterator[tuple[int, int]]:
    """Yields the start and the stop index of each batch of texts. The stop index is exclusive.

    A text with more than `letters` letters forms a separate batch.

    Args:
        offsets: Offsets of the texts, as in `Ragged`.
        texts: Maximum number of texts in a batch.
        letters: Maximum number of letters in a batch.

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
    """Extracts pieces of equal length from a flat array. The result is uint8 (n, length).

    If the starts are evenly spaced, the result is a view of `flat` and must not be changed.

    Args:
        flat: Letters, uint8 (total,).
        starts: Position of each piece in `flat`, int64 (n,).
        length: Length of the pieces.
    """
    steps = np.diff(starts)
    if flat.flags.c_contiguous and len(steps) and (steps == steps[0]).all():
        return np.ndarray((len(starts), length), np.uint8, flat, int(starts[0]), (int(steps[0]), 1))
    return flat[starts[:, None] + np.arange(length)]
