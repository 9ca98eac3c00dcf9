"""Options for regions and tiles of a genome, and for writing tracks. At import, the module loads only click."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dreamkeras.genome.names import STRANDS

from .numbers import WholeRange
from .shared import add_options, summits_option, wrong_values

if TYPE_CHECKING:
    from dreamkeras.errors import OnError
    from dreamkeras.genome.windows import GenomeWindows, Reader
    from dreamkeras.sequence.construct import Construct

__all__ = ["Reading", "chosen_reading", "chosen_windows", "column_option", "files_to_read", "genome_options", "track_settings"]


def genome_options(window: str = "--window") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator that adds the options for regions and tiles of a genome to a command.

    Args:
        window: Name of the option for the length of windows around regions.
    """
    return add_options(
        click.option(
            "--genome", type=click.Path(), metavar="FASTA", help="Reference genome. Read the regions in INPUT, which is BED or narrowPeak."
        ),
        click.option(
            "--tile",
            metavar="WIDTH:STEP",
            help="Read windows of WIDTH bases every STEP bases, along the sequences of a FASTA file or, with --genome, along regions. "
            "Windows in which every base is N are skipped.",
        ),
        click.option(
            window,
            type=WholeRange(min=1),
            metavar="N",
            help="Read N bases around each region's summit or midpoint.  [default: the model's window length; the region itself if "
            "the construct has flanks or adapters]",
        ),
        click.option(
            "--strand",
            type=click.Choice(STRANDS),
            help="Strand of the genome to read. The choice `given` reads the strand in the BED file.  [default: given]",
        ),
        summits_option,
    )


column_option = click.option(
    "--column", metavar="NAME", help="Column of predictions to write to a bedGraph or bigWig. Required if there are several columns."
)


class Reading(NamedTuple):
    """Reader of the input files of a command.

    Args:
        reader: Reads the records.
        files: Paths of all files that are read.
        choices: The chosen options, which can be written as JSON.
    """

    reader: "Reader"
    files: tuple[str, ...]
    choices: Mapping[str, Any]

    def with_names(self, inputs: Sequence[str]) -> "Reading":
        """Returns the reading with the names of the regions, if a BED file has names."""
        reader = self.reader.with_names(inputs)
        return self._replace(reader=reader, choices={**self.choices, **(reader.windows._asdict() if reader.windows else {})})


def chosen_windows(
    choices: dict[str, Any], columns: Mapping[str, str | int | None], on_error: "OnError", window: str = "--window"
) -> "GenomeWindows | None":
    """Removes the genome options from `choices`, and returns the windows to read. Returns None if no genome or tile is given.

    Args:
        choices: Values of the options, by parameter name.
        columns: Values of `--id-column` and `--sequence-column`.
        on_error: Value of `--on-error`.
        window: Name of the option for the length of windows around regions, as for `genome_options`.

    Raises:
        click.UsageError: Options cannot be combined, or the value of `--tile` is malformed.
    """
    options = {"window": window, "strand": "--strand", "summits": "--summits"}
    genome, tile = choices.pop("genome"), choices.pop("tile")
    given = {name: choices.pop(option.strip("-").replace("-", "_")) for name, option in options.items()}
    if genome is None and tile is None:
        for name, option in options.items():
            if given[name] is not None:
                raise click.UsageError(f"{option} requires --genome FASTA{' or --tile WIDTH:STEP' * (name == 'strand')}.")
        return None
    for name in ("window", "summits"):
        if given[name] is not None and (tile or genome is None):
            raise click.UsageError(f"{options[name]} requires --genome FASTA and cannot be combined with --tile.")
    for name, value in columns.items():
        if value is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} requires a table as INPUT, got --{'tile' if tile else 'genome'}.")
    from dreamkeras.genome.tiles import Tile
    from dreamkeras.genome.windows import GenomeWindows

    with wrong_values("--tile"):
        width = Tile.parse(tile) if tile else None
    return GenomeWindows(genome, width, given["window"], given["strand"] or "given", given["summits"], on_error)


def files_to_read(inputs: Sequence[str], windows: "GenomeWindows | None") -> tuple[str, ...]:
    """Returns the paths of the inputs and, if `windows` has a genome, the path of the genome."""
    return (*inputs, *([windows.genome] if windows and windows.genome else []))


def chosen_reading(
    inputs: Sequence[str],
    windows: "GenomeWindows | None",
    columns: Mapping[str, str | int | None],
    constructs: "Sequence[Construct]",
    window: str = "--window",
) -> Reading:
    """Returns the reader of the inputs.

    Args:
        inputs: Input files.
        windows: Windows to read, from `chosen_windows`.
        columns: Values of `--id-column` and `--sequence-column`.
        constructs: Constructs of the models, which determine the default length of windows around regions.
        window: Name of the option for the length of windows around regions, as for `genome_options`.

    Raises:
        click.UsageError: `--summits` is given although complete regions are read.
    """
    from dreamkeras.genome.windows import Reader, default_window

    if windows is None:
        return Reading(Reader(None, **columns), tuple(inputs), columns)
    if windows.genome and windows.tile is None and windows.window is None:
        windows = windows._replace(window=default_window(constructs))
    if windows.summits is not None and windows.window is None:
        raise click.UsageError(f"--summits requires {window} N, because complete regions are scored without {window}.")
    return Reading(Reader(windows), files_to_read(inputs, windows), {**columns, **windows._asdict()})


def track_settings(inputs: Sequence[str], windows: "GenomeWindows | None", column: str | None, format: str | None) -> Mapping[str, Any]:
    """Returns the keyword arguments of `formats.tracks.open_track`.

    Args:
        inputs: Input files.
        windows: Windows that are read.
        column: Value of `--column`.
        format: Format of the track. None for a table.

    Raises:
        InputError: A genome cannot be read.
    """
    from dreamkeras.genome.windows import contig_lengths

    if windows is None:
        return {"column": column}
    needs_lengths = format == "bigwig" or (format and windows.genome)
    lengths = contig_lengths(inputs, windows) if needs_lengths else None
    return {"column": column, "middle": windows.tile.middle if windows.tile else None, "lengths": lengths}
