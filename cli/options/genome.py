"""The options of `predict` for places of a genome: which are read, and how they are written as a track. click only."""

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
    click.option("--genome", type=click.Path(), metavar="FASTA", help="INPUT is BED or narrowPeak: regions of this genome are scored."),
    click.option(
        "--tile",
        metavar="WIDTH:STEP",
        help="Score windows of WIDTH letters, one each STEP, along the FASTA INPUT, or along the regions; those of N alone are left out.",
    ),
    click.option(
        "--window",
        type=WholeRange(min=1),
        metavar="N",
        help="Score N letters around each region's summit or middle.  [default: what the model sees; the region itself where "
        "the construct has flanks or adapters]",
    ),
    click.option("--strand", type=click.Choice(STRANDS), help="Strand of the genome that is read.  [default: given, by the line in BED]"),
    summits_option,
    click.option("--column", metavar="NAME", help="The one prediction that a bedGraph or bigWig holds, where the model has several."),
)


class Reading(NamedTuple):
    """How records are read, and the settings of a track of them.

    Args:
        reader: How they are read.
        track: The keywords of `formats.tracks.open_track`.
        files: All files that are read.
        choices: The choices, JSON-able.
    """

    reader: "Reader"
    track: Mapping[str, Any]
    files: tuple[str, ...]
    choices: Mapping[str, Any]


def chosen_reading(
    inputs: Sequence[str], scorer: "Scorer", choices: dict[str, Any], columns: Mapping[str, str | int | None], format: str | None
) -> Reading:
    """How the inputs become records; `format` is that of a track, None for a table, which needs no lengths of contigs.

    Raises:
        click.UsageError: Options do not go together.
        InputError: A genome cannot be looked up.
    """
    from dreamkeras.genome.windows import Reader, contig_lengths, default_window

    column = choices["column"]
    windows = _chosen_windows(choices)
    if windows is None:
        return Reading(Reader(None, **columns), {"column": column}, tuple(inputs), columns)
    for name, value in columns.items():
        if value is not None:
            raise click.UsageError(f"Expected a table for --{name.replace('_', '-')}, got places of a genome.")
    if windows.genome and windows.tile is None and windows.window is None:
        windows = windows._replace(window=default_window(scorer.constructs))
    if windows.summits is not None and windows.window is None:
        raise click.UsageError("Expected --window N for --summits, got regions that are scored as they stand.")
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
                raise click.UsageError(f"Expected --genome FASTA{' or --tile WIDTH:STEP' * (name == 'strand')} for --{name}, got none.")
        return None
    for name in ("window", "summits"):
        if choices[name] is not None and (tile or genome is None):
            raise click.UsageError(f"Expected --genome FASTA and no --tile for --{name}, got a tile.")
    from dreamkeras.genome.tiles import Tile
    from dreamkeras.genome.windows import GenomeWindows

    return GenomeWindows(genome, Tile.parse(tile) if tile else None, window, strand or "given", summits)
