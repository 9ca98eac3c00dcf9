"""Reads genomic windows as records: the regions of BED files, windows around the middles of regions, or tiles along regions or contigs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError, OnError, check_on_error
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.reading import read_files
from dreamkeras.genome.bed import has_names, read_bed
from dreamkeras.genome.names import STRANDS, Strand
from dreamkeras.genome.reference import Genome, find_contig
from dreamkeras.genome.regions import Bed, Regions
from dreamkeras.genome.tiles import Tile, tile_fasta, unknown_rows, window_name
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import batch_bounds
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS, Records

__all__ = ["NAME", "GenomeWindows", "Reader", "contig_lengths", "default_window", "read_windows"]


NAME = "name"
"""Column of results that contains the names of regions."""


class GenomeWindows(NamedTuple):
    """Settings that determine the genomic windows to read.

    Args:
        genome: FASTA file of the reference genome for regions in BED files. If None, the input files are FASTA, and `tile` is required.
        tile: Width and step of tiles along each region, or along each contig if `genome` is None. If None, no tiles are read.
        window: Length of a window around the summit or middle of each region. If None, the regions themselves are read.
        strand: Strand to read. If `given`, each region is read from its strand in the BED file. If `forward` or `reverse`, all regions are
            read from this strand.
        summits: Whether column 10 of a BED file holds summits, on which windows are centred. If None, the content of column 10 is
            detected for each file.
        on_error: Action for regions that are not in the genome: `"fail"` raises an error, and `"skip"` skips the regions.
        names: Whether records have the names of the regions in column 4 of a BED file.
    """

    genome: str | None = None
    tile: Tile | None = None
    window: int | None = None
    strand: Strand = "given"
    summits: bool | None = None
    on_error: OnError = "fail"
    names: bool = False

    def check(self) -> "GenomeWindows":
        """Checks that the fields can be combined, and returns this object.

        Raises:
            InputError: Two fields cannot be combined, or a required field is missing.
        """
        if self.strand not in STRANDS:
            raise InputError(f"Expected strand to be one of {', '.join(STRANDS)}, got {self.strand!r}.")
        check_on_error(self.on_error)
        if self.genome is None and self.tile is None:
            raise InputError("Genomic windows need a genome, a tile or both.")
        if self.window is not None and (self.tile or self.genome is None):
            raise InputError("Windows around regions need a genome and cannot be combined with a tile.")
        if self.summits is not None and self.window is None:
            raise InputError("Summits can be chosen only for windows around regions. Set the length of the windows.")
        return self


class Reader(NamedTuple):
    """Settings for reading files as records.

    Args:
        windows: Genomic windows to read. If None, the sequences in the files are read.
        id_column: Name or position of the id column in a table. If None, the id column is found by its default names.
        sequence_column: Name or position of the sequence column in a table. If None, the sequence column is found by its default names.
    """

    windows: GenomeWindows | None = None
    id_column: str | int | None = None
    sequence_column: str | int | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the columns of results that identify a record in addition to its id."""
        return (NAME,) if self.windows and self.windows.names else ()

    def with_names(self, paths: Iterable[str]) -> "Reader":
        """Returns a reader whose records have the names of the regions, if a BED file has names. Other readers are returned unchanged.

        Raises:
            InputError: A file cannot be read.
        """
        if self.windows is None or self.windows.genome is None or not any(map(has_names, paths)):
            return self
        return self._replace(windows=self.windows._replace(names=True))

    def read(self, paths: Iterable[str], remark: Callable[[str], None] | None = None) -> Iterator[Records]:
        """Reads the records of several files, in order. See `read_windows` and `reading.read_records`."""
        if self.windows is not None:
            return read_windows(paths, self.windows, remark)
        return read_files(paths, id_column=self.id_column, sequence_column=self.sequence_column)


def default_window(constructs: Sequence[Construct]) -> int | None:
    """Returns the default length of windows around regions, which is the window length of the models.

    The result is None unless `constructs` contains a single construct, which must not have adapters or flanks.
    """
    lengths = {construct.length for construct in constructs if not construct.has_surroundings}
    return lengths.pop() if len(lengths) == len(constructs) == 1 else None


def contig_lengths(paths: Iterable[str], wanted: GenomeWindows) -> dict[str, int]:
    """Returns the length of each contig in the reference genome, or in the FASTA files if no genome is given, in the order of the files.

    A contig of the genome has the names that the BED files use for the contig. Other contigs have their names in the genome.

    Raises:
        InputError: A file cannot be read, or a contig is in two files.
    """
    lengths: dict[str, int] = {}
    if wanted.genome is not None:
        lengths = Genome(wanted.genome).lengths
        names: dict[str | None, list[str]] = {}
        for name in dict.fromkeys(name for path in paths for name in read_bed(path).contigs):
            names.setdefault(find_contig(name, lengths), []).append(name)
        return {name: length for contig, length in lengths.items() for name in names.get(contig, [contig])}
    for path in paths:
        found = Genome(path).lengths
        if twice := lengths.keys() & found.keys():
            raise InputError(f"Expected each contig in one file only, got {min(twice)!r} again in '{path}'.")
        lengths.update(found)
    return lengths


def read_windows(paths: Iterable[str], wanted: GenomeWindows, remark: Callable[[str], None] | None = None) -> Iterator[Records]:
    """Reads genomic windows as records named `contig:start-end`, counted from 0, followed by `(-)` for the reverse strand.

    The names of contigs are those of the input files.

    Args:
        paths: BED or narrowPeak files, or FASTA files if `wanted` has no genome. The files may be plain or gzip.
        wanted: Windows to read.
        remark: Function that is called with sentences that explain how columns 6 and 10 of a BED file are used.

    Raises:
        InputError: A file cannot be read, a region extends beyond its contig, or no tile contains letters other than N.
    """
    wanted.check()
    if wanted.genome is not None:
        genome = Genome(wanted.genome)
        for path in paths:
            bed = read_bed(path, genome, wanted.summits, on_error=wanted.on_error, names=wanted.names)
            bed, about_outside = _within(bed, genome, wanted.on_error)
            about = bed.about_middles if wanted.window else "", bed.about_strands if wanted.strand == "given" else ""
            for sentence in filter(None, (bed.about_lacking, about_outside, *about)):
                if remark:
                    remark(sentence)
            yield from _region_records(bed, genome, wanted)
    elif wanted.tile is not None:
        for path in paths:
            yield from tile_fasta(path, wanted.tile, reverse=wanted.strand == "reverse")


def _region_records(bed: Bed, genome: Genome, wanted: GenomeWindows) -> Iterator[Records]:
    """Yields the genomic windows for the regions of a BED file, which must lie within their contigs, as records.

    Positions of a window beyond the ends of its contig are read as `N`.

    Raises:
        InputError: No tile in any region contains letters other than N.
    """
    bed = bed._replace(reverse=bed.reverse if wanted.strand == "given" else np.full(len(bed.lines), wanted.strand == "reverse"))
    if wanted.tile is None:
        windows = bed.regions if wanted.window is None else bed.regions.windows(wanted.window)
        yield from _batches(bed, windows, genome)
    else:
        yield from _tiled(bed, genome, wanted.tile)


def _within(bed: Bed, genome: Genome, on_error: OnError) -> tuple[Bed, str]:
    """Returns the regions that lie within their contigs, and a sentence that counts the skipped regions, which may be empty.

    Raises:
        InputError: A region extends beyond its contig, and `on_error` is `"fail"` or no region is left.
    """
    on = bed.regions.on(genome.lengths)
    if on.all():
        return bed, ""
    row = int(on.argmin())
    region = window_name(bed.contigs[row], int(bed.regions.starts[row]), int(bed.regions.ends[row]))
    contig, first = bed.regions.contigs[row], f"{region} ({source_name(bed.path)}, line {bed.lines[row]})"
    if on_error == "fail" or not on.any():
        raise InputError(f"Expected a region within the {genome.lengths[contig]:,} bases of {contig} ({genome.path}), got {first}.")
    some = f"{(~on).sum():,} of the {len(on):,} regions"
    return bed.select(on), f"Skipped {some}, because they extend beyond their contig. The first one: {first}."


def _tiled(bed: Bed, genome: Genome, tile: Tile) -> Iterator[Records]:
    found = False
    for row, (contig, first, last, _) in enumerate(zip(*bed.regions, strict=True)):
        starts = tile.starts(int(first), int(last))
        tiles = Regions([contig] * len(starts), starts, starts + tile.width, starts)
        alike = bed.select(np.full(len(starts), row))
        for records in _batches(alike, tiles, genome):
            known = ~unknown_rows(records.sequences.flat.reshape(-1, tile.width))
            if known.any():
                found = True
                yield records if known.all() else records.select(known)
    if not found:
        raise InputError(f"The regions in {bed.path} have no window of {tile.width} bases that contains a letter other than N.")


def _batches(bed: Bed, windows: Regions, genome: Genome) -> Iterator[Records]:
    """Yields the sequences of `windows` as records, in order. The name of a window describes the part of the window within the contig."""
    lengths = genome.lengths
    limits = np.array([lengths[contig] for contig in windows.contigs], np.int64)
    firsts, lasts = np.maximum(windows.starts, 0), np.minimum(windows.ends, limits)
    padding = np.stack([firsts - windows.starts, windows.ends - lasts], axis=1)
    padding[bed.reverse] = padding[bed.reverse, ::-1]
    offsets = np.concatenate([[0], np.cumsum(windows.ends - windows.starts)])
    for first, last in batch_bounds(offsets, BATCH_ROWS, BATCH_LETTERS):
        part, reverse = windows.select(np.arange(first, last)), bed.reverse[first:last]
        sequences = genome.stretches(part.contigs, part.starts, part.ends)
        for row in np.flatnonzero(reverse).tolist():
            letters = sequences.flat[sequences.offsets[row] : sequences.offsets[row + 1]]
            letters[:] = reverse_complement(letters)
        cells = zip(bed.contigs[first:last], firsts[first:last].tolist(), lasts[first:last].tolist(), reverse.tolist(), strict=True)
        ids = [window_name(contig, start, end, reverse=turned) for contig, start, end, turned in cells]
        outside = padding[first:last] if padding[first:last].any() else None
        names = None if bed.names is None else bed.names[first:last]
        yield Records(ids, sequences, bed.lines[first:last], bed.path, outside, names)
