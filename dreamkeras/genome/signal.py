"""Signal: how many reads begin at each position of a genome, from a bigWig file, through pyBigWig.

Measured beside pybigtools in `benchmarks/genome.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import require_file
from dreamkeras.formats.tracks import import_pybigwig
from dreamkeras.genome.reference import match_contigs

__all__ = ["Signal"]

MAGIC = bytes.fromhex("26fc8f88")
"""The first bytes of a bigWig file; of one from a machine with the other byte order, they are reversed."""

INDEX = slice(24, 32)
"""The bytes of a bigWig's header that hold the position of its index, which is near the file's end."""


class Signal:
    """The values of a bigWig file.

    Raises:
        InputError: It cannot be read or is no bigWig.
        MissingPackageError: pyBigWig is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        require_file(path, "reads are looked up all over it")
        _require_big_wig(path)
        try:
            self._file = import_pybigwig().open(path)
        except RuntimeError:
            raise InputError(f"Expected a whole bigWig file, got a broken one: {path}.") from None
        self.lengths: dict[str, int] = self._file.chroms()

    def check_genome(self, lengths: Mapping[str, int], path: str) -> None:
        """Refuses a signal on another genome, whose file is `path`, by the letters of the contigs in use.

        Raises:
            InputError: A contig is missing, or of another length.
        """
        for name, other in match_contigs(lengths, self.lengths, self.path).items():
            if lengths[name] != self.lengths[other]:
                raise InputError(
                    f"Expected {lengths[name]:,} positions of {name} as in {path}, got {self.lengths[other]:,} in {self.path}: "
                    "are they of the same genome?"
                )

    def windows(self, contigs: Sequence[str], starts: np.ndarray, length: int) -> np.ndarray:
        """float32 (n, length): the values in windows on n contigs, with or without `chr`, from `starts`, int (n,), from 0 or below.

        0 where the file has no value and beyond a contig's ends.

        Raises:
            InputError: There is no such contig, or a value is negative or infinite.
        """
        names = match_contigs(contigs, self.lengths, self.path)
        values = np.zeros((len(contigs), length), np.float32)
        for row in sorted(range(len(contigs)), key=lambda row: (contigs[row], starts[row])):
            name, start = names[contigs[row]], int(starts[row])
            first, last = max(start, 0), min(start + length, self.lengths[name])
            if first < last:
                values[row, first - start : last - start] = self._read(name, first, last)
        return values

    def _read(self, name: str, first: int, last: int) -> np.ndarray:
        try:
            values = np.nan_to_num(self._file.values(name, first, last, numpy=True), nan=0.0, posinf=np.inf)
        except RuntimeError as error:
            raise InputError(f"Expected a whole bigWig file, got a broken one: {self.path} ({error}).") from None
        if not ((values >= 0) & np.isfinite(values)).all():
            place = int(((values < 0) | ~np.isfinite(values)).argmax())
            raise InputError(f"Expected reads, 0 or more, got {values[place]:g} at {name}:{first + place} ({self.path}).")
        return values


def _require_big_wig(path: str) -> None:
    """Refuses what is no bigWig before pyBigWig does, which prints."""
    try:
        with open(path, "rb") as file:
            head, size = file.read(INDEX.stop), Path(path).stat().st_size
    except OSError as error:
        raise InputError(f"Expected a bigWig file, got nothing readable at {path} ({error.strerror}).") from None
    magic = head[: len(MAGIC)]
    if magic not in (MAGIC, MAGIC[::-1]):
        raise InputError(f"Expected a bigWig file, got another kind: {path}.")
    if size < INDEX.stop or size <= int.from_bytes(head[INDEX], "little" if magic == MAGIC else "big"):
        raise InputError(f"Expected a whole bigWig file, got one cut short: {path}.")
