"""Places of a genome as records: regions of BED files, windows around their middles, or tiles along them or along whole contigs."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.formats.reading import read_files
from dreamkeras.genome.bed import Bed, read_bed
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Regions
from dreamkeras.genome.tiles import Tile, place_name, tile_fasta, unknown_rows
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import LETTERS, ROWS, Records

__all__ = ["Places", "Reader", "Strand", "contig_lengths", "default_window", "read_places", "region_records"]

Strand = Literal["given", "forward", "reverse"]


class Places(NamedTuple):
    """What of a genome is read.

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

    def check(self) -> "Places":
        """Itself, if its choices go together.

        Raises:
            InputError: They do not.
        """
        if self.strand not in get_args(Strand):
            raise InputError(f"Expected strand to be one of {', '.join(get_args(Strand))}, got {self.strand!r}.")
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
        places: Which places of a genome; None reads sequences as they stand in the files.
        id_column: Name or position of a table's column of names.
        sequence_column: Name or position of a table's column of sequences.
    """

    places: Places | None = None
    id_column: str | int | None = None
    sequence_column: str | int | None = None

    def read(self, paths: Iterable[str]) -> Iterator[Records]:
        """The records of files, one after the other; see `read_places` and `reading.read_records`."""
        if self.places is not None:
            return read_places(paths, self.places)
        return read_files(paths, id_column=self.id_column, sequence_column=self.sequence_column)


def default_window(constructs: Sequence[Construct]) -> int | None:
    """Letters around the middles of regions that models see: None where constant letters stand around an insert, or models differ."""
    lengths = {construct.length for construct in constructs if not construct.has_surroundings}
    return lengths.pop() if len(lengths) == len(constructs) == 1 else None


def contig_lengths(paths: Iterable[str], places: Places) -> dict[str, int]:
    """Letters of the contigs that are read, in the order of their files.

    Raises:
        InputError: A file cannot be looked up, or a contig stands in two.
    """
    lengths: dict[str, int] = {}
    for path in paths if places.genome is None else [places.genome]:
        found = Genome(path).lengths
        if twice := lengths.keys() & found.keys():
            raise InputError(f"Expected contigs of different names, got {min(twice)!r} once more in {path}.")
        lengths.update(found)
    return lengths


def read_places(paths: Iterable[str], places: Places) -> Iterator[Records]:
    """The places of files as records, called `contig:start-end` with positions from 0, and `(-)` behind those of the reverse strand.

    Args:
        paths: BED or narrowPeak, or FASTA where `places` has no genome; plain or gzip.
        places: What is read of them.

    Raises:
        InputError: A file cannot be read, a region is not on its contig, or no window is left.
    """
    places.check()
    if places.genome is not None:
        genome = Genome(places.genome)
        for path in paths:
            bed = read_bed(path, genome, places.summits)
            for remark in _remarks(bed, places):
                sys.stderr.write(f"{remark}\n")
            yield from region_records(bed, genome, places)
    elif places.tile is not None:
        for path in paths:
            yield from tile_fasta(path, places.tile, reverse=places.strand == "reverse")


def _remarks(bed: Bed, places: Places) -> list[str]:
    """What was decided about columns of a file that records depend on."""
    about = (bed.about_middles if places.window else "", bed.about_strands if places.strand == "given" else "")
    return [sentence for sentence in about if sentence]


def region_records(bed: Bed, genome: Genome, places: Places) -> Iterator[Records]:
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
    bed = bed._replace(reverse=bed.reverse if places.strand == "given" else np.full(len(on), places.strand == "reverse"))
    if places.tile is None:
        windows = bed.regions if places.window is None else bed.regions.windows(places.window)
        for rows in _batches(windows):
            yield _records(bed, windows, rows, genome)
    else:
        yield from _tiled(bed, genome, places.tile)


def _batches(regions: Regions) -> Iterator[np.ndarray]:
    """Rows in order, as many at once as make a batch of records."""
    ends = np.cumsum(regions.ends - regions.starts)
    first = 0
    while first < len(ends):
        fits = int(np.searchsorted(ends, (ends[first - 1] if first else 0) + LETTERS, side="right"))
        last = max(first + 1, min(first + ROWS, fits))
        yield np.arange(first, last)
        first = last


def _tiled(bed: Bed, genome: Genome, tile: Tile) -> Iterator[Records]:
    found = False
    for row, (contig, first, last, _) in enumerate(zip(*bed.regions, strict=True)):
        starts = tile.starts(int(first), int(last))
        tiles = Regions([contig] * len(starts), starts, starts + tile.width, starts)
        alike = Bed(tiles, np.full(len(starts), bed.reverse[row]), np.full(len(starts), bed.lines[row]), bed.path)
        for rows in _batches(tiles):
            records = _records(alike, tiles, rows, genome)
            known = ~unknown_rows(records.sequences.flat.reshape(-1, tile.width))
            if known.any():
                found = True
                yield records if known.all() else records.select(known)
    if not found:
        raise InputError(f"Expected a window of {tile.width} letters that are not all N in a region, got none in {bed.path}.")


def _records(bed: Bed, windows: Regions, rows: np.ndarray, genome: Genome) -> Records:
    part, reverse = windows.select(rows), bed.reverse[rows]
    sequences = _turned(genome.stretches(part.contigs, part.starts, part.ends), reverse)
    cells = zip(part.contigs, part.starts.tolist(), part.ends.tolist(), reverse.tolist(), strict=True)
    ids = [place_name(contig, start, end, reverse=turned) for contig, start, end, turned in cells]
    return Records(ids, sequences, bed.lines[rows], bed.path)


def _turned(sequences: Ragged, reverse: np.ndarray) -> Ragged:
    """The same texts, those of the reverse strand as it reads."""
    flat, offsets = sequences.flat, sequences.offsets
    for row in np.flatnonzero(reverse).tolist():
        letters = flat[offsets[row] : offsets[row + 1]]
        letters[:] = reverse_complement(letters)
    return sequences
