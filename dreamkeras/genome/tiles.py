"""Extracts tiles, which are windows of equal width at regular steps along the records of a FASTA file.

The file is read piece by piece, so that a large genome does not have to fit in memory.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import open_source
from dreamkeras.files.kinds import FASTA
from dreamkeras.formats.fasta import BLOCK, Piece, read_fasta_pieces
from dreamkeras.sequence.alphabet import is_unknown, reverse_complement
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS, Records

__all__ = ["Tile", "tile_fasta", "unknown_rows", "window_name"]


class Tile(NamedTuple):
    """Width and step of tiles, in bases.

    Args:
        width: Width of each window.
        step: Distance between the starts of consecutive windows.
    """

    width: int
    step: int

    @classmethod
    def parse(cls, text: str) -> "Tile":
        """Parses `WIDTH:STEP`.

        Raises:
            InputError: The text is not of the form `WIDTH:STEP`, or a number is 0.

        Example:
            >>> Tile.parse("200:50")
            Tile(width=200, step=50)
        """
        if not re.fullmatch("[0-9]{1,18}:[0-9]{1,18}", text) or not all(tile := cls(*map(int, text.split(":")))):
            raise InputError(f"Expected WIDTH:STEP, two whole numbers of 1 or more such as 200:50, got {text!r}.")
        return tile

    def starts(self, first: int, last: int) -> np.ndarray:
        """Returns the starts of the windows that fit between positions `first` and `last`, int64. The first window begins at `first`."""
        return np.arange(first, last - self.width + 1, self.step, dtype=np.int64)

    @property
    def middle(self) -> int | None:
        """Number of central bases of a window to which the value of the window applies.

        The central bases of different windows do not overlap. None if the windows do not overlap, so that the value applies to the complete
        window.
        """
        return self.step if self.step < self.width else None


def window_name(contig: str, start: int, end: int, *, reverse: bool = False) -> str:
    """Returns the name of a genomic window: contig and positions from 0, as in BED, followed by `(-)` for the reverse strand.

    Example:
        >>> window_name("chr1", 5, 147), window_name("chr1", 5, 147, reverse=True)
        ('chr1:5-147', 'chr1:5-147(-)')
    """
    return f"{contig}:{start}-{end}{'(-)' if reverse else ''}"


def unknown_rows(letters: np.ndarray) -> np.ndarray:
    """Returns whether each window consists of N only, as in the gaps of a genome, bool (n,). The windows are uint8 (n, width)."""
    return np.logical_and.reduce(is_unknown(letters), axis=1)


def tile_fasta(path: str, tile: Tile, *, reverse: bool = False, block: int = BLOCK) -> Iterator[Records]:
    r"""Yields the windows of a FASTA file, in the order of the file.

    Windows that consist of N only are skipped, and so are the bases after the last complete window of a contig. Memory use does not
    grow with the length of contigs. The name of a record is from `window_name`, and its line is that of the contig's header.

    Args:
        path: Path of the FASTA file.
        tile: Width and step of the windows.
        reverse: Whether to return reverse complements.
        block: Number of bytes to parse at a time.

    Raises:
        InputError: The file cannot be read or is not FASTA, or all windows are skipped.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "genome.fa")
        >>> _ = file.write_text(">chr1\nACGTAC\nGTNN\n")
        >>> [records.ids for records in tile_fasta(str(file), Tile(4, 3))]
        [['chr1:0-4', 'chr1:3-7', 'chr1:6-10']]
    """
    found, held, begin = False, np.empty(0, np.uint8), 0
    at_once = max(1, min(BATCH_ROWS, BATCH_LETTERS // tile.width))
    with open_source(path, expected=FASTA) as source:
        for piece in read_fasta_pieces(source.stream, path, block=block):
            if piece.begins:
                held, begin = np.empty(0, np.uint8), 0
            held = np.concatenate([held, piece.letters])
            first = -begin % tile.step
            starts = tile.starts(first, len(held))
            for row in range(0, len(starts), at_once):
                some = starts[row : row + at_once]
                letters = np.lib.stride_tricks.sliding_window_view(held, tile.width)[some]
                known = np.flatnonzero(~unknown_rows(letters))
                if len(known):
                    found = True
                    yield _records(piece, letters[known], begin + some[known], path, reverse=reverse)
            used = min(len(held), first + tile.step * len(starts))
            held, begin = held[used:], begin + used
    if not found:
        raise InputError(f"{path} has no window of {tile.width} bases that contains a letter other than N.")


def _records(piece: Piece, letters: np.ndarray, starts: np.ndarray, path: str, *, reverse: bool) -> Records:
    rows, width = letters.shape
    ids = [window_name(piece.name, start, start + width, reverse=reverse) for start in starts.tolist()]
    flat = (reverse_complement(letters) if reverse else letters).reshape(-1)
    return Records(ids, Ragged.from_lengths(flat, np.full(rows, width)), np.full(rows, piece.line), path)
