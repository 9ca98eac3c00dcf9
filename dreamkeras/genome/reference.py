"""Genome: random access to the sequences in a FASTA file, plain or bgzip.

`benchmarks/genome.py` compares `Genome` with pyfaidx and pysam.
"""

import functools
import mmap
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import BgzipBytes
from dreamkeras.files.decompression import BYTE_ORDER_MARK, open_source
from dreamkeras.files.inputs import require_file
from dreamkeras.files.kinds import FASTA
from dreamkeras.formats.fasta_index import check_fai, index_fasta, read_fai
from dreamkeras.sequence.alphabet import IS_LETTER, N
from dreamkeras.sequence.ragged import Ragged

__all__ = ["Genome", "find_contig", "list_contigs", "match_contigs"]

MITOCHONDRIA = ("MT", "chrM", "M", "chrMT")
"""Names of the mitochondrial genome in different databases.

The names of other contigs differ between Ensembl and UCSC only by the prefix `chr`.
"""

LISTED = 5
"""Maximum number of contigs that a message lists."""


class Genome:
    r"""The contigs of a FASTA file, with random access to their sequences.

    The index is read from the `.fai` file next to the FASTA file. If the `.fai` file is missing or older than the FASTA file, the index is
    computed, which takes a few seconds for a human genome. The FASTA file must not be changed while this object is used.

    Args:
        path: Path of a FASTA file, plain or bgzip. All lines of a contig except the last must have the same length.

    Raises:
        InputError: The FASTA file cannot be read, is compressed with ordinary gzip, or has lines of different lengths, or the `.fai` file
            belongs to another FASTA file.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "genome.fa")
        >>> _ = file.write_text(">chr1\nACGT\nAC\n>chr2\nGG\n")
        >>> genome = Genome(str(file))
        >>> genome.lengths, genome.windows(["chr1"], np.array([2]), 6).tobytes()
        ({'chr1': 6, 'chr2': 2}, b'GTACNN')
    """

    def __init__(self, path: str) -> None:
        require_file(path, "windows are read at any position")
        self.path = path
        self._state = _state(path)
        with open_source(path, expected=FASTA) as source:
            fai = Path(f"{path}.fai")
            listed = read_fai(fai) if fai.exists() and fai.stat().st_mtime >= Path(path).stat().st_mtime else {}
            found = listed or index_fasta(source.stream, path)
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes: mmap.mmap | BgzipBytes = BgzipBytes(mapped, path) if mapped[:2] == b"\x1f\x8b" else mapped
        if listed:
            check_fai(listed, self._bytes, path)
        mark = len(BYTE_ORDER_MARK)
        # A computed index does not count the byte order mark, which `open_source` skips.
        shift = mark if not listed and self._bytes[0:mark] == BYTE_ORDER_MARK else 0
        self._contigs = {name: contig._replace(offset=contig.offset + shift) for name, contig in found.items()}

    @functools.cached_property
    def lengths(self) -> dict[str, int]:
        """Length of each contig in bases. The contigs are in the order of the file."""
        return {name: contig.length for name, contig in self._contigs.items()}

    def windows(self, contigs: Sequence[str], starts: np.ndarray, length: int) -> np.ndarray:
        """Returns the sequences of n windows of equal length, uint8 (n, length).

        Letters keep their case. Positions beyond the ends of a contig are read as `N`.

        Args:
            contigs: Contig of each window, with or without `chr`.
            starts: Position of the first base of each window, counted from 0, int (n,). Starts may be negative.
            length: Length of the windows.

        Raises:
            InputError: A contig does not exist, a window contains a character that is not a DNA letter, or the file has changed.
        """
        return self.stretches(contigs, starts, starts + length).flat.reshape(len(contigs), length)

    def stretches(self, contigs: Sequence[str], starts: np.ndarray, ends: np.ndarray) -> Ragged:
        """Returns the sequences of n windows, which may differ in length.

        Each window begins at its position in `starts` and ends before its position in `ends`, both int (n,). See `windows` for `contigs`.
        """
        if _state(self.path) != self._state:
            raise InputError(f"{self.path} changed while it was being read. Start again.")
        names = match_contigs(contigs, self._contigs, self.path)
        found = [names[name] for name in contigs]
        lengths = np.asarray(ends - starts, np.int64)
        texts = Ragged.from_lengths(np.full(int(lengths.sum()), N, np.uint8), lengths)
        order = sorted(range(len(found)), key=lambda row: (self._contigs[found[row]].offset, starts[row]))
        for row in order:  # reads windows in the order of the file, so that each compressed block is decompressed once
            start = int(starts[row])
            first, last = max(start, 0), min(int(ends[row]), self._contigs[found[row]].length)
            if first < last:
                place = int(texts.offsets[row]) - start
                texts.flat[place + first : place + last] = self._read(found[row], first, last)
        return texts

    def _read(self, name: str, first: int, last: int) -> np.ndarray:
        contig = self._contigs[name]
        if not (contig.has_line_at(first, self._bytes) and contig.has_line_at(last - 1, self._bytes)):
            raise InputError(
                f"Expected the lines of {name}:{first}-{last} to have {contig.bases} bases, got another length in '{self.path}'."
            )
        letters = np.frombuffer(self._bytes[contig.byte_of(first) : contig.byte_of(last - 1) + 1].translate(None, b"\r\n"), np.uint8)
        if len(letters) != last - first or not (legal := IS_LETTER[letters]).all():
            came = f"{len(letters)} letters" if len(letters) != last - first else repr(chr(letters[legal.argmin()]))
            raise InputError(f"Expected {last - first} DNA letters, got {came} in {name}:{first}-{last} ({self.path}).")
        return letters


def match_contigs(wanted: Iterable[str], known: Collection[str], path: str, places: Mapping[str, str] | None = None) -> dict[str, str]:
    """Finds the name that a file uses for each of the given contigs. Names may differ by the prefix `chr`.

    Args:
        wanted: Names of contigs to find.
        known: Names of the contigs in the file.
        path: Path of the file, for error messages.
        places: File and line in which each name in `wanted` was found, for error messages.

    Returns:
        Dictionary that maps each name in `wanted` to the name of the same contig in the file.

    Raises:
        InputError: A contig is missing from the file.

    Example:
        >>> match_contigs(["1", "chr2", "MT"], ["chr1", "chr2", "chrM"], "genome.fa")
        {'1': 'chr1', 'chr2': 'chr2', 'MT': 'chrM'}
    """
    matched = {}
    for name in dict.fromkeys(wanted):
        found = find_contig(name, known)
        if found is None:
            place = f" in {places[name]}" if places else ""
            raise InputError(f"Expected a contig of {path} ({list_contigs(known)}), got {name!r}{place}.")
        matched[name] = found
    return matched


def find_contig(name: str, known: Collection[str]) -> str | None:
    """Finds a contig in `known` by its name, with or without the prefix `chr`. Returns None if `known` does not contain the contig."""
    other = name.removeprefix("chr") if name.startswith("chr") else f"chr{name}"
    names = [name, other, *(MITOCHONDRIA if name in MITOCHONDRIA else ())]
    return next((one for one in names if one in known), None)


def list_contigs(names: Iterable[str], counts: Mapping[str, int] | None = None) -> str:
    """Returns the first names of contigs for a message, each with its count if `counts` is given.

    Example:
        >>> list_contigs(["chrM", "chrUn"], {"chrM": 2, "chrUn": 1}), list_contigs("123456")
        ('chrM (2), chrUn (1)', '1, 2, 3, 4, 5, ...')
    """
    shown = [f"{name} ({counts[name]:,})" if counts else name for name in names]
    return ", ".join(shown[:LISTED]) + ", ..." * (len(shown) > LISTED)


def _state(path: str) -> tuple[int, ...] | None:
    """Returns inode, size and modification time of a file, or None if the file no longer exists."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
