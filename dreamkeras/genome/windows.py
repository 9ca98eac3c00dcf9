"""Places of a genome as records: regions of BED files, windows around their middles, or tiles along them or along whole contigs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.formats.reading import read_files
from dreamkeras.genome.bed import Bed, read_bed
from dreamkeras.genome.names import STRANDS, Strand
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Regions
from dreamkeras.genome.tiles import Tile, tile_fasta, unknown_rows, window_name
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import batch_bounds
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS, Records

__all__ = ["GenomeWindows", "Reader", "contig_lengths", "default_window", "read_windows", "region_records"]


class GenomeWindows(NamedTuple):
    """The windows of a genome that are read.

    Args:
        genome: A FASTA file whose regions BED files name; None where the files are FASTA themselves.
        tile: Windows along each region, or along each contig where there is no `genome`, which then has to be given.
        window: Letters of a window around each region's summit or middle; None takes regions as they stand.
        strand: The strand to read: the one that a region's line tells, or the same for all.
        summits: Whether column 10 of a BED file holds summits, which windows are then centred on; None decides by each file.
    """

    genome: str | None = None
    tile: Tile | None = None
    window: int | None = None
    strand: Strand = "given"
    summits: bool | None = None

    def check(self) -> "GenomeWindows":
        """Itself, if its choices go together.

        Raises:
            InputError: They do not.
        """
        if self.strand not in STRANDS:
            raise InputError(f"Expected strand to be one of {', '.join(STRANDS)}, got {self.strand!r}.")
        if self.genome is None and self.tile is None:
            raise InputError("Expected a genome or a tile to read places of a genome, got neither.")
        if self.window is not None and (self.tile or self.genome is None):
            raise InputError("Expected regions of a genome, and no tile, to take windows around their middles.")
        if self.summits is not None and self.window is None:
            raise InputError("Expected windows around the middles of regions, to choose summits for them, got none.")
        return self


class Reader(NamedTuple):
    """How files become records.

    Args:
        windows: Which windows of a genome; None reads the sequences of the files.
        id_column: Name or position of a table's column of names.
        sequence_column: Name or position of a table's column of sequences.
    """

    windows: GenomeWindows | None = None
    id_column: str | int | None = None
    sequence_column: str | int | None = None

    def read(self, paths: Iterable[str], remark: Callable[[str], None] | None = None) -> Iterator[Records]:
        """The records of files, one after the other; see `read_windows` and `reading.read_records`."""
        if self.windows is not None:
            return read_windows(paths, self.windows, remark)
        return read_files(paths, id_column=self.id_column, sequence_column=self.sequence_column)


def default_window(constructs: Sequence[Construct]) -> int | None:
    """Letters around the middles of regions that models see: None where constant letters stand around an insert, or models differ."""
    lengths = {construct.length for construct in constructs if not construct.has_surroundings}
    return lengths.pop() if len(lengths) == len(constructs) == 1 else None


def contig_lengths(paths: Iterable[str], wanted: GenomeWindows) -> dict[str, int]:
    """Letters of the contigs that are read, in the order of their files.

    Raises:
        InputError: A file cannot be read, or a contig is in two.
    """
    lengths: dict[str, int] = {}
    for path in paths if wanted.genome is None else [wanted.genome]:
        found = Genome(path).lengths
        if twice := lengths.keys() & found.keys():
            raise InputError(f"Expected contigs of different names, got {min(twice)!r} once more in {path}.")
        lengths.update(found)
    return lengths


def read_windows(paths: Iterable[str], wanted: GenomeWindows, remark: Callable[[str], None] | None = None) -> Iterator[Records]:
    """The places of files as records, called `contig:start-end` with positions from 0, and `(-)` behind those of the reverse strand.

    Args:
        paths: BED or narrowPeak, or FASTA where `wanted` has no genome; plain or gzip.
        wanted: Which windows of them.
        remark: Takes sentences on the columns of a file that the records depend on.

    Raises:
        InputError: A file cannot be read, a region is not on its contig, or no window is left.
    """
    wanted.check()
    if wanted.genome is not None:
        genome = Genome(wanted.genome)
        for path in paths:
            bed = read_bed(path, genome, wanted.summits)
            about = (bed.about_middles if wanted.window else "", bed.about_strands if wanted.strand == "given" else "")
            for sentence in filter(None, about):
                if remark:
                    remark(sentence)
            yield from region_records(bed, genome, wanted)
    elif wanted.tile is not None:
        for path in paths:
            yield from tile_fasta(path, wanted.tile, reverse=wanted.strand == "reverse")


def region_records(bed: Bed, genome: Genome, wanted: GenomeWindows) -> Iterator[Records]:
    """The regions of one file as records; `N` beyond the ends of contigs where windows reach there.

    Raises:
        InputError: A region is not on its contig as a whole, or no tile fits any.
    """
    on = bed.regions.on(genome.lengths)
    if not on.all():
        row = int(on.argmin())
        contig = bed.regions.contigs[row]
        raise InputError(
            f"Expected a region within the {genome.lengths[contig]:,} letters of {contig} ({genome.path}), got {bed.regions.names[row]} "
            f"({bed.path}, line {bed.lines[row]})."
        )
    bed = bed._replace(reverse=bed.reverse if wanted.strand == "given" else np.full(len(on), wanted.strand == "reverse"))
    if wanted.tile is None:
        windows = bed.regions if wanted.window is None else bed.regions.windows(wanted.window)
        yield from _batches(bed, windows, genome)
    else:
        yield from _tiled(bed, genome, wanted.tile)


def _tiled(bed: Bed, genome: Genome, tile: Tile) -> Iterator[Records]:
    found = False
    for row, (contig, first, last, _) in enumerate(zip(*bed.regions, strict=True)):
        starts = tile.starts(int(first), int(last))
        tiles = Regions([contig] * len(starts), starts, starts + tile.width, starts)
        alike = Bed(tiles, np.full(len(starts), bed.reverse[row]), np.full(len(starts), bed.lines[row]), bed.path)
        for records in _batches(alike, tiles, genome):
            known = ~unknown_rows(records.sequences.flat.reshape(-1, tile.width))
            if known.any():
                found = True
                yield records if known.all() else records.select(known)
    if not found:
        raise InputError(f"Expected a window of {tile.width} letters that are not all N in a region, got none in {bed.path}.")


def _batches(bed: Bed, windows: Regions, genome: Genome) -> Iterator[Records]:
    """The windows of the regions of a file, in order."""
    offsets = np.concatenate([[0], np.cumsum(windows.ends - windows.starts)])
    for first, last in batch_bounds(offsets, BATCH_ROWS, BATCH_LETTERS):
        part, reverse = windows.select(np.arange(first, last)), bed.reverse[first:last]
        sequences = genome.stretches(part.contigs, part.starts, part.ends)
        for row in np.flatnonzero(reverse).tolist():
            letters = sequences.flat[sequences.offsets[row] : sequences.offsets[row + 1]]
            letters[:] = reverse_complement(letters)
        cells = zip(part.contigs, part.starts.tolist(), part.ends.tolist(), reverse.tolist(), strict=True)
        ids = [window_name(contig, start, end, reverse=turned) for contig, start, end, turned in cells]
        yield Records(ids, sequences, bed.lines[first:last], bed.path)
