"""Options of `predict` for regions and tiles of a genome, and for writing tracks. At import, the module loads only click."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dreamkeras.genome.names import STRANDS

from .numbers import WholeRange
from .shared import add_options, summits_option

if TYPE_CHECKING:
    from dreamkeras.genome.windows import GenomeWindows, Reader
    from dreamkeras.scoring.scorer import Scorer

__all__ = ["Reading", "chosen_reading", "genome_options"]

genome_options = add_options(
    click.option(
        "--genome", type=click.Path(), metavar="FASTA", help="Reference genome. Score the regions in INPUT, which is BED or narrowPeak."
    ),
    click.option(
        "--tile",
        metavar="WIDTH:STEP",
        help="Score windows of WIDTH bases every STEP bases, along the sequences of a FASTA file or, with --genome, along regions. "
        "Windows in which every base is N are skipped.",
    ),
    click.option(
        "--window",
        type=WholeRange(min=1),
        metavar="N",
        help="Score N bases around each region's summit or midpoint.  [default: the model's window length; the region itself if "
        "the construct has flanks or adapters]",
    ),
    click.option(
        "--strand",
        type=click.Choice(STRANDS),
        help="Strand of the genome to read. The choice `given` reads the strand in the BED file.  [default: given]",
    ),
    summits_option,
    click.option(
        "--column", metavar="NAME", help="Column of predictions to write to a bedGraph or bigWig. Required if there are several columns."
    ),
)


class Reading(NamedTuple):
    """Reader of the input files of `predict`, and settings of the output track.

    Args:
        reader: Reads the records.
        track: Keyword arguments of `formats.tracks.open_track`.
        files: Paths of all files that are read.
        choices: The chosen options, which can be written as JSON.
    """

    reader: "Reader"
    track: Mapping[str, Any]
    files: tuple[str, ...]
    choices: Mapping[str, Any]


def chosen_reading(
    inputs: Sequence[str], scorer: "Scorer", choices: dict[str, Any], columns: Mapping[str, str | int | None], format: str | None
) -> Reading:
    """Returns the reader of the inputs and the settings of a track.

    Args:
        inputs: Input files.
        scorer: Model, whose constructs determine the default window.
        choices: Values of the genome options, by parameter name.
        columns: Values of `--id-column` and `--sequence-column`.
        format: Format of the track. None for a table.

    Raises:
        click.UsageError: Options cannot be combined.
        InputError: A genome cannot be read.
    """
    from dreamkeras.genome.windows import Reader, contig_lengths, default_window

    column = choices["column"]
    windows = _chosen_windows(choices)
    if windows is None:
        return Reading(Reader(None, **columns), {"column": column}, tuple(inputs), columns)
    for name, value in columns.items():
        if value is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} requires a table as INPUT, got --{'tile' if windows.tile else 'genome'}.")
    if windows.genome and windows.tile is None and windows.window is None:
        windows = windows._replace(window=default_window(scorer.constructs))
    if windows.summits is not None and windows.window is None:
        raise click.UsageError("--summits requires --window N, because complete regions are scored without --window.")
    track = {
        "column": column,
        "middle": windows.tile.middle if windows.tile else None,
        "lengths": contig_lengths(inputs, windows) if format == "bigwig" or (format and windows.genome) else None,
    }
    files = (*inputs, *([windows.genome] if windows.genome else []))
    return Reading(Reader(windows), track, files, {**columns, **windows._asdict()})


def _chosen_windows(choices: dict[str, Any]) -> "GenomeWindows | None":
    genome, tile, window, strand, summits = (choices[name] for name in ("genome", "tile", "window", "strand", "summits"))
    if genome is None and tile is None:
        for name in ("window", "strand", "summits"):
            if choices[name] is not None:
                raise click.UsageError(f"--{name} requires --genome FASTA{' or --tile WIDTH:STEP' * (name == 'strand')}.")
        return None
    for name in ("window", "summits"):
        if choices[name] is not None and (tile or genome is None):
            raise click.UsageError(f"--{name} requires --genome FASTA and cannot be combined with --tile.")
    from dreamkeras.genome.tiles import Tile
    from dreamkeras.genome.windows import GenomeWindows

    return GenomeWindows(genome, Tile.parse(tile) if tile else None, window, strand or "given", summits)
