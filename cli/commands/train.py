"""`dreamkeras train`: trains a model on measured or simulated sequences."""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.data.splits.names import HOLDOUTS
from dreamkeras.errors import counted
from dreamkeras.formats.decimals import LARGEST
from dreamkeras.models.names import BODY
from dreamkeras.training.names import BACKENDS, KEEP, LARGEST_SEED, LOSSES, MOST_TEST_SHIFTS, OPTIMIZERS, PRECISIONS

from ..hints import note_default_assay
from ..options.atac import atac_options, chosen_genome
from ..options.config_file import config_option
from ..options.numbers import DecimalRange, WholeRange
from ..options.resuming import given_changes, resume_hint
from ..options.shared import fold_count, fold_or_chromosome, refuse_unused, rows_on_error_option, wrong_values
from ..options.table import chosen_layout, table_options
from ..preflight.training import rehearse_training
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
@click.argument("data", nargs=-1, type=click.Path())
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
    multiple=True,
    metavar="NAME",
    help="Network name, or three blocks as FIRST,CORE,FINAL. See `dreamkeras models`. Repeat for an ensemble of different networks.  "
    "[default: dream-cnn-small; for table, an ensemble with positional-cnn-small; bpnet-small for atac]",
)
@click.option(
    "--strategy", help="Training strategy: autosome, bhi, unlockdna, proformer or legnet.  [default: the strategy of the network]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder to create.  [default: runs/MODEL, with the first --model]")
@click.option("--valid", type=click.Path(), metavar="FILE", help="Validate on the sequences in FILE.  [default: hold out part of DATA]")
@click.option(
    "--valid-fold",
    type=fold_or_chromosome,
    metavar="NAME",
    help="Validate on this fold in the --fold-column of DATA or, without one, on sequences whose ids begin with this chromosome.",
)
@click.option(
    "--valid-fraction",
    type=DecimalRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Fraction of DATA to hold out for validation.  [default: 0.1]",
)
@click.option("--test", type=click.Path(), metavar="FILE", help="Evaluate the trained model on the sequences in FILE.")
@click.option(
    "--test-fold",
    type=fold_or_chromosome,
    metavar="NAME",
    help="Evaluate the trained model on this fold of DATA, which is neither trained nor validated on. See --valid-fold.",
)
@click.option(
    "--holdout",
    type=click.Choice(HOLDOUTS),
    default="auto",
    show_default=True,
    help="Keep similar sequences on one side of the split (similar), or hold out at random and keep only copies together (random). auto: "
    "similar if the hold-out then represents the data, otherwise random.",
)
@click.option(
    "--folds",
    type=fold_count,
    metavar="N|given",
    help="Cross-validate with N random folds, or with the folds in DATA (`given`).",
)
@click.option(
    "--epochs", type=WholeRange(min=1), metavar="N", help="Number of passes over the training data.  [default: from the number of rows]"
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
    "--keep",
    type=click.Choice(KEEP),
    default="auto",
    show_default=True,
    help="Epoch to save. `auto` saves the last epoch, unless its validation error is larger than that of the best epoch beyond noise.",
)
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
    help="Time limit of a run, or of all runs of an ensemble together. The schedule is shortened so that it ends within N minutes, and the "
    "training stops at the end of the epoch in which N minutes have passed.",
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
    "--ensemble",
    type=WholeRange(min=1),
    metavar="N",
    help="Train N networks with the seeds --seed, --seed + 1 and so on, and export their mean and spread as one model.  "
    "[default: the number of networks; for table without --model, 2 to 4, depending on the number of rows; otherwise 1]",
)
@click.option(
    "--parallel",
    type=WholeRange(min=1),
    metavar="N",
    help="Number of networks of an --ensemble to train at the same time.  "
    "[default: one per CPU and 2 GiB of memory, or a single one with a GPU]",
)
@click.option(
    "--split-seed",
    type=WholeRange(0, LARGEST_SEED),
    metavar="N",
    help="Random seed for the split and for simulated data.  [default: --seed]",
)
@click.option(
    "--learning-curve",
    is_flag=True,
    help="Train also on a quarter and on a half of the training sequences, to estimate whether more data would raise r.",
)
@click.option(
    "--backend", type=click.Choice(BACKENDS), help="Keras backend.  [default: the backend in KERAS_BACKEND, or the first that is installed]"
)
@click.option(
    "--resume",
    is_flag=True,
    help="Resume the run in --out after its last complete epoch. DATA may have moved, and --epochs or --steps may be larger.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Report the data, the hold-out, the network, the expected time, and whether the run would fail. Write nothing.",
)
@config_option
@click.pass_context
def command(
    ctx: click.Context, /, out: Path | None, resume: bool, dry_run: bool, backend: str | None, parallel: int | None, **choices: Any
) -> None:
    """Train a model on the sequences and measured values in DATA.

    DATA is a file in the format of the chosen --assay, by default yeast, or several files with the same columns. Without DATA, the model is
    trained on a simulated library of yeast promoters. The run folder holds the model as .keras and .onnx files, a model card, the training
    history, validation metrics, predictions and plots.
    """
    from dreamkeras.files.decompression import open_source
    from dreamkeras.files.inputs import listed_files, refuse_twice, rereadable
    from dreamkeras.files.kinds import BED, MEASUREMENTS
    from dreamkeras.training.backend import choose_backend, find_backend
    from dreamkeras.training.changes import changed
    from dreamkeras.training.config import RunConfig
    from dreamkeras.training.run_folder.new_folder import check_free

    choices["data"] = choices["data"] or None
    choices |= _chosen_networks(choices)
    folder = out or Path("runs") / choices["model"]
    if resume and dry_run:
        raise click.UsageError("--dry-run cannot be combined with --resume.")
    if resume:
        choices = given_changes(ctx)
        config = changed(RunConfig.read(folder / "config.json"), choices)
        backend = backend or config.backend
    else:
        check_free(folder)
        with wrong_values():
            choices["atac"] = chosen_genome(choices["assay"], choices)
            choices["table"] = chosen_layout(choices["assay"], choices)
        _refuse_unused_split(choices["table"], choices)
    files = *listed_files(choices.get("data")), choices.get("valid"), choices.get("test")
    refuse_twice(files)
    ctx.with_resource(rereadable(*files))
    expected = BED if (config.atac if resume else choices["atac"]) else MEASUREMENTS
    for file in filter(None, files):
        with open_source(file, expected=expected):  # files are checked before Keras is imported, because the import takes seconds
            pass
    is_ensemble = bool(config.ensemble if resume else choices["ensemble"])
    if not is_ensemble:
        refuse_unused("without --ensemble", parallel=parallel)
    # An ensemble trains in other processes, which would share the memory of a GPU with a backend in this process.
    backend = find_backend(backend) if is_ensemble and not dry_run else choose_backend(backend)

    if not resume:
        with wrong_values():
            config = RunConfig(backend=backend, **choices)
        if config.data is None:
            click.echo(f"No DATA given: training on {config.simulated:,} simulated yeast promoters.", err=True)
    if dry_run:
        rehearse_training(config, folder, parallel)
    with hint_at_stop(partial(resume_hint, folder, config, choices if resume else {})):
        _train(config, folder, backend, choices if resume else None, parallel)


def _chosen_networks(choices: dict[str, Any]) -> dict[str, Any]:
    """Returns the networks and the size of the ensemble.

    The default for a table is an ensemble of two kinds of networks, unless another option requires a single run.
    """
    from dreamkeras.files.inputs import listed_files
    from dreamkeras.files.streams import is_stream
    from dreamkeras.models.names import known_model

    network, *alternates = map(known_model, choices["model"] or ("bpnet-small" if choices["assay"] == "atac" else "dream-cnn-small",))
    size = choices["ensemble"]
    if alternates:
        return {"model": network, "alternates": tuple(alternates), "ensemble": size or len(alternates) + 1}
    files = *listed_files(choices["data"]), choices["valid"], choices["test"]
    is_single = any(choices[name] for name in ("learning_curve", "init_from", "folds")) or any(map(is_stream, filter(None, files)))
    if choices["model"] or choices["assay"] != "table" or size == 1 or (is_single and not size):
        return {"model": network, "alternates": (), "ensemble": None if size == 1 else size}
    return {"model": network, "alternates": ("positional-cnn-small",), "ensemble": size or "auto"}


def _train(config: "RunConfig", folder: Path, backend: str, changes: dict[str, Any] | None, parallel: int | None) -> None:
    """Trains the run, or the runs of an ensemble or a cross-validation, and prints the metrics.

    Resumes with `changes` unless they are None.
    """
    report = partial(click.echo, err=True)
    if config.ensemble:
        from dreamkeras.training.ensemble.train import train_ensemble

        metrics = train_ensemble(config, folder, report, backend, parallel=parallel, resume=changes is not None)
        among = f"mean prediction of {len(metrics['seeds'])} networks; mean of the networks: {_figures(metrics['mean_of_seeds'])}"
        report(f"{folder}: validation {_figures(metrics)} on {counted(metrics['n'], 'sequence')} ({among})")
        _echo_test(folder, metrics)
        return
    from dreamkeras.training import cross_validation, run

    if config.is_cross_validation:
        metrics = cross_validation.cross_validate(config, folder, report, backend, changes is not None)
        report(f"{folder}: {_figures(metrics)} on {counted(metrics['n'], 'sequence')} held out in {len(metrics['folds'])} folds")
        _echo_test(folder, metrics)
        return
    metrics = run.train(config, folder) if changes is None else run.resume(folder, backend, **changes)
    on = f"on {counted(metrics['n'], 'sequence')}{_peaks(metrics)} (epoch {metrics.get('epoch', metrics['best_epoch'])})"
    report(f"{folder}: validation {_figures(metrics)} {on}")
    _echo_test(folder, metrics)


def _echo_test(folder: Path, metrics: dict[str, Any]) -> None:
    """Prints the metrics on the test set, if there is one."""
    if test := metrics.get("test"):
        click.echo(f"{folder}: test {_figures(test)} on {counted(test['n'], 'sequence')}", err=True)


def _peaks(metrics: dict[str, Any]) -> str:
    """Formats Pearson's r on peaks, which is usually lower than r on all windows. Returns an empty string if all windows are peaks."""
    r, peaks = metrics.get("peaks_r"), metrics.get("peaks", metrics["n"])
    if peaks == metrics["n"]:
        return ""
    return f", r {'undefined' if r is None or math.isnan(r) else f'{r:.3f}'} on the {counted(peaks, 'peak')} alone"


def _refuse_unused_split(layout: "TableLayout | None", choices: dict[str, Any]) -> None:
    """Refuses a fold column that would not be used, and `--split-seed` and `--holdout` if no random split is drawn.

    Raises:
        click.UsageError: An option would have no effect.
    """
    are_drawn = isinstance(choices["folds"], int)
    looked_up = ("test_fold",) if are_drawn else ("test_fold", "valid_fold", "folds")
    if layout and layout.fold_column is not None and all(choices[name] is None for name in looked_up):
        drawn = f" With --folds {choices['folds']}, the folds are drawn at random." if are_drawn else ""
        raise click.UsageError(f"--fold-column has no effect without --valid-fold NAME, --test-fold NAME or --folds given.{drawn}")
    divided_by = "--folds given" if choices["folds"] == "given" else "--valid" if choices["valid"] else "--valid-fold"
    is_drawn = are_drawn or (divided_by == "--valid-fold" and choices["valid_fold"] is None)
    if choices["split_seed"] is not None and choices["data"] and not is_drawn:
        raise click.UsageError(f"--split-seed has no effect with {divided_by}, which draws no random split.")
    if choices["holdout"] != "auto" and not is_drawn:
        raise click.UsageError(f"--holdout has no effect with {divided_by}, which draws no random split.")


def _figures(metrics: dict[str, Any]) -> str:
    """Formats Pearson's r or, if r is undefined, the mean squared error. Metrics of binary, count and transformed tasks follow."""
    from dreamkeras.statistics.task_kinds import KIND_FIGURES

    numbers = {
        name: metrics[name] for name in ("r", "mse", *KIND_FIGURES) if metrics.get(name) is not None and not math.isnan(metrics[name])
    }
    error = f"{numbers['mse']:.4g}" if "mse" in numbers else "undefined"
    r = f"r {numbers['r']:.3f}" if "r" in numbers else f"r undefined (mean squared error {error})"
    return ", ".join([r, *(f"{title} {numbers[name]:.3f}" for name, title in KIND_FIGURES.items() if name in numbers)])
