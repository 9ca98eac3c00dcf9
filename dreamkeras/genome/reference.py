"""Genome: any window of a FASTA file's letters at once, plain or packed by bgzip, without reading the rest.

Measured beside pyfaidx and pysam in `benchmarks/genome.py`.
"""

import mmap
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import BgzipBytes
from dreamkeras.files.decompression import BYTE_ORDER_MARK, open_source
from dreamkeras.files.inputs import require_file
from dreamkeras.formats.fasta_index import check_fai, index_fasta, read_fai
from dreamkeras.sequence.alphabet import IS_LETTER, N
from dreamkeras.sequence.ragged import Ragged

__all__ = ["Genome", "find_contig", "match_contigs"]

MITOCHONDRIA = ("MT", "chrM", "M", "chrMT")
"""The only contig that Ensembl and UCSC call by different words, and not only with and without `chr`."""


class Genome:
    r"""The contigs of a FASTA file.

    Where each of them stands is read from a `.fai` beside the file, if there is one that is not older, and else found out, which
    takes a few seconds for a human genome. The file must not change as long as it is used.

    Args:
        path: A FASTA file, plain or packed by bgzip, whose lines are of one length within a contig.

    Raises:
        InputError: The file cannot be read, is gzip of another kind, has lines of several lengths, or a `.fai` of another file.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "genome.fa")
        >>> _ = file.write_text(">chr1\nACGT\nAC\n>chr2\nGG\n")
        >>> genome = Genome(str(file))
        >>> genome.lengths, genome.windows(["chr1"], np.array([2]), 6).tobytes()
        ({'chr1': 6, 'chr2': 2}, b'GTACNN')
    """

    def __init__(self, path: str) -> None:
        require_file(path, "windows are looked up all over it")
        self.path = path
        self._state = _state(path)
        with open_source(path) as source:
            fai = Path(f"{path}.fai")
            listed = read_fai(fai) if fai.exists() and fai.stat().st_mtime >= Path(path).stat().st_mtime else {}
            found = listed or index_fasta(source.stream, path)
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes: mmap.mmap | BgzipBytes = BgzipBytes(mapped, path) if mapped[:2] == b"\x1f\x8b" else mapped
        if listed:
            check_fai(listed, self._bytes, path)
        mark = len(BYTE_ORDER_MARK)
        shift = mark if not listed and self._bytes[0:mark] == BYTE_ORDER_MARK else 0  # which `open_source` leaves out
        self._contigs = {name: contig._replace(offset=contig.offset + shift) for name, contig in found.items()}

    @property
    def lengths(self) -> dict[str, int]:
        """Letters of each contig, in the file's order."""
        return {name: contig.length for name, contig in self._contigs.items()}

    def windows(self, contigs: Sequence[str], starts: np.ndarray, length: int) -> np.ndarray:
        """uint8 (n, length): windows on n contigs, with or without `chr`, from `starts`, int (n,), from 0 or below; letters as in the file.

        `N` beyond a contig's ends.

        Raises:
            InputError: There is no such contig, something in a window is no letter of DNA, or the file has changed.
        """
        return self.stretches(contigs, starts, starts + length).flat.reshape(len(contigs), length)

    def stretches(self, contigs: Sequence[str], starts: np.ndarray, ends: np.ndarray) -> Ragged:
        """As `windows`, for stretches of any lengths: letters from `starts` up to `ends`, int (n,)."""
        if _state(self.path) != self._state:
            raise InputError(f"Expected a genome that stays as it is while it is read, got a change of {self.path}: start again.")
        names = match_contigs(contigs, self._contigs, self.path)
        found = [names[name] for name in contigs]
        lengths = np.asarray(ends - starts, np.int64)
        texts = Ragged.from_lengths(np.full(int(lengths.sum()), N, np.uint8), lengths)
        order = sorted(range(len(found)), key=lambda row: (self._contigs[found[row]].offset, starts[row]))
        for row in order:  # in the file's order, so that a packed block is unpacked once
            start = int(starts[row])
            first, last = max(start, 0), min(int(ends[row]), self._contigs[found[row]].length)
            if first < last:
                place = int(texts.offsets[row]) - start
                texts.flat[place + first : place + last] = self._read(found[row], first, last)
        return texts

    def _read(self, name: str, first: int, last: int) -> np.ndarray:
        contig = self._contigs[name]
        if not (contig.has_line_at(first, self._bytes) and contig.has_line_at(last - 1, self._bytes)):
            raise InputError(f"Expected lines of {contig.bases} letters around {name}:{first}-{last}, got others in {self.path}.")
        letters = np.frombuffer(self._bytes[contig.byte_of(first) : contig.byte_of(last - 1) + 1].translate(None, b"\r\n"), np.uint8)
        if len(letters) != last - first or not (legal := IS_LETTER[letters]).all():
            came = f"{len(letters)} letters" if len(letters) != last - first else repr(chr(letters[legal.argmin()]))
            raise InputError(f"Expected {last - first} letters of DNA, got {came} in {name}:{first}-{last} ({self.path}).")
        return letters


def match_contigs(wanted: Iterable[str], known: Collection[str], path: str, places: Mapping[str, str] | None = None) -> dict[str, str]:
    """A file's names, among those known, of the wanted contigs: the same, or with or without `chr`.

    `path` is the file, and `places` the origin of each wanted name, for messages.

    Raises:
        InputError: The file has no such contig.

    Example:
        >>> match_contigs(["1", "chr2", "MT"], ["chr1", "chr2", "chrM"], "genome.fa")
        {'1': 'chr1', 'chr2': 'chr2', 'MT': 'chrM'}
    """
    matched = {}
    for name in dict.fromkeys(wanted):
        found = find_contig(name, known)
        if found is None:
            some = ", ".join(list(known)[:5]) + (", ..." if len(known) > 5 else "")
            place = f" in {places[name]}" if places else ""
            raise InputError(f"Expected a contig of {path} ({some}), got {name!r}{place}.")
        matched[name] = found
    return matched


def find_contig(name: str, known: Collection[str]) -> str | None:
    """The known name of a contig: the same, or with or without `chr`; None if it is not known."""
    other = name.removeprefix("chr") if name.startswith("chr") else f"chr{name}"
    names = [name, other, *(MITOCHONDRIA if name in MITOCHONDRIA else ())]
    return next((one for one in names if one in known), None)


def _state(path: str) -> tuple[int, ...] | None:
    """Inode, size and time of the last change of a file; None if it is gone."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
