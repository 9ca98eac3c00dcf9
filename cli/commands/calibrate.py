"""`dreamkeras calibrate`: calibrates an exported model with measured sequences, for intervals, percentiles and familiarity."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.data.splits.names import HOLDOUTS, LEGACY
from dreamkeras.errors import OnError, counted

from ..options.numbers import DecimalRange, WholeRange
from ..options.shared import refuse_unused, rows_on_error_option
from ..options.table import given_fields, table_options
from ..results import echo_result, held_run, refuse_clashes

if TYPE_CHECKING:
    import numpy as np

    from dreamkeras.data.examples import Examples
    from dreamkeras.evaluation.training_data import TrainingData
    from dreamkeras.sequence.description import ModelDescription

__all__ = ["command"]


@click.command("calibrate", epilog="\b\nExample:\n  dreamkeras calibrate held_out.tsv -m model.onnx -o calibrated.onnx")
@click.argument("data", type=click.Path())
@click.option("-m", "--model", required=True, type=click.Path(), metavar="MODEL", help="ONNX file or run folder.")
@click.option(
    "-o", "--output", type=click.Path(), metavar="FILE", help="Write the calibrated model to FILE.  [default: replace the file of MODEL]"
)
@click.option(
    "--training",
    type=click.Path(),
    metavar="FILE",
    help="Training data of the model, from which percentiles and familiarity are computed.  "
    "[default: the training part of DATA if --valid-fraction is given, otherwise DATA]",
)
@click.option(
    "--valid-fraction",
    type=DecimalRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Calibrate on the fraction of DATA that `dreamkeras train` held out. DATA must be the file that was used in training.",
)
@click.option(
    "--seed",
    type=WholeRange(min=0),
    metavar="N",
    help="Random seed that `dreamkeras train` used for the split. Requires --valid-fraction.  [default: 0]",
)
@click.option(
    "--holdout",
    type=click.Choice((*HOLDOUTS, LEGACY)),
    help="Rule by which `dreamkeras train` held out the fraction. legacy: versions up to 0.2. Requires --valid-fraction.  "
    "[default: the rule stored in MODEL]",
)
@click.option("--assay", help="Assay of DATA: yeast, lentimpra, starrseq or table.  [default: the assay of the model]")
@partial(
    table_options,
    without=("fold_column", "replicate_columns", "weight", "weight_half", "transform", "offset", "task_kind"),
)
@rows_on_error_option
def command(
    data: str,
    model: str,
    output: str | None,
    training: str | None,
    valid_fraction: float | None,
    seed: int | None,
    holdout: str | None,
    assay: str | None,
    on_error: OnError,
    **table: Any,
) -> None:
    """Calibrate an exported model, so that it can report prediction intervals, percentiles and familiarity.

    Familiarity is the similarity of a sequence to the training data. DATA contains measured sequences that were not used to train the
    model. The calibration is stored in the ONNX file, and `dreamkeras predict` uses it for --interval, --percentile and --flag-unusual.
    Models from `dreamkeras train` are already calibrated on their validation sequences.
    """
    if training and valid_fraction:
        raise click.UsageError("--training cannot be combined with --valid-fraction.")
    if not valid_fraction:
        refuse_unused("without --valid-fraction", seed=seed, holdout=holdout)
    columns = given_fields(assay, table)

    from dreamkeras.files.outputs import refuse_packed

    if output:
        refuse_packed(output, "ONNX")
    refuse_clashes((data, training, str(Path(model, "model.keras"))), output)
    click.get_current_context().with_resource(held_run(output or model))

    from dreamkeras.data.splits.hold_out import split
    from dreamkeras.evaluation.run import EvaluationChoices, choose_assay
    from dreamkeras.evaluation.training_data import read_training_data
    from dreamkeras.export.calibration import calibrate_onnx
    from dreamkeras.files.inputs import rereadable
    from dreamkeras.scoring.predictor import load

    known, scorer = read_training_data(model), load(model, "cpu")
    if valid_fraction and known and (known.division.test_fold is not None or len(known.files) > 1):
        raise click.UsageError(
            "--valid-fraction cannot repeat the split of a model that was trained with a test fold or on several files. "
            "Calibrate on a file of other sequences."
        )
    with rereadable(data if columns else None):  # a table is opened twice: first for its column names, then for its rows
        chosen = choose_assay(EvaluationChoices(data, (model,), assay=assay, table=columns, on_error=on_error), [scorer], [known])
        held_out, trained_on = chosen.read(data, on_error).centred(), chosen.read(training, on_error) if training else None
    for file, examples in ((data, held_out), (training, trained_on)):
        _report_reading(file, examples)
    if valid_fraction:
        stored = scorer.description.training
        rule = holdout or stored.get("holdout", LEGACY if stored else "auto")
        trained_on, held_out = split(held_out, valid_fraction, seed or 0, rule)
    else:
        _warn_of_overlap(known, held_out, data)
    after, figures = calibrate_onnx(model, output, chosen, held_out, trained_on)
    _report_calibration(model, output, scorer.description, after, figures)


def _report_reading(file: str | None, examples: "Examples | None") -> None:
    """Prints the number of rows that were read from a file. Prints nothing if `file` is None."""
    from dreamkeras.files.inputs import file_name

    if file and examples:
        for line in filter(None, (examples.describe_reading(file_name(file)), *examples.remarks)):
            click.echo(line, err=True)


def _warn_of_overlap(known: "TrainingData | None", held_out: "Examples", data: str) -> None:
    """Warns if the model was trained on some of the held-out sequences, or if the overlap cannot be checked."""
    from dreamkeras.evaluation.training_data import compare_with_training
    from dreamkeras.files.inputs import file_name

    common, doubt = compare_with_training(known, held_out)
    if common and any(common.training):
        click.echo(f"Warning: {common.training.describe(len(held_out), f'in {file_name(data)}')} Intervals may be too narrow.", err=True)
    if doubt:
        click.echo(f"Warning: {doubt[0].upper()}{doubt[1:]}", err=True)


def _report_calibration(
    model: str, output: str | None, before: "ModelDescription", after: "ModelDescription", figures: "dict[str, np.ndarray]"
) -> None:
    """Prints the Pearson correlation of each task, and updates the model card if the model is a run folder."""
    from dreamkeras.confidence.model_card import update_card
    from dreamkeras.files.streams import is_stream

    for task, count, r in zip(after.tasks, figures["n"], figures["r"], strict=True):
        line = f"{task}: Pearson r {r:.3f} on {counted(int(count), 'calibration sequence')}."
        click.echo(line, err=True) if output is not None and is_stream(output) else echo_result(line)
    click.echo(f"Wrote '{output or model}'.", err=True)
    card = Path(model) / "README.md"
    if output is None and card.is_file() and not update_card(card, before, after):
        click.echo(f"{card} was not updated, because it does not contain the expected line about the old calibration.", err=True)
