"""`dreamkeras design`: a model and a goal in, sequences that are predicted to reach it out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.design.names import METHODS
from dreamkeras.formats.decimals import is_number
from dreamkeras.training.names import BACKENDS

from ..options.numbers import DECIMAL, DecimalRange, WholeRange
from ..options.shared import (
    batch_size_or_auto_option,
    device_option,
    id_column_option,
    models_option,
    refuse_unused,
    sequence_column_option,
    threads_option,
)

if TYPE_CHECKING:
    from dreamkeras.design.methods import Designs
    from dreamkeras.design.run import ProposerOf

__all__ = ["command"]


def _target(_ctx: click.Context, _parameter: click.Parameter, text: str) -> str | float:
    if text in ("max", "min"):
        return text
    if not is_number(text):
        raise click.BadParameter(f"{text!r} is neither max, min nor a number.")
    return float(text)


@click.command("design")
@click.option("--target", required=True, callback=_target, metavar="max|min|VALUE", help="The highest prediction, the lowest, or a number.")
@models_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new folder for the results.")
@click.option("--start", type=click.Path(allow_dash=True), metavar="FILE", help="Sequences to begin with.  [default: random inserts]")
@id_column_option
@sequence_column_option
@click.option("--random", type=WholeRange(min=1), metavar="N", help="Random inserts to begin with.  [default: 1]")
@click.option("--length", type=WholeRange(min=1), metavar="N", help="Letters of a random insert.  [default: the construct's usual]")
@click.option("--method", type=click.Choice(METHODS), default="evolution", show_default=True, help="How to search.")
@click.option("--steps", type=WholeRange(min=1), metavar="N", help="Most steps.  [default: 50; greedy and gradient: 100]")
@click.option("--calls", type=WholeRange(min=1), metavar="N", help="Most designs that are tried for each start.")
@click.option("--population", type=WholeRange(min=1), metavar="N", help="Members of a population, in evolution.  [default: 100]")
@click.option("--width", type=WholeRange(min=1), metavar="N", help="Designs kept at each step of a beam search.  [default: 8]")
@click.option("--number", type=WholeRange(min=1), default=1, show_default=True, help="Designs for each start.")
@click.option("--diversity", type=WholeRange(min=1), default=1, show_default=True, help="Fewest letters in which two designs differ.")
@click.option("--constraints", type=click.Path(), metavar="FILE", help="The constraints below in TOML; those given here win.")
@click.option("--gc", nargs=2, type=DECIMAL, metavar="LOW HIGH", help="Least and most G and C in the insert, in percent.")
@click.option("--forbid", multiple=True, metavar="SITE", help="An enzyme, as EcoRI, or IUPAC codes: on neither strand. Repeatable.")
@click.option("--require", multiple=True, metavar="SITE", help="Likewise, what has to be there, on one strand. Repeatable.")
@click.option("--homopolymer", type=WholeRange(min=1), metavar="N", help="Most equal letters in a row.")
@click.option("--fixed", multiple=True, metavar="FIRST-LAST", help="Positions of the insert, from 1, that stay. Repeatable.")
@click.option("--max-edits", type=WholeRange(min=1), metavar="N", help="Most letters that differ from the start.")
@click.option("--penalty", type=DecimalRange(min=0), default=0.0, metavar="K", help="Take K standard deviations of an ensemble off.")
@click.option("--task", metavar="NAME", help="The task that counts, of a model with several.")
@click.option("--minus", metavar="NAME", help="A task whose prediction is taken from it.")
@click.option("--with-adapters", is_flag=True, help="Write designs between their adapters.")
@click.option("--seed", type=WholeRange(min=0), default=0, show_default=True, help="Of all random choices.")
@device_option
@batch_size_or_auto_option
@threads_option
@click.option("--backend", type=click.Choice(BACKENDS), help="Of the method gradient.  [default: KERAS_BACKEND, else the first installed]")
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
    """Design inserts that a model predicts to express as wanted.

    Changes letters of the sequences in --start, or of random inserts; adapters and flanks stay. Writes designs.tsv, designs.fa,
    steps.tsv and a manifest.
    """
    by_gradient = choices["method"] == "gradient"
    _check_usage(models, random, backend, choices)

    from dreamkeras.design.constraints import Constraints
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
    """Refuses options that do not go together."""
    others = [model for model in models if not Path(model).is_dir()] if models else ["none"]
    if choices["method"] == "gradient" and others:
        raise click.UsageError(f"Expected run folders (-m) for --method gradient, which needs Keras models, got {others[0]}.")
    for method, name in (("gradient", "backend"), ("evolution", "population"), ("beam", "width")):
        if choices["method"] != method:
            refuse_unused(f"--method {method}", **{name: choices.get(name, backend)})
    if not choices["start"]:
        refuse_unused("--start", id_column=choices["id_column"], sequence_column=choices["sequence_column"])
    elif random or choices["length"]:
        raise click.UsageError("Expected --start or random inserts (--random, --length), got both.")


def _gradient_edits(models: tuple[str, ...], backend: str | None, batch_size: int) -> "ProposerOf":
    """Proposes edits by the gradients of the Keras models of run folders."""
    from dreamkeras.export.onnx_file import find_model
    from dreamkeras.training.backend import choose_backend

    files = [find_model(Path(model)) for model in models]
    choose_backend(backend)

    from dreamkeras.export.tracing import load_network
    from dreamkeras.models.gradient_edits import GradientEdits

    return lambda goal: GradientEdits([load_network(file) for file in files], goal, batch_size=batch_size)


def _report(designs: "Designs", number: int) -> None:
    """Prints the designs, tab-separated, and how many are missing."""
    import numpy as np

    from dreamkeras.design.files import design_ids
    from dreamkeras.formats.numbers import format_numbers

    click.echo("id\tstart_prediction\tprediction\tedits")
    before = designs.before[designs.owner]
    for name, *values, edits in zip(design_ids(designs), before, designs.values, designs.edits, strict=True):
        click.echo("\t".join([name, *format_numbers(np.array(values)), str(edits)]))
    if len(designs.values) < (wanted := number * len(designs.starts)):
        click.echo(f"Warning: {len(designs.values):,} of {wanted:,} designs were found that are different enough.", err=True)
