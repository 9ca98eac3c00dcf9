"""`dreamkeras marginalise`: predicts the effect of motifs in many background sequences."""

from typing import TYPE_CHECKING, Any

import click

from dreamkeras.formats.names import TABLES

from ..hints import note_random_length
from ..options.numbers import DecimalRange, WholeRange
from ..options.shared import (
    batch_size_or_auto_option,
    device_option,
    models_option,
    numbers,
    output_option,
    refuse_unused,
    strands_option,
    threads_option,
)

if TYPE_CHECKING:
    from dreamkeras.explain.motif_sites import Arrangement
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.sequence.ragged import Ragged

__all__ = ["command"]


@click.command("marginalise", epilog="\b\nExample:\n  dreamkeras marginalise TGACTCA -m runs/mine")
@click.argument("motifs", nargs=-1, required=True, metavar="MOTIF [MOTIF2]")
@models_option
@output_option
@click.option(
    "--format", type=click.Choice(TABLES), help="Format of the results.  [default: the format that the suffix of FILE names, otherwise tsv]"
)
@click.option("--backgrounds", type=click.Path(), metavar="FILE", help="File of background sequences.  [default: random inserts]")
@click.option("-n", "--number", type=WholeRange(min=1), metavar="N", help="Number of random backgrounds.  [default: 100]")
@click.option(
    "--length",
    type=WholeRange(min=1),
    metavar="N",
    callback=note_random_length,
    help="Length of the random backgrounds.  [default: the usual length of the construct]",
)
@click.option("--gc", type=DecimalRange(0, 100), metavar="PERCENT", help="GC content of the random backgrounds, in percent.  [default: 50]")
@click.option(
    "--positions",
    type=numbers,
    metavar="FROM:TO:STEP",
    help="1-based positions of the first motif, as a range or a list such as 5,9,20.  [default: the middle]",
)
@click.option(
    "--spacings",
    type=numbers,
    metavar="FROM:TO:STEP",
    help="Numbers of bases between the two motifs, as a range or a list.  [default: 0:20:1]",
)
@strands_option
@click.option(
    "--seed",
    type=WholeRange(min=0),
    default=0,
    show_default=True,
    help="Random seed for the backgrounds and for ambiguous bases in motifs.",
)
@batch_size_or_auto_option
@threads_option
@device_option
def command(
    motifs: tuple[str, ...],
    models: tuple[str, ...],
    output: str,
    format: str | None,
    backgrounds: str | None,
    positions: list[int] | None,
    spacings: list[int] | None,
    strands: str,
    seed: int,
    **options: Any,
) -> None:
    """Predict the effect of MOTIF in many background sequences, alone or followed by MOTIF2.

    Motifs are written in IUPAC codes and replace bases of the backgrounds. At an N in a motif, the base of the background is kept.

    Each row of the results describes one arrangement of the motifs, with the 1-based position of MOTIF, the strands and, for two motifs,
    the spacing. The row has the effect of the arrangement with a 95 % interval. The effect is the mean prediction with the motifs minus the
    mean prediction without the motifs. For two motifs, the row also has the effect of each motif alone and the interaction. The interaction
    is the effect of the pair minus the sum of the two single effects.
    """
    if len(motifs) > 2:
        raise click.UsageError(f"Expected one or two motifs, got {len(motifs)}.")
    if spacings and len(motifs) == 1:
        raise click.UsageError("--spacings requires a second motif.")
    if backgrounds:
        refuse_unused("with --backgrounds", **{name: options[name] for name in ("number", "length", "gc")})

    from dreamkeras.explain.marginalisation_files import open_marginalisation
    from dreamkeras.explain.marginalise import marginalise

    from ..opening import open_models, report_packaged
    from ..progress import show_records
    from ..results import leave_manifest, model_files, refuse_clashes

    refuse_clashes((backgrounds, *model_files(models)), output)
    scorer, size = open_models(models, *(options[name] for name in ("device", "batch_size", "threads")))
    inserts = _read_inserts(backgrounds, scorer) if backgrounds else _random_inserts(scorer, seed, options)
    arrangements = _arrangements(motifs, positions, spacings or list(range(21)), strands, int(inserts.lengths.min()))
    results = open_marginalisation(output, motifs, scorer.tasks, format)
    with results as table, show_records("windows") as progress:
        table.write(marginalise(motifs, arrangements, inserts, scorer, seed=seed, batch_size=size, progress=progress))
    leave_manifest(output, models, [backgrounds] if backgrounds else [])
    report_packaged(models, scorer)


def _random_inserts(scorer: "Scorer", seed: int, options: dict[str, Any]) -> "Ragged":
    from dreamkeras.explain.marginalise import random_inserts
    from dreamkeras.scoring.insert_length import default_insert_length

    number, length, gc = (options[name] for name in ("number", "length", "gc"))
    return random_inserts(number or 100, length or default_insert_length(scorer.constructs), 0.5 if gc is None else gc / 100, seed)


def _read_inserts(path: str, scorer: "Scorer") -> "Ragged":
    """Reads the inserts of the sequences in a file."""
    import numpy as np

    from dreamkeras.errors import counted
    from dreamkeras.explain.mutants import common_inserts, fit_problems, require_fit
    from dreamkeras.files.inputs import file_name
    from dreamkeras.formats.reading import read_records
    from dreamkeras.sequence.ragged import Ragged

    parts = []
    for records in read_records(path):
        require_fit(records, fit_problems(records, scorer.constructs))
        parts.append(records.sequences.cut(*common_inserts(records.sequences, scorer.constructs)))
    click.echo(f"Read {counted(sum(map(len, parts)), 'record')} from {file_name(path)}.", err=True)
    return Ragged.from_lengths(np.concatenate([part.flat for part in parts]), np.concatenate([part.lengths for part in parts]))


def _arrangements(
    motifs: tuple[str, ...], positions: list[int] | None, spacings: list[int], strands: str, shortest: int
) -> "list[Arrangement]":
    """Returns the arrangements of motifs, with 1-based positions.

    If no position is given, the widest arrangement is placed in the middle of the shortest background.
    """
    from dreamkeras.explain.motif_sites import arrange, arrange_pair

    width = sum(map(len, motifs)) + (max(spacings) if len(motifs) > 1 else 0)
    firsts = [position - 1 for position in positions] if positions else [max(0, (shortest - width) // 2)]
    return arrange_pair(motifs, firsts, spacings, strands) if len(motifs) > 1 else arrange(firsts, strands)
