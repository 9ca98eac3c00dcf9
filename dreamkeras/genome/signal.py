"""Signal: the number of reads that begin at each position of a genome, read from a bigWig file with pyBigWig.

`benchmarks/genome.py` compares `Signal` with pybigtools.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import require_file_kind
from dreamkeras.files.inputs import require_file
from dreamkeras.files.kinds import BIGWIG
from dreamkeras.formats.tracks import import_pybigwig
from dreamkeras.genome.reference import find_contig, match_contigs

__all__ = ["Signal"]

MAGIC = bytes.fromhex("26fc8f88")
"""The first bytes of a bigWig file. If the file was written on a machine with the opposite byte order, these bytes are reversed."""

MOST_READS = 1e30
"""The largest number of reads at a position. Training computes sums over the positions of a window in float32."""

INDEX = slice(24, 32)
"""Bytes of the header of a bigWig file that contain the offset of the index.

The index is near the end of the file, so a truncated file usually ends before this offset.
"""


class Signal:
    """Random access to the values of a bigWig file.

    Args:
        path: Path of the file.

    Raises:
        InputError: The file cannot be read or is not bigWig.
        MissingPackageError: pyBigWig is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        require_file(path, "windows are read at any position")
        _require_big_wig(path)
        try:
            self._file = import_pybigwig().open(path)
        except RuntimeError:
            raise InputError(f"Damaged bigWig file: '{path}'.") from None
        self.lengths: dict[str, int] = self._file.chroms()

    def check_genome(self, lengths: Mapping[str, int], path: str) -> list[str]:
        """Checks that the signal belongs to a genome, by comparing the lengths of contigs.

        Programs that write bigWig files may omit contigs without reads, so a contig that is missing from the file has the value 0.

        Args:
            lengths: Length of each contig in use, according to the genome.
            path: Path of the genome, for error messages.

        Returns:
            Contigs that are missing from the bigWig file.

        Raises:
            InputError: All contigs are missing from the bigWig file, or the length of a contig differs between the two files.
        """
        found = {name: other for name in lengths if (other := find_contig(name, self.lengths)) is not None}
        if not found:
            match_contigs(lengths, self.lengths, self.path)  # raises an error
        for name, other in found.items():
            if lengths[name] != self.lengths[other]:
                raise InputError(
                    f"Expected contig {name} to have {lengths[name]:,} bases, as in {path}, "
                    f"got {self.lengths[other]:,} bases in '{self.path}'. Use files of the same genome."
                )
        return [name for name in lengths if name not in found]

    def windows(self, contigs: Sequence[str], starts: np.ndarray, length: int) -> np.ndarray:
        """Returns the values of the signal in n windows, float32 (n, length).

        Missing values, positions beyond the ends of a contig, and contigs that are missing from the file are 0.

        Args:
            contigs: Contig of each window, with or without `chr`.
            starts: First position of each window, counted from 0, int (n,). Starts may be negative.
            length: Length of the windows.

        Raises:
            InputError: A value is negative or above `MOST_READS`.
        """
        names = {name: find_contig(name, self.lengths) for name in dict.fromkeys(contigs)}
        values = np.zeros((len(contigs), length), np.float32)
        for row in sorted(range(len(contigs)), key=lambda row: (contigs[row], starts[row])):
            name, start = names[contigs[row]], int(starts[row])
            if name is None:
                continue
            first, last = max(start, 0), min(start + length, self.lengths[name])
            if first < last:
                values[row, first - start : last - start] = self._read(name, first, last)
        return values

    def _read(self, name: str, first: int, last: int) -> np.ndarray:
        try:
            values = np.nan_to_num(self._file.values(name, first, last, numpy=True), nan=0.0, posinf=np.inf, neginf=-np.inf)
        except RuntimeError as error:
            raise InputError(f"Damaged bigWig file: {self.path} ({error}).") from None
        is_legal = (values >= 0) & (values <= MOST_READS)
        if not is_legal.all():
            place = int((~is_legal).argmax())
            raise InputError(
                f"Expected a number of reads between 0 and {MOST_READS:g}, got {values[place]:g} at {name}:{first + place} ({self.path})."
            )
        return values


def _require_big_wig(path: str) -> None:
    """Checks that a file is a complete bigWig file, because pyBigWig prints its own messages for other files."""
    try:
        with open(path, "rb") as file:
            head, size = file.read(INDEX.stop), Path(path).stat().st_size
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from None
    magic = head[: len(MAGIC)]
    if magic not in (MAGIC, MAGIC[::-1]):
        require_file_kind(path, BIGWIG)
        raise InputError(f"Expected a bigWig file, got an unknown kind of file: {path}.")
    if size < INDEX.stop or size <= int.from_bytes(head[INDEX], "little" if magic == MAGIC else "big"):
        raise InputError(f"Truncated bigWig file: '{path}'.")
