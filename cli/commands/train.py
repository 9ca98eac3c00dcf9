"""`dreamkeras train`: trains a model on measured or simulated sequences."""

import math
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dreamkeras.errors import counted
from dreamkeras.formats.decimals import LARGEST
from dreamkeras.models.names import BODY
from dreamkeras.training.names import BACKENDS, LARGEST_SEED, LOSSES, MOST_TEST_SHIFTS, OPTIMIZERS, PRECISIONS

from ..hints import note_default_assay
from ..options.atac import atac_options, chosen_genome
from ..options.config_file import config_option
from ..options.numbers import DecimalRange, WholeRange
from ..options.shared import fold_count, fold_or_chromosome, rows_on_error_option, wrong_values
from ..options.table import chosen_layout, table_options
from ..process import hint_at_stop

if TYPE_CHECKING:
    from dreamkeras.data.assays.table_layout import TableLayout
    from dreamkeras.training.config import RunConfig

__all__ = ["command"]


@click.command(
    "train",
    epilog="\b\nExamples:\n  dreamkeras train promoters.tsv --epochs 10 --out runs/mine\n"
    "  dreamkeras train mpra.csv --assay table --target-column activity --model dream-rnn-small --patience 5",
)
@click.argument("data", required=False, type=click.Path())
@click.option(
    "--assay",
    default="yeast",
    show_default=True,
    callback=note_default_assay,
    help="Assay of DATA: yeast, lentimpra, starrseq, table (your own columns) or atac.",
)
@table_options
@atac_options
@rows_on_error_option
@click.option(
    "--model",
    help="Network name, or three blocks as FIRST,CORE,FINAL. See `dreamkeras models`.  [default: dream-cnn-small; bpnet-small for atac]",
)
@click.option(
    "--strategy", help="Training strategy: autosome, bhi, unlockdna, proformer or legnet.  [default: the strategy of the network]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder to create.  [default: runs/MODEL]")
@click.option("--valid", type=click.Path(), metavar="FILE", help="Validate on the sequences in FILE.  [default: hold out part of DATA]")
@click.option(
    "--valid-fold",
    type=fold_or_chromosome,
    metavar="N",
    help="Validate on this fold of DATA, or on sequences whose ids begin with this chromosome.",
)
@click.option(
    "--valid-fraction",
    type=DecimalRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Fraction of DATA to hold out for validation.  [default: 0.1]",
)
@click.option(
    "--folds",
    type=fold_count,
    metavar="N|given",
    help="Cross-validate with N random folds, or with the folds in DATA (`given`).",
)
@click.option(
    "--epochs", type=WholeRange(min=1), metavar="N", help="Number of passes over the training data.  [default: from the strategy]"
)
@click.option("--steps", type=WholeRange(min=1), metavar="N", help="Total number of optimiser steps, instead of --epochs.")
@click.option(
    "--batch-size",
    type=WholeRange(min=2),
    metavar="N",
    help="Number of examples per step.  "
    "[default: the number of the strategy, halved while it is above 32 and an epoch has fewer than 100 steps]",
)
@click.option(
    "--learning-rate",
    type=DecimalRange(min=0, min_open=True),
    metavar="RATE",
    help="Peak learning rate.  [default: the rate of the strategy, limited by the core block of the network]",
)
@click.option(
    "--optimizer",
    type=click.Choice(OPTIMIZERS),
    help="Optimiser. lion uses a tenth of the strategy's learning rate.  [default: from the strategy]",
)
@click.option(
    "--loss",
    type=click.Choice(LOSSES),
    help="Loss on standardised values.  [default: the loss of the strategy or, if the strategy has none, of the final block]",
)
@click.option(
    "--ema",
    type=DecimalRange(0, 1, max_open=True),
    metavar="M",
    help="Validate and save an exponential moving average of the weights, with decay M.",
)
@click.option(
    "--mask",
    type=DecimalRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Fraction of bases to mask. The network also learns to predict the masked bases.  [default: from the strategy]",
)
@click.option(
    "--detect-mutations",
    type=DecimalRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="Fraction of bases to mutate. The network also learns to detect the mutated bases.",
)
@click.option(
    "--slide",
    type=WholeRange(min=0),
    default=0,
    metavar="N",
    help="Shift each training window at random by up to N bases in every epoch.",
)
@click.option(
    "--jitter",
    type=DecimalRange(0, LARGEST),
    default=0.0,
    metavar="SD",
    help="Standard deviation of the noise that is added to values measured by a single read.",
)
@click.option(
    "--balance",
    is_flag=True,
    help="Draw examples equally often from all bins of similar values, instead of using each example once per epoch.",
)
@click.option(
    "--test-shifts",
    type=WholeRange(0, MOST_TEST_SHIFTS),
    default=0,
    metavar="N",
    help=f"Average each prediction over windows that are shifted by up to N bases in both directions. N is at most {MOST_TEST_SHIFTS}.",
)
@click.option("--patience", type=WholeRange(min=1), metavar="N", help="Stop after N epochs without improvement of the validation r.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="Precision of the computation. Weights stay float32.",
)
@click.option(
    "--minutes",
    type=DecimalRange(min=0, min_open=True),
    metavar="N",
    help="Stop at the end of the epoch in which N minutes of training have passed.",
)
@click.option(
    "--init-from",
    type=click.Path(),
    metavar="MODEL",
    help="Run folder or .keras file with the initial weights. The weights of the final block are used only if MODEL has the same tasks "
    "and units as DATA.",
)
@click.option("--freeze", type=click.Choice(BODY), multiple=True, help="Keep this block of the --init-from model unchanged. Repeatable.")
@click.option(
    "--body-rate",
    type=DecimalRange(0, 1, min_open=True),
    metavar="SHARE",
    help="Learning rate of the first and core blocks of the --init-from model, as a fraction of the full rate.",
)
@click.option(
    "--seed",
    type=WholeRange(0, LARGEST_SEED),
    default=0,
    show_default=True,
    help="Random seed for initial weights, split, order of examples and dropout.",
)
@click.option(
    "--split-seed",
    type=WholeRange(0, LARGEST_SEED),
    metavar="N",
    help="Random seed for the split and for simulated data.  [default: --seed]",
)
@click.option(
    "--backend", type=click.Choice(BACKENDS), help="Keras backend.  [default: the backend in KERAS_BACKEND, or the first that is installed]"
)
@click.option(
    "--resume",
    is_flag=True,
    help="Resume the run in --out after its last complete epoch. DATA may have moved, and --epochs or --steps may be larger.",
)
@config_option
@click.pass_context
def command(ctx: click.Context, /, out: Path | None, resume: bool, backend: str | None, **choices: Any) -> None:
    """Train a model on the sequences and measured values in DATA.

    DATA is a file in the format of the chosen --assay, by default yeast. Without DATA, the model is trained on a simulated library of yeast
    promoters. The run folder holds the model as .keras and .onnx files, a model card, the training history, validation metrics,
    predictions and plots.
    """
    from dreamkeras.files.decompression import open_source
    from dreamkeras.files.inputs import refuse_twice, rereadable
    from dreamkeras.files.kinds import BED, MEASUREMENTS
    from dreamkeras.models.names import known_model
    from dreamkeras.training.backend import choose_backend
    from dreamkeras.training.changes import changed
    from dreamkeras.training.config import RunConfig
    from dreamkeras.training.run_folder.new_folder import check_free

    choices["model"] = known_model(choices["model"] or ("bpnet-small" if choices["assay"] == "atac" else "dream-cnn-small"))
    folder = out or Path("runs") / choices["model"]
    if resume:
        choices = _changes(ctx)
        config = changed(RunConfig.read(folder / "config.json"), choices)
        backend = backend or config.backend
    else:
        check_free(folder)
        with wrong_values():
            choices["atac"] = chosen_genome(choices["assay"], choices)
            choices["table"] = chosen_layout(choices["assay"], choices)
        _refuse_unused_split(choices["table"], choices)
    files = choices.get("data"), choices.get("valid")
    refuse_twice(files)
    ctx.with_resource(rereadable(*files))
    expected = BED if (config.atac if resume else choices["atac"]) else MEASUREMENTS
    for file in filter(None, files):
        with open_source(file, expected=expected):  # files are checked before Keras is imported, because the import takes seconds
            pass
    backend = choose_backend(backend)

    if not resume:
        with wrong_values():
            config = RunConfig(backend=backend, **choices)
        if config.data is None:
            click.echo(f"No DATA given: training on {config.simulated:,} simulated yeast promoters.", err=True)
    with hint_at_stop(partial(_resume_hint, folder, config, choices if resume else {})):
        _train(config, folder, backend, choices if resume else None)


def _train(config: "RunConfig", folder: Path, backend: str, changes: dict[str, Any] | None) -> None:
    """Trains the run, or the runs of a cross-validation, and prints their metrics. Resumes with `changes` unless they are None."""
    from dreamkeras.training import cross_validation, run

    if config.is_cross_validation:
        metrics = cross_validation.cross_validate(config, folder, lambda line: click.echo(line, err=True), backend, changes is not None)
        among = f"held out in {len(metrics['folds'])} folds"
        click.echo(f"{folder}: {_figures(metrics)} on {counted(metrics['n'], 'sequence')} {among}", err=True)
        return
    metrics = run.train(config, folder) if changes is None else run.resume(folder, backend, **changes)
    on = f"on {counted(metrics['n'], 'sequence')}{_peaks(metrics)} (epoch {metrics['best_epoch']})"
    click.echo(f"{folder}: validation {_figures(metrics)} {on}", err=True)


def _resume_hint(folder: Path, config: "RunConfig", changes: dict[str, Any]) -> str:
    """Returns a message with the command that resumes an interrupted run. The command repeats changes that the run has not stored yet.

    The message is empty if the run has not written `config.json`, or if its data came from a stream.
    """
    from dreamkeras.files.streams import is_stream
    from dreamkeras.training.changes import changed
    from dreamkeras.training.config import RunConfig

    if not (folder / "config.json").is_file() or any(map(is_stream, filter(None, (config.data, config.valid)))):
        return ""
    stored, given = RunConfig.read(folder / "config.json"), dict(changes)
    if changed(stored, given) == stored:
        given = {}
    data = [given.pop("data")] if "data" in given else []
    options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    words = ["dreamkeras", "train", *data, "--resume", "--out", str(folder), *options]
    return f"Interrupted. Resume the run with: {shlex.join(words)}"


def _peaks(metrics: dict[str, Any]) -> str:
    """Formats Pearson's r on peaks, which is usually lower than r on all windows. Returns an empty string if all windows are peaks."""
    r, peaks = metrics.get("peaks_r"), metrics.get("peaks", metrics["n"])
    if peaks == metrics["n"]:
        return ""
    return f", r {'undefined' if r is None or math.isnan(r) else f'{r:.3f}'} on the {counted(peaks, 'peak')} alone"


def _refuse_unused_split(layout: "TableLayout | None", choices: dict[str, Any]) -> None:
    """Refuses a fold column that would not be used, and `--split-seed` if no random split is drawn.

    Raises:
        click.UsageError: An option would have no effect.
    """
    if layout and layout.fold_column is not None and choices["valid_fold"] is None and choices["folds"] is None:
        raise click.UsageError("--fold-column has no effect without --valid-fold N or --folds.")
    divided_by = "--folds given" if choices["folds"] == "given" else "--valid" if choices["valid"] else "--valid-fold"
    is_drawn = isinstance(choices["folds"], int) or (divided_by == "--valid-fold" and choices["valid_fold"] is None)
    if choices["split_seed"] is not None and choices["data"] and not is_drawn:
        raise click.UsageError(f"--split-seed has no effect with {divided_by}, which draws no random split.")


def _figures(metrics: dict[str, Any]) -> str:
    """Formats the Pearson correlation r or, if r is undefined, the mean squared error."""
    r, mse = ("undefined" if metrics[name] is None or math.isnan(metrics[name]) else f"{metrics[name]:.4g}" for name in ("r", "mse"))
    return f"r undefined, mean squared error {mse}," if r == "undefined" else f"r {metrics['r']:.3f}"


def _changes(ctx: click.Context) -> dict[str, Any]:
    """Returns the options that change a resumed run. The run keeps all other options that it was started with.

    Raises:
        click.UsageError: An option that a resumed run cannot change is given.
    """
    from dreamkeras.training.changes import CHANGEABLE

    names = [name for parameter in ctx.command.params if (name := parameter.name or "") not in ("out", "resume", "backend")]
    given = {name: ctx.params[name] for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for parameter in ctx.command.params:
        if parameter.name in given and parameter.name not in CHANGEABLE:
            allowed = ", ".join(f"--{name}" for name in ("out", "backend", *CHANGEABLE[1:]))
            raise click.UsageError(f"--resume can only be combined with DATA, {allowed}, got {parameter.opts[0]}.")
    return given
