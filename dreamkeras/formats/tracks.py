"""Writes predictions for genomic windows as bedGraph or bigWig, with one value per interval. A failed command leaves no incomplete file.

The position of a window is read from its id, which has the form `contig:start-end`. pyBigWig is imported only when a bigWig file is
read or written.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from dreamkeras.environment import import_extra
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.bgzip import BgzipWriter
from dreamkeras.files.outputs import naming_output, open_output, open_text, refuse_packed, unpacked_name
from dreamkeras.files.streams import is_stream
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.formats.names import TRACKS
from dreamkeras.formats.numbers import format_numbers

__all__ = ["BedGraph", "BigWig", "TrackIntervals", "import_pybigwig", "open_track", "track_format"]

_PLACE = re.compile(r"(.+):(-?[0-9]+)-([0-9]+)(?:\([+-]\))?")


def import_pybigwig() -> Any:
    """Imports pyBigWig.

    Raises:
        MissingPackageError: pyBigWig is not installed.
    """
    return import_extra("pyBigWig", "pyBigWig for bigWig files", "atac")


def track_format(path: str, format: str | None = None) -> str | None:
    """Returns the track format of an output, or None for a table.

    If `format` is None, the suffix of the file (before .gz) determines the format.
    """
    if format is not None:
        return format if format in TRACKS else None
    return next((name for name, suffixes in TRACKS.items() if unpacked_name(path.lower()).endswith(suffixes)), None)


class TrackIntervals(NamedTuple):
    """Intervals of a track, in the order in which they are written, with their values.

    Args:
        contigs: Contig of each of the n intervals.
        starts: Position of the first base of each interval, counted from 0.
        ends: Position after the last base of each interval.
        values: Value of each interval.
    """

    contigs: list[str]
    starts: list[int]
    ends: list[int]
    values: list[float]


class _Order:
    """Converts ids to intervals and checks, across batches, that the intervals are sorted and do not overlap."""

    def __init__(self, middle: int | None, lengths: Mapping[str, int] | None, path: str) -> None:
        self._middle = middle
        self._lengths = lengths or {}
        self._path = path
        self._done: set[str] = set()
        self._last = ("", 0)

    def intervals(self, ids: Sequence[str], values: np.ndarray) -> TrackIntervals:
        """Returns the intervals of the windows whose value is finite.

        Raises:
            InputError: An id is not of the form `contig:start-end`, or an interval overlaps or precedes the previous one.
        """
        places = [self._next(name) for name, value in zip(ids, values, strict=True) if np.isfinite(value)]
        columns = zip(*places, strict=True) if places else ((), (), ())
        contigs, starts, ends = map(list, columns)
        return TrackIntervals(contigs, starts, ends, values[np.isfinite(values)].tolist())

    def _next(self, name: str) -> tuple[str, int, int]:
        found = _PLACE.fullmatch(name)
        if found is None:
            raise InputError(f"Writing {self._path} needs ids such as chr1:0-200, got {name!r}. Use --genome or --tile, or write a table.")
        contig, start, end = found[1], int(found[2]), int(found[3])
        if self._middle is not None:
            start += (end - start - self._middle) // 2
            end = start + self._middle
        start, end = max(start, 0), min(end, self._lengths.get(contig, end))  # windows may extend beyond their contig
        last, reached = self._last
        if contig != last and last:
            self._done.add(last)
        if contig in self._done or (contig == last and start < reached):
            raise InputError(
                f"Intervals in {self._path} must be sorted and must not overlap, but window {name} comes after an interval that ends at "
                f"{last}:{reached}. Sort and merge the regions, or write a table."
            )
        self._last = contig, end
        return contig, start, end


class BedGraph:
    """Writer of a bedGraph file with the columns contig, start, end and value, created by `open_track`."""

    def __init__(self, file: BinaryIO | BgzipWriter, path: str) -> None:
        self._file, self._path = file, path

    def add(self, intervals: TrackIntervals) -> None:
        """Writes intervals as lines of the file."""
        values = format_numbers(np.array(intervals.values))
        rows = "".join(map("%s\t%d\t%d\t%s\n".__mod__, zip(*intervals[:3], values, strict=True)))
        with naming_output(self._path):
            self._file.write(rows.encode())

    def finish(self) -> None:
        """Does nothing, because nothing follows the last line of a bedGraph file."""


class BigWig:
    """Writer of a bigWig file, created by `open_track`. `lengths` gives the length of each contig in the genome."""

    def __init__(self, file: Path, path: str, lengths: Mapping[str, int]) -> None:
        self._path = path
        self._order = {contig: rank for rank, contig in enumerate(lengths)}
        self._last = 0
        self._file = import_pybigwig().open(str(file), "w")
        self._file.addHeader(list(lengths.items()))

    def add(self, intervals: TrackIntervals) -> None:
        """Writes intervals. The contigs of the intervals must be in the order of the genome."""
        for contig in dict.fromkeys(intervals.contigs):
            if contig not in self._order:
                raise InputError(f"Cannot write contig {contig!r} to {self._path}, because the genome does not contain it.")
            rank = self._order[contig]
            if rank < self._last:
                raise InputError(f"Contigs in {self._path} must be in the order of the genome, but {contig!r} is not. Sort the regions.")
            self._last = rank
        if intervals.contigs:
            with self._naming():
                self._file.addEntries(intervals.contigs, intervals.starts, ends=intervals.ends, values=intervals.values)

    def finish(self) -> None:
        """Writes the index and closes the file."""
        with self._naming():
            self._file.close()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DreamkerasError(f"Cannot write {self._path}: pyBigWig failed ({error}).") from None


class TrackWriter:
    """Writer that adds batches of predictions to a track, created by `open_track`."""

    def __init__(self, track: BedGraph | BigWig, order: _Order, column: int) -> None:
        self._track, self._order, self._column = track, order, column

    def write(self, ids: Sequence[str], values: np.ndarray, _: Sequence[Sequence[str]] = ()) -> None:
        """Writes one interval for each window. Windows whose value is not finite are skipped. Names of windows are ignored.

        Args:
            ids: Ids of n windows, of the form `contig:start-end`.
            values: Predictions, float32 (n, columns).

        Raises:
            InputError: An id is not of the form `contig:start-end`, or windows overlap or are not sorted.
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
    """Opens a writer of a track. The file appears under its name only after the `with` block has ended without an error.

    Args:
        path: Path of the file. A bedGraph whose name ends in .gz or .bgz is compressed with bgzip.
        format: One of `TRACKS`.
        columns: Names of the predictions.
        column: Name of the prediction to write. `column` is required if `columns` has several names.
        middle: Number of bases in the middle of each window to which the value of the window applies. If None, the value applies to the
            complete window.
        lengths: Length of each contig, in the order of the genome. Intervals are cut at the ends of contigs. Required for bigWig.

    Raises:
        InputError: The column does not exist, several columns are given but none is chosen, or the lengths for a bigWig file are missing.
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
    if column is None and len(columns) > 1:
        raise InputError(f"Choose one of the columns {', '.join(columns)}, because a track such as {path} has one value per interval.")
    if column not in (None, *columns):
        raise InputError(f"Expected one of the columns {', '.join(columns)} for the track {path}, got {column!r}.")
    if format == "bigwig" and lengths is None:
        raise InputError(f"The bigWig file {path} needs the lengths of contigs. Use --genome or --tile.")
    with _opened(path, format, lengths or {}) as track:
        yield TrackWriter(track, _Order(middle, lengths, path), list(columns).index(column or columns[0]))
        track.finish()


@contextmanager
def _opened(path: str, format: str, lengths: Mapping[str, int]) -> Iterator[BedGraph | BigWig]:
    if format == "bigwig":
        refuse_packed(path, "bigWig")
        with open_output(path) as file, temporary_folder() if is_stream(path) else nullcontext() as folder:
            # pyBigWig writes to a path, which a stream does not have
            place = folder / "track.bw" if folder else Path(file.name)
            yield BigWig(place, path, lengths)
            if folder:
                with place.open("rb") as written:
                    shutil.copyfileobj(written, file)
    else:
        with open_text(path) as text:
            yield BedGraph(text, path)
