"""`dreamkeras design`: designs sequences with a desired predicted expression."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.design.names import METHODS
from dreamkeras.formats.decimals import is_number
from dreamkeras.training.names import BACKENDS

from ..hints import note_random_length
from ..options.numbers import DECIMAL, DecimalRange, WholeRange
from ..options.shared import (
    batch_size_or_auto_option,
    device_option,
    id_column_option,
    models_option,
    refuse_unused,
    sequence_column_option,
    threads_option,
    wrong_values,
)

if TYPE_CHECKING:
    from dreamkeras.design.methods import Designs
    from dreamkeras.design.run import ProposerOf

__all__ = ["command"]


def _target(ctx: click.Context, parameter: click.Parameter, text: str) -> Any:
    if text in ("max", "min"):
        return text
    if not is_number(text):
        raise click.BadParameter(f"Expected max, min or a number, got {text!r}.")
    return DECIMAL.convert(text, parameter, ctx)


@click.command(
    "design", epilog="\b\nExample:\n  dreamkeras design --target max -m runs/mine --forbid BsaI --gc 40 60 --number 3 -o designs"
)
@click.option(
    "--target", required=True, callback=_target, metavar="max|min|VALUE", help="Desired prediction: the highest, the lowest, or a value."
)
@models_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="New folder for the results.")
@click.option(
    "--start", type=click.Path(allow_dash=True), metavar="FILE", help="File of sequences to start from.  [default: random inserts]"
)
@id_column_option
@sequence_column_option
@click.option("--random", type=WholeRange(min=1), metavar="N", help="Number of random inserts to start from.  [default: 1]")
@click.option(
    "--length",
    type=WholeRange(min=1),
    metavar="N",
    callback=note_random_length,
    help="Length of the random inserts.  [default: the usual length of the construct]",
)
@click.option("--method", type=click.Choice(METHODS), default="evolution", show_default=True, help="Search method.")
@click.option("--steps", type=WholeRange(min=1), metavar="N", help="Maximum number of steps.  [default: 50; 100 for greedy and gradient]")
@click.option("--calls", type=WholeRange(min=1), metavar="N", help="Maximum number of designs evaluated per starting sequence.")
@click.option("--population", type=WholeRange(min=1), metavar="N", help="Population size of --method evolution.  [default: 100]")
@click.option("--width", type=WholeRange(min=1), metavar="N", help="Number of designs kept at each step of --method beam.  [default: 8]")
@click.option("--number", type=WholeRange(min=1), default=1, show_default=True, help="Number of designs per starting sequence.")
@click.option(
    "--diversity", type=WholeRange(min=1), default=1, show_default=True, help="Minimum number of bases in which two designs differ."
)
@click.option(
    "--constraints",
    type=click.Path(),
    metavar="FILE",
    help="TOML file with values for the constraint options below. Command-line options take precedence.",
)
@click.option("--gc", nargs=2, type=DECIMAL, metavar="LOW HIGH", help="Minimum and maximum GC content of the insert, in percent.")
@click.option(
    "--forbid",
    multiple=True,
    metavar="SITE",
    help="Restriction site (EcoRI or another enzyme) or IUPAC pattern that is forbidden on both strands. Repeatable.",
)
@click.option(
    "--require",
    multiple=True,
    metavar="SITE",
    help="Restriction site or IUPAC pattern that is required on at least one strand. Repeatable.",
)
@click.option("--homopolymer", type=WholeRange(min=1), metavar="N", help="Maximum length of a run of the same base.")
@click.option("--fixed", multiple=True, metavar="FIRST-LAST", help="1-based positions of the insert that must not change. Repeatable.")
@click.option("--max-edits", type=WholeRange(min=1), metavar="N", help="Maximum number of bases that differ from the starting sequence.")
@click.option(
    "--penalty",
    type=DecimalRange(min=0),
    default=0.0,
    metavar="K",
    help="Subtract K standard deviations of the ensemble's predictions from the objective.",
)
@click.option("--task", metavar="NAME", help="Task to optimise. Required if the model has several tasks.")
@click.option("--minus", metavar="NAME", help="Task whose prediction is subtracted from the prediction of --task.")
@click.option("--with-adapters", is_flag=True, help="Write designs with their adapters.")
@click.option("--seed", type=WholeRange(min=0), default=0, show_default=True, help="Random seed.")
@device_option
@batch_size_or_auto_option
@threads_option
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Keras backend for --method gradient.  [default: the backend in KERAS_BACKEND, or the first that is installed]",
)
def command(
    output: Path,
    models: tuple[str, ...],
    batch_size: int | str | None,
    threads: int | str | None,
    device: str,
    random: int | None,
    backend: str | None,
    **choices: Any,
) -> None:
    """Design inserts whose predicted expression is as high, as low or as near to a value as possible.

    The search changes bases of the sequences in --start, or of random inserts. Adapters and flanks stay unchanged. The command writes
    designs.tsv, designs.fa, steps.tsv and manifest.json into DIR.
    """
    by_gradient = choices["method"] == "gradient"
    _check_usage(models, random, backend, choices)

    from dreamkeras.design.constraints import Constraints, settle_constraints
    from dreamkeras.design.methods import SearchSettings
    from dreamkeras.design.run import DesignChoices, run_design
    from dreamkeras.files.inputs import refuse_twice
    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    from ..opening import open_models, report_packaged
    from ..progress import show_records
    from ..results import command_line

    refuse_twice((choices["start"], choices["constraints"]))
    given = {name: choices.pop(name) for name in Constraints._fields}
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value not in (None, ())}
    with wrong_values():
        settle_constraints(fields)
    settings = SearchSettings(**{name: value for name in SearchSettings._fields if (value := choices.pop(name)) is not None})
    scorer, size = open_models(models, device, batch_size, threads)
    proposer_of = _gradient_edits(models, backend, size) if by_gradient else None
    named = models or (str(PACKAGED_MODEL),)
    chosen = DesignChoices(models=named, fields=fields, settings=settings, batch_size=size, random=random or 1, **choices)
    with show_records() as progress:
        designs = run_design(chosen, scorer, output, command_line(), proposer_of=proposer_of, progress=progress)
    report_packaged(models, scorer)
    _report(designs, settings.number)
    click.echo(f"Wrote {output}: see designs.tsv.", err=True)


def _check_usage(models: tuple[str, ...], random: int | None, backend: str | None, choices: dict[str, Any]) -> None:
    """Refuses combinations of options that have no effect or contradict each other.

    Raises:
        click.UsageError: Options cannot be combined.
    """
    others = [model for model in models if not Path(model).is_dir()] if models else ["none"]
    if choices["method"] == "gradient" and others:
        raise click.UsageError(f"--method gradient uses Keras models, so -m must be a run folder, got {others[0]}.")
    for method, name in (("gradient", "backend"), ("evolution", "population"), ("beam", "width")):
        if choices["method"] != method:
            refuse_unused(f"without --method {method}", **{name: choices.get(name, backend)})
    if not choices["start"]:
        refuse_unused("without --start", id_column=choices["id_column"], sequence_column=choices["sequence_column"])
    elif random or choices["length"]:
        raise click.UsageError("--start cannot be combined with --random or --length.")


def _gradient_edits(models: tuple[str, ...], backend: str | None, batch_size: int) -> "ProposerOf":
    """Returns a function that takes a goal and returns a `GradientEdits`, which uses the Keras models in the run folders."""
    from dreamkeras.export.member_runs import find_models
    from dreamkeras.training.backend import choose_backend

    files = [file for model in models for file in find_models(Path(model))]
    choose_backend(backend)

    from dreamkeras.export.tracing import load_network
    from dreamkeras.models.gradient_edits import GradientEdits

    return lambda goal: GradientEdits([load_network(file) for file in files], goal, batch_size=batch_size)


def _report(designs: "Designs", number: int) -> None:
    """Prints the designs, tab-separated, and a warning if fewer designs than requested were found."""
    import numpy as np

    from dreamkeras.design.files import design_ids
    from dreamkeras.formats.numbers import format_numbers

    from ..results import echo_result

    echo_result("id\tstart_prediction\tprediction\tedits")
    before = designs.before[designs.owner]
    for name, *values, edits in zip(design_ids(designs), before, designs.values, designs.edits, strict=True):
        echo_result("\t".join([name, *format_numbers(np.array(values)), str(edits)]))
    if len(designs.values) < (wanted := number * len(designs.starts)):
        click.echo(f"Warning: Found only {len(designs.values):,} of {wanted:,} designs that differ enough from each other.", err=True)
