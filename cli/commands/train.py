"""`dreamkeras train`: measured sequences in, a run folder out."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dreamkeras.models.names import BODY
from dreamkeras.training.names import BACKENDS, LOSSES, OPTIMIZERS, PRECISIONS

from ..options.atac import atac_options, chosen_genome
from ..options.config_file import config_option
from ..options.numbers import DECIMAL, WHOLE, WholeRange
from ..options.shared import fold_count, fold_or_chromosome
from ..options.table import chosen_layout, table_options

if TYPE_CHECKING:
    from dreamkeras.data.assays.table_layout import TableLayout

__all__ = ["command"]


@click.command("train")
@click.argument("data", required=False, type=click.Path())
@click.option("--assay", default="yeast", show_default=True, help="What was measured: yeast, lentimpra, starrseq, your own table, or atac.")
@table_options
@atac_options
@click.option(
    "--model",
    help="Which network: see `dreamkeras models`, or FIRST,CORE,FINAL blocks; a team's three are its entry.  "
    "[default: dream-cnn-small; bpnet-small for atac]",
)
@click.option("--strategy", help="How it is trained: autosome, bhi, unlockdna, proformer or legnet.  [default: the network's own]")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder.  [default: runs/MODEL]")
@click.option("--valid", type=click.Path(), metavar="FILE", help="Data to validate on.  [default: held out of DATA]")
@click.option("--valid-fold", type=fold_or_chromosome, metavar="N", help="Fold of DATA to validate on, or chromosome that ids begin with.")
@click.option("--valid-fraction", type=DECIMAL, metavar="SHARE", help="Share of DATA to hold out.  [default: 0.1]")
@click.option("--folds", type=fold_count, metavar="N|given", help="Cross-validate: train a run for each of N folds, or of DATA's own.")
@click.option("--epochs", type=WholeRange(min=1), metavar="N", help="Passes over the examples.  [default: the strategy's]")
@click.option("--steps", type=WholeRange(min=1), metavar="N", help="Optimiser steps in all, in place of --epochs.")
@click.option(
    "--batch-size",
    type=WholeRange(min=2),
    metavar="N",
    help="Examples a step.  [default: the strategy's, halved down to 32 until an epoch has 100 steps]",
)
@click.option("--learning-rate", type=DECIMAL, metavar="RATE", help="Highest learning rate.  [default: the network's or the strategy's]")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="lion takes a tenth of the rate.  [default: the strategy's]")
@click.option("--loss", type=click.Choice(LOSSES), help="What is minimised, in standard units.  [default: the final block's own]")
@click.option("--ema", type=DECIMAL, metavar="M", help="Validate and save the moving average of the weights that keeps share M a step.")
@click.option("--mask", type=DECIMAL, metavar="SHARE", help="Share of the letters to mask and to tell.  [default: the strategy's]")
@click.option("--detect-mutations", type=DECIMAL, default=0.0, metavar="SHARE", help="Share of the letters to exchange and to detect.")
@click.option(
    "--slide",
    type=WholeRange(min=0),
    default=0,
    metavar="N",
    help="Slide each window by up to N letters, anew each epoch; N enters.",
)
@click.option("--jitter", type=DECIMAL, default=0.0, metavar="SD", help="Noise on the values of singletons, in the assay's units.")
@click.option("--balance", is_flag=True, help="Draw every bin of values equally often; an epoch is then not every example once.")
@click.option(
    "--test-shifts",
    type=WholeRange(min=0),
    default=0,
    metavar="N",
    help="Predict the mean over windows shifted by up to N letters, 16 at most.",
)
@click.option("--patience", type=WholeRange(min=1), metavar="N", help="Stop after N epochs without improvement of the validation r.")
@click.option(
    "--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True, help="Of the computation; weights stay float32."
)
@click.option("--minutes", type=DECIMAL, metavar="N", help="End with the epoch in which N minutes of training are over.")
@click.option("--init-from", type=click.Path(), metavar="MODEL", help="Start with the weights of a run; a new head where it differs.")
@click.option("--freeze", type=click.Choice(BODY), multiple=True, help="Keep this block of it as it is; may be given twice.")
@click.option("--body-rate", type=DECIMAL, metavar="SHARE", help="Share of the learning rate for its first and core block.")
@click.option("--seed", type=WHOLE, default=0, show_default=True, help="Of weights, split, order and dropout.")
@click.option("--split-seed", type=WHOLE, metavar="N", help="Of the split alone.  [default: the seed]")
@click.option("--backend", type=click.Choice(BACKENDS), help="[default: KERAS_BACKEND, else the first installed]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out from its last whole epoch.")
@config_option
@click.pass_context
def command(ctx: click.Context, /, out: Path | None, resume: bool, backend: str | None, **choices: Any) -> None:
    """Train a model on the measured sequences in DATA, or on a simulated library without it.

    Writes the run folder: the model as .keras and .onnx, its history, validation figures, predictions and plots.
    """
    from dreamkeras.files.decompression import open_source
    from dreamkeras.files.inputs import refuse_twice, rereadable
    from dreamkeras.models.names import known_model
    from dreamkeras.training.backend import choose_backend
    from dreamkeras.training.config import RunConfig
    from dreamkeras.training.run_folder.new_folder import check_free

    choices["model"] = known_model(choices["model"] or ("bpnet-small" if choices["assay"] == "atac" else "dream-cnn-small"))
    folder = out or Path("runs") / choices["model"]
    if resume:
        _refuse_choices(ctx)
        backend = backend or RunConfig.read(folder / "config.json").backend
    else:
        check_free(folder)
    atac = chosen_genome(choices["assay"], choices)
    layout = chosen_layout(choices["assay"], choices)
    _refuse_unused_split(layout, choices)
    files = choices["data"], choices["valid"]
    refuse_twice(files)
    ctx.with_resource(rereadable(*files))
    for file in filter(None, files):
        with open_source(file):  # Keras takes seconds to load: a wrong path need not wait for it
            pass
    backend = choose_backend(backend)

    from dreamkeras.training import cross_validation, run

    config = RunConfig.read(folder / "config.json") if resume else RunConfig(backend=backend, table=layout, atac=atac, **choices)
    if config.data is None and not resume:
        click.echo(f"No DATA given: training on {config.simulated:,} simulated yeast promoters.", err=True)
    if config.is_cross_validation:
        metrics = cross_validation.cross_validate(config, folder, lambda line: click.echo(line, err=True), backend, resume)
        among = f"in {len(metrics['folds'])} folds that were not trained on"
        click.echo(f"{folder}: {_figures(metrics)} on {metrics['n']:,} sequences {among}", err=True)
        return
    metrics = run.resume(folder, backend) if resume else run.train(config, folder)
    on = f"on {metrics['n']:,} sequences{_peaks(metrics)} (epoch {metrics['best_epoch']})"
    click.echo(f"{folder}: validation {_figures(metrics)} {on}", err=True)


def _peaks(metrics: dict[str, Any]) -> str:
    """The r of the peaks alone, where there are other windows; higher over all, for peaks are told from those."""
    r, peaks = metrics.get("peaks_r"), metrics.get("peaks", metrics["n"])
    if peaks == metrics["n"]:
        return ""
    return f", r {'undefined' if r is None or math.isnan(r) else f'{r:.3f}'} on the {peaks:,} peaks alone"


def _refuse_unused_split(layout: "TableLayout | None", choices: dict[str, Any]) -> None:
    """Refuses folds that would not be used, and a seed for a split where none is drawn.

    Raises:
        click.UsageError: One was given.
    """
    if layout and layout.fold_column is not None and choices["valid_fold"] is None and choices["folds"] is None:
        raise click.UsageError("Expected --valid-fold N or --folds beside --fold-column, got neither: its folds would not be used.")
    divided_by = "--folds given" if choices["folds"] == "given" else "--valid" if choices["valid"] else "--valid-fold"
    is_drawn = isinstance(choices["folds"], int) or (divided_by == "--valid-fold" and choices["valid_fold"] is None)
    if choices["split_seed"] is not None and choices["data"] and not is_drawn:
        raise click.UsageError(f"Expected no --split-seed beside {divided_by}, which draws nothing.")


def _figures(metrics: dict[str, Any]) -> str:
    """The r, or the error where there is no r."""
    r, mse = ("undefined" if metrics[name] is None or math.isnan(metrics[name]) else f"{metrics[name]:.4g}" for name in ("r", "mse"))
    return f"r undefined, mean squared error {mse}," if r == "undefined" else f"r {metrics['r']:.3f}"


def _refuse_choices(ctx: click.Context) -> None:
    """A resumed run keeps the choices it began with."""
    for parameter in ctx.command.params:
        given = ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name not in ("out", "resume", "backend"):
            raise click.UsageError(
                f"Expected only --out and --backend beside --resume, got {parameter.opts[0]}: the run keeps its choices."
            )
