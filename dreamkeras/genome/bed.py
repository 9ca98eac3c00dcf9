"""Reads regions, strands and summits from BED and narrowPeak files.

In some files of regions, column 6 does not contain strands, or column 10 does not contain summits. Therefore, all lines of a file are
checked before column 6 is used as strands and column 10 as summits.
"""

import io
from array import array

import numpy as np

from dreamkeras.errors import InputError, OnError
from dreamkeras.files.decompression import open_source
from dreamkeras.files.inputs import source_name
from dreamkeras.files.kinds import BED
from dreamkeras.formats.decimals import is_number, is_whole
from dreamkeras.genome.placing import placed
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Bed, Regions

__all__ = ["has_names", "read_bed"]

NARROW_PEAK = (".narrowpeak", ".narrowpeak.gz", ".narrowpeak.bgz")
"""Suffixes, in lower case, of narrowPeak files. Column 10 of a narrowPeak file holds summits."""

COLUMNS = 10
"""Number of columns in narrowPeak. BED has up to 12 columns, and its column 10 does not hold summits."""

NO_SUMMIT, NOT_A_SUMMIT = -1, -2
"""`NO_SUMMIT` is the value of column 10 in narrowPeak for a peak without a summit.

`NOT_A_SUMMIT` represents a cell whose content is not a valid summit.
"""

NAME = 3
"""Position of the column of names, counted from 0."""

STRAND = 5
"""Position of the strand column, counted from 0."""

_NO_REGION = ("#", "track ", "track\t", "browser ", "browser\t", "id\tstart\tend\t")
"""Beginnings of lines that contain no region, such as comments and track lines.

The last element is the beginning of the header of tables that dreamkeras writes, such as tables of seqlets.
"""


def read_bed(
    path: str, genome: Genome | None = None, summits: bool | None = None, *, on_error: OnError = "fail", names: bool = False
) -> Bed:
    """Reads the regions of a BED or narrowPeak file, plain or gzip. Reading needs about 50 bytes of memory per region.

    Column 6 is used as strands if every line that has a column 6 contains `+`, `-` or `.` there, and a score in column 5.

    Args:
        path: Path of the file.
        genome: Reference genome. If given, each contig is renamed to its name in the genome. If None, contigs keep the names in
            the file.
        summits: Whether column 10 holds summits, as offsets from the start of the region. If None, column 10 is used as summits in
            files with the suffix .narrowPeak, and in files in which every line has ten columns that are valid in narrowPeak.
        on_error: Action for a region whose contig is not in the genome: `"fail"` raises an error, and `"skip"` skips the region.
        names: Whether to return the names of the regions in column 4.

    Raises:
        InputError: The file cannot be read or has no region, a line is malformed or has an invalid summit, or a contig is not in the
            genome. The message names file and line.
    """
    name, found = source_name(path), _BedLines(names)
    with open_source(path, expected=BED) as source:
        for line, row in enumerate(io.TextIOWrapper(source.stream, encoding="utf-8"), 1):
            if _is_region(row):
                found.add(row, line, name)
    if not found.contigs:
        raise InputError(f"Expected at least one region, got none in {name}.")
    lines, starts, ends, peaks = (np.array(column, np.int64) for column in (found.lines, found.starts, found.ends, found.peaks))
    takes_summits = _takes_summits(found, name, summits)
    middles = starts + np.where((peaks >= 0) & takes_summits, peaks, (ends - starts) // 2)
    reverse = np.array(found.reverse, bool) & (found.unstranded is None)
    bed = Bed(
        Regions(found.contigs, starts, ends, middles),
        reverse,
        lines,
        path,
        found.contigs,
        found.names,
        about_middles=_about_summits(name, peaks) if takes_summits else _about_middles(found, name, summits),
        about_strands=_about_strands(found, name),
    )
    return placed(bed, genome, on_error) if genome else bed


def has_names(path: str) -> bool:
    """Returns whether a region of a BED file has a name in column 4.

    Raises:
        InputError: The file cannot be read.
    """
    with open_source(path, expected=BED) as source:
        regions = filter(_is_region, io.TextIOWrapper(source.stream, encoding="utf-8"))
        return any(_name(_cells(row)) for row in regions)


def _is_region(row: str) -> bool:
    return bool(row.strip()) and not row.startswith(_NO_REGION)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("\t")] if "\t" in row else row.split()


def _name(cells: list[str]) -> str:
    """Returns the name of a region, or an empty string if there is no column 4 or the cell is `.`, which means that there is no name."""
    name = "".join(cells[NAME : NAME + 1])
    return "" if name == "." else name


class _BedLines:
    """Columns of a BED file.

    The object also stores the first line without a valid summit, the first line that is not narrowPeak, and the first line without a valid
    strand. The names in column 4 are stored if `named` is true.
    """

    def __init__(self, named: bool = False) -> None:
        self.contigs: list[str] = []
        self.names: list[str] | None = [] if named else None
        self.lines, self.starts, self.ends, self.peaks = array("q"), array("q"), array("q"), array("q")
        self.reverse = array("b")
        self.widest = 0
        self.no_summit: tuple[int, str, int] | None = None  # line number, cell, and length of the first region without a valid summit
        self.not_narrow: tuple[int, str] | None = None
        self.unstranded: tuple[int, str] | None = None
        self._seen: dict[str, str] = {}

    def add(self, row: str, line: int, path: str) -> None:
        """Parses a line and adds its region."""
        cells = _cells(row)
        start, end = map(_position, (cells + [""] * 3)[1:3])
        if not cells[0] or not 0 <= start < end:
            after = 0 <= end <= start
            but = f", in which the start {'is equal to' if start == end else 'is after'} the end" if after else ""
            raise InputError(f"Expected contig, start and end of a region, got {row.rstrip()[:60]!r}{but} ({path}, line {line}).")
        self.contigs.append(self._seen.setdefault(cells[0], cells[0]))
        if self.names is not None:
            self.names.append(_name(cells))
        peak = _peak(cells, end - start)
        for column, value in zip((self.lines, self.starts, self.ends, self.peaks), (line, start, end, peak), strict=True):
            column.append(value)
        if self.no_summit is None and peak == NOT_A_SUMMIT:
            self.no_summit = line, "".join(cells[COLUMNS - 1 : COLUMNS]), end - start
        self.reverse.append(cells[STRAND : STRAND + 1] == ["-"])
        self.widest = max(self.widest, len(cells))
        if self.unstranded is None and len(cells) > STRAND and (reason := _not_stranded(cells)):
            self.unstranded = line, reason
        if self.not_narrow is None and (reason := _not_narrow(cells, start, end, peak)):
            self.not_narrow = line, reason


def _position(cell: str) -> int:
    """Returns the position in a cell, or -1 if the cell is not a whole number."""
    return int(cell) if is_whole(cell) else -1


def _peak(cells: list[str], length: int) -> int:
    cell = cells[COLUMNS - 1] if len(cells) >= COLUMNS else ""
    peak = NO_SUMMIT if cell == str(NO_SUMMIT) else _position(cell)
    return peak if cell == str(NO_SUMMIT) or 0 <= peak < length else NOT_A_SUMMIT


def _not_stranded(cells: list[str]) -> str:
    """Returns the reason why column 6 is not used as a strand, or an empty string if columns 5 and 6 are valid."""
    if cells[STRAND] not in ("+", "-", "."):
        return f"has {cells[STRAND]!r} in column 6"
    if cells[STRAND - 1] != "." and not is_number(cells[STRAND - 1]):
        return f"has {cells[STRAND - 1]!r} in column 5, where BED has scores"
    return ""


def _not_narrow(cells: list[str], start: int, end: int, peak: int) -> str:
    """Returns the reason why a line is not narrowPeak, or an empty string for a line of narrowPeak."""
    if len(cells) != COLUMNS:
        return f"has {len(cells)} columns"
    if reason := _not_stranded(cells):
        return reason
    if wrong := next((place for place in (6, 7, 8) if not is_number(cells[place])), 0):
        return f"has {cells[wrong]!r} in column {wrong + 1}"
    if peak == NOT_A_SUMMIT:
        return f"has {cells[COLUMNS - 1]!r} in column 10"
    # In BED with ten columns, column 10 is the number of blocks. In BED, the thick part of a region (columns 7 and 8) is usually the
    # complete region or empty.
    thick = tuple(map(_position, cells[6:8]))
    is_thick = thick == (start, end) or (thick == (start, start) and start > 0)
    return "has the thickStart and thickEnd of BED in columns 7 and 8" if is_thick else ""


def _takes_summits(found: _BedLines, name: str, summits: bool | None) -> bool:
    """Returns whether regions are centred on their summits.

    Raises:
        InputError: The regions must be centred on summits, but a line has no valid summit.
    """
    named = summits is None and found.widest >= COLUMNS and name.lower().endswith(NARROW_PEAK)
    if not (summits or named):
        return summits is None and found.not_narrow is None
    if found.no_summit:
        line, cell, length = found.no_summit
        raise InputError(
            f"Expected -1 or a summit from 0 to {length - 1} in column 10 of a region of {length} bases, got {cell!r} "
            f"({name}, line {line}). Use --no-summits to centre regions on their middle."
        )
    return True


def _about_summits(name: str, peaks: np.ndarray) -> str:
    lacking = int((peaks == NO_SUMMIT).sum())
    if lacking == len(peaks):
        return f"{name}: regions are centred on their middle, because column 10 is -1 in all lines."
    but = f", or on their middle if column 10 is -1 ({lacking:,} of {len(peaks):,} regions)" if lacking else ""
    return f"{name}: regions are centred on their summits, from column 10{but}."


def _about_middles(found: _BedLines, name: str, summits: bool | None) -> str:
    middle = f"{name}: regions are centred on their middle"
    if summits is not None or found.widest < COLUMNS or found.not_narrow is None:
        return f"{middle}."
    line, reason = found.not_narrow
    return f"{middle}, because the file is not narrowPeak (line {line} {reason}). Use --summits if column 10 holds summits."


def _about_strands(found: _BedLines, name: str) -> str:
    if found.unstranded is None or not any(found.reverse):
        return ""
    line, reason = found.unstranded
    return f"{name}: all regions are read from the forward strand, because column 6 holds no strands (line {line} {reason})."
