"""Predictions for windows of a genome as bedGraph or bigWig: one value an interval, written whole or not at all.

Windows are known by their ids, `contig:start-end`. pyBigWig is imported only where a bigWig is read or written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from dreamkeras.environment import import_extra
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.bgzip import BgzipWriter
from dreamkeras.files.outputs import naming_output, open_output, open_text, refuse_packed, unpacked_name
from dreamkeras.formats.names import TRACKS
from dreamkeras.formats.numbers import format_numbers

__all__ = ["BedGraph", "BigWig", "TrackIntervals", "import_pybigwig", "open_track", "track_format"]

_PLACE = re.compile(r"(.+):(-?[0-9]+)-([0-9]+)(?:\([+-]\))?")


def import_pybigwig() -> Any:
    """The pyBigWig module.

    Raises:
        MissingPackageError: It is not installed.
    """
    return import_extra("pyBigWig", "pyBigWig for bigWig files", "atac")


def track_format(path: str, format: str | None = None) -> str | None:
    """Which of `TRACKS` an output is: the format asked for or else the file's suffix, before .gz; None for a table."""
    if format is not None:
        return format if format in TRACKS else None
    return next((name for name, suffixes in TRACKS.items() if unpacked_name(path.lower()).endswith(suffixes)), None)


class TrackIntervals(NamedTuple):
    """Places in the order of a track, and the value of each.

    Args:
        contigs: n names.
        starts: n positions of first letters, from 0.
        ends: n positions after the last letters.
        values: n numbers.
    """

    contigs: list[str]
    starts: list[int]
    ends: list[int]
    values: list[float]


class _Order:
    """Turns ids into intervals that follow one another, across batches."""

    def __init__(self, middle: int | None, lengths: Mapping[str, int] | None, path: str) -> None:
        self._middle = middle
        self._lengths = lengths or {}
        self._path = path
        self._done: set[str] = set()
        self._last = ("", 0)

    def intervals(self, ids: Sequence[str], values: np.ndarray) -> TrackIntervals:
        """Those of the rows whose value is a number.

        Raises:
            InputError: An id is no place, or an interval overlaps the one before or precedes it.
        """
        places = [self._next(name) for name, value in zip(ids, values, strict=True) if np.isfinite(value)]
        columns = zip(*places, strict=True) if places else ((), (), ())
        contigs, starts, ends = map(list, columns)
        return TrackIntervals(contigs, starts, ends, values[np.isfinite(values)].tolist())

    def _next(self, name: str) -> tuple[str, int, int]:
        found = _PLACE.fullmatch(name)
        if found is None:
            raise InputError(f"Expected ids such as chr1:0-200 for {self._path}, got {name!r}: use --genome or --tile, or write a table.")
        contig, start, end = found[1], int(found[2]), int(found[3])
        if self._middle is not None:
            start += (end - start - self._middle) // 2
            end = start + self._middle
        start, end = max(start, 0), min(end, self._lengths.get(contig, end))  # a window around a middle may reach beyond its contig
        last, reached = self._last
        if contig != last and last:
            self._done.add(last)
        if contig in self._done or (contig == last and start < reached):
            raise InputError(
                f"Expected windows that follow one another without overlap for {self._path}, got {name} after {last}:...-{reached}: "
                "sort and merge the regions, or write a table."
            )
        self._last = contig, end
        return contig, start, end


class BedGraph:
    """Four columns: contig, start, end and value, as tables have it; made by `open_track`."""

    def __init__(self, file: BinaryIO | BgzipWriter, path: str) -> None:
        self._file, self._path = file, path

    def add(self, intervals: TrackIntervals) -> None:
        """Writes intervals."""
        values = format_numbers(np.array(intervals.values))
        rows = "".join(map("%s\t%d\t%d\t%s\n".__mod__, zip(*intervals[:3], values, strict=True)))
        with naming_output(self._path):
            self._file.write(rows.encode())

    def finish(self) -> None:
        """Does nothing: the format has no end."""


class BigWig:
    """A bigWig file, which pyBigWig writes; made by `open_track`. The contigs and their lengths are the genome's."""

    def __init__(self, file: BinaryIO, path: str, lengths: Mapping[str, int]) -> None:
        self._path = path
        self._order = {contig: rank for rank, contig in enumerate(lengths)}
        self._last = 0
        self._file = import_pybigwig().open(str(file.name), "w")
        self._file.addHeader(list(lengths.items()))

    def add(self, intervals: TrackIntervals) -> None:
        """Writes intervals; their contigs have to come in the order of `lengths`."""
        for contig in dict.fromkeys(intervals.contigs):
            rank = self._order.get(contig, -1)
            if rank < self._last:
                raise InputError(f"Expected contigs in the genome's order for {self._path}, got {contig!r} too late: sort the regions.")
            self._last = rank
        if intervals.contigs:
            with self._naming():
                self._file.addEntries(intervals.contigs, intervals.starts, ends=intervals.ends, values=intervals.values)

    def finish(self) -> None:
        """Writes the index."""
        with self._naming():
            self._file.close()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DreamkerasError(f"Expected to write {self._path}, got an error of pyBigWig: {error}.") from None


class TrackWriter:
    """Takes batches of predictions, in order; made by `open_track`."""

    def __init__(self, track: BedGraph | BigWig, order: _Order, column: int) -> None:
        self._track, self._order, self._column = track, order, column

    def write(self, ids: Sequence[str], values: np.ndarray) -> None:
        """Adds an interval for each of n ids, `contig:start-end`, with values float32 (n, columns); NaN is left out.

        Raises:
            InputError: An id is no place, or the places are out of order.
        """
        self._track.add(self._order.intervals(ids, values[:, self._column]))


@contextmanager
def open_track(
    path: str,
    format: str,
    columns: Sequence[str],
    *,
    column: str | None = None,
    middle: int | None = None,
    lengths: Mapping[str, int] | None = None,
) -> Iterator[TrackWriter]:
    """A writer of a track, whose file appears under its name only once the `with` block has ended well.

    Args:
        path: The file; a bedGraph is packed by bgzip where its name ends in .gz or .bgz.
        format: One of `TRACKS`.
        columns: Names of the predictions.
        column: The one that is written; may be left out where there is one.
        middle: Letters in the middle of each window that its value is written for; None for all.
        lengths: Letters of each contig, in their order, beyond which no interval reaches; a bigWig needs them.

    Raises:
        InputError: There is no such column, or several and none was chosen; or lengths are missing.
        DreamkerasError: The file cannot be written.
        MissingPackageError: pyBigWig is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "two.bedgraph")
        >>> with open_track(str(file), "bedgraph", ["expression"], middle=50) as writer:
        ...     writer.write(["chr1:0-200", "chr1:50-250"], np.array([[1.5], [2]], np.float32))
        >>> file.read_text().split()
        ['chr1', '75', '125', '1.5', 'chr1', '125', '175', '2']
    """
    if (column or columns[0]) not in columns or (column is None and len(columns) > 1):
        raise InputError(f"Expected one of the columns {', '.join(columns)} for {path}, got {column or 'no choice'}.")
    if format == "bigwig" and lengths is None:
        raise InputError(f"Expected the lengths of contigs for {path}, got none: use --genome or --tile.")
    with _opened(path, format, lengths or {}) as track:
        yield TrackWriter(track, _Order(middle, lengths, path), list(columns).index(column or columns[0]))
        track.finish()


@contextmanager
def _opened(path: str, format: str, lengths: Mapping[str, int]) -> Iterator[BedGraph | BigWig]:
    if format == "bigwig":
        refuse_packed(path, "bigWig")
        with open_output(path) as file:
            yield BigWig(file, path, lengths)
    else:
        with open_text(path) as text:
            yield BedGraph(text, path)
