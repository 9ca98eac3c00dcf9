"""`dreamkeras evaluate`: compares predictions of models with measurements, and writes metrics, plots and a report."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options.numbers import WholeRange
from ..options.shared import batch_size_option, device_option, refuse_unused, rows_on_error_option, summits_option
from ..options.table import given_fields, table_options
from ..results import command_line, echo_result

if TYPE_CHECKING:
    from dreamkeras.evaluation.evaluate import Evaluation

__all__ = ["command"]

FIGURES = ("r", "rho", "mse")


@click.command("evaluate", epilog="\b\nExample:\n  dreamkeras evaluate test.tsv -m runs/first -m runs/second -o results")
@click.argument("data", type=click.Path())
@click.option(
    "-m", "--model", "models", multiple=True, type=click.Path(), metavar="MODEL", help="ONNX file or run folder. Repeat to compare models."
)
@click.option(
    "--predictions",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Table of predictions for DATA, as written by `dreamkeras predict`. Repeatable.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="New folder for the results.")
@click.option("--assay", help="Assay of DATA: yeast, lentimpra, starrseq or table.  [default: the assay of the first model]")
@partial(table_options, without=("fold_column", "weight", "weight_half", "transform", "offset"))
@summits_option
@rows_on_error_option
@click.option(
    "--subsets",
    type=click.Path(),
    metavar="DIR",
    help="Folder with the test subsets of the DREAM challenge, to compute the challenge's score.",
)
@click.option(
    "--public",
    type=click.Path(),
    metavar="DIR",
    help="Folder with the ids of the sequences on the DREAM challenge's public leaderboard. These sequences are excluded from the score.",
)
@click.option("--draws", type=WholeRange(min=1), default=1000, show_default=True, help="Number of bootstrap resamples for the intervals.")
@click.option("--seed", type=WholeRange(min=0), default=0, show_default=True, help="Random seed for the resamples.")
@device_option
@batch_size_option
def command(output: Path, assay: str | None, batch_size: int | None, **choices: Any) -> None:
    """Compare the predictions of models with the measured values in DATA.

    The command writes metrics with 95 % intervals, differences between models, predictions, plots and report.html into DIR. A warning is
    printed if a model was trained on sequences in DATA or on near-duplicates of these sequences.
    """
    table = given_fields(assay, choices)
    if not (choices["models"] or choices["predictions"]):
        raise click.UsageError("Name a model with -m or a table of predictions with --predictions.")
    if not choices["models"]:
        refuse_unused("without a model (-m)", batch_size=batch_size, device=None if choices["device"] == "auto" else choices["device"])
    if choices["public"] and not choices["subsets"]:
        raise click.UsageError("--public requires --subsets DIR.")

    from dreamkeras.evaluation.run import EvaluationChoices, run_evaluation
    from dreamkeras.files.inputs import refuse_twice
    from dreamkeras.scoring.scorer import BATCH_SIZE

    refuse_twice((choices["data"], *choices["predictions"]))
    chosen = EvaluationChoices(assay=assay, table=table, batch_size=batch_size or BATCH_SIZE, **choices)
    evaluation, notes = run_evaluation(chosen, output, command_line())
    for note in (*notes.remarks, *(f"Warning: {warning}" for warning in notes.warnings)):
        click.echo(note, err=True)
    for line in _lines(evaluation):
        echo_result(line)
    click.echo(f"Wrote {output}: see report.html.", err=True)


def _lines(evaluation: "Evaluation") -> list[str]:
    """Returns the metrics as tab-separated lines."""
    from dreamkeras.statistics.bootstrap import QUANTITY, figure_text

    parts = evaluation.parts().items()
    windows = ["windows"] if evaluation.peaks else []
    lines = ["\t".join(["model", "task", *windows, "n", *FIGURES])]
    lines += [
        _row(model, task, name, str(found.n), str(found.r), str(found.rho), found.mse.text(QUANTITY))
        for name, part in parts
        for model, tasks in part.figures.items()
        for task, found in tasks.items()
    ]
    lines += _kind_lines(evaluation)
    if evaluation.differences:
        lines += ["", "\t".join(["difference", "task", *windows, *FIGURES])]
        lines += [
            _row(f"{apart.first} - {apart.second}", apart.task, name, str(apart.r), str(apart.rho), apart.mse.text(QUANTITY))
            for name, part in parts
            for apart in part.differences
        ]
    if evaluation.ceilings:
        lines += ["", "\t".join(["noise ceiling", *windows, "r between replicates", "ceiling of r"])]
        lines += [_row(task, name, *map(figure_text, found)) for name, part in parts for task, found in part.ceilings.items()]
    for model, score in evaluation.scores.items():
        without = (
            f" (computed without the subsets {', '.join(score.missing)}, so not comparable with the DREAM Challenge)"
            if score.missing
            else ""
        )
        lines.append(f"{model}: Pearson score {figure_text(score.pearson)}, Spearman score {figure_text(score.spearman)}{without}")
    return lines


def _kind_lines(evaluation: "Evaluation") -> list[str]:
    """Returns the metrics of binary tasks, counts and transformed values as tab-separated lines."""
    from dreamkeras.statistics.bootstrap import figure_text
    from dreamkeras.statistics.task_kinds import KIND_FIGURES

    found = [(model, task, figures) for model, tasks in evaluation.kinds.items() for task, figures in tasks.items()]
    names = evaluation.kind_names
    if not names:
        return []
    rows = ["\t".join([model, task, *(figure_text(row[name]) if name in row else "" for name in names)]) for model, task, row in found]
    return ["", "\t".join(["model", "task", *(KIND_FIGURES[name] for name in names)]), *rows]


def _row(*cells: str) -> str:
    return "\t".join(cell for cell in cells if cell)
