"""`dreamkeras evaluate`: measured sequences and models in, figures with intervals, plots and a page out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import batch_size_option, device_option
from .results import command_line
from .table_options import chosen_layout, table_options

if TYPE_CHECKING:
    from dreamkeras.analysis.evaluate import Evaluation
    from dreamkeras.evaluation.bootstrap import Interval

__all__ = ["command"]


@click.command("evaluate")
@click.argument("data", type=click.Path())
@click.option(
    "-m", "--model", "models", multiple=True, type=click.Path(), metavar="MODEL", help="A run folder or .onnx file; several are compared."
)
@click.option("--predictions", multiple=True, type=click.Path(), metavar="FILE", help="A table that `dreamkeras predict` wrote of DATA.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new folder for the results.")
@click.option("--assay", help="What was measured: yeast, lentimpra, starrseq or table.  [default: what the model was trained on]")
@table_options
@click.option("--subsets", type=click.Path(), metavar="DIR", help="The challenge's test subsets, for its score.")
@click.option("--public", type=click.Path(), metavar="DIR", help="What its public leaderboard used, which is left out.")
@click.option("--draws", type=click.IntRange(min=1), default=1000, show_default=True, help="Bootstrap resamples for the intervals.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which resamples.")
@device_option
@batch_size_option
def command(output: Path, assay: str | None, batch_size: int | None, **choices: Any) -> None:
    """Tell how well models predict the measured sequences in DATA.

    Writes figures with 95 % intervals, the models' differences on the same resamples, predictions, plots and report.html. Warns where
    DATA holds sequences that a model was trained on, or nearly the same.
    """
    table = chosen_layout(assay or "", choices)
    if not (choices["models"] or choices["predictions"]):
        raise click.UsageError("Expected a model (-m) or predictions (--predictions) to evaluate.")
    if choices["public"] and not choices["subsets"]:
        raise click.UsageError("Expected --subsets beside --public.")

    from dreamkeras.analysis.evaluation_run import Choices, run_evaluation
    from dreamkeras.scoring.scorer import BATCH_SIZE

    chosen = Choices(assay=assay, table=table, batch_size=batch_size or BATCH_SIZE, **choices)
    evaluation, notes = run_evaluation(chosen, output, command_line())
    for note in notes:
        click.echo(f"Warning: {note}", err=True)
    for line in _lines(evaluation):
        click.echo(line)
    click.echo(f"Wrote {output}: see report.html.", err=True)


def _lines(evaluation: "Evaluation") -> list[str]:
    """What was found, tab-separated."""
    lines = ["model\ttask\tn\tr\trho\tmse"]
    for model, tasks in evaluation.figures.items():
        lines += [
            f"{model}\t{task}\t{found.n}\t{_interval(found.r)}\t{_interval(found.rho)}\t{_interval(found.mse)}"
            for task, found in tasks.items()
        ]
    if evaluation.differences:
        lines += ["", "difference\ttask\tr\trho\tmse"]
    lines += [
        f"{apart.first} - {apart.second}\t{apart.task}\t{_interval(apart.r)}\t{_interval(apart.rho)}\t{_interval(apart.mse)}"
        for apart in evaluation.differences
    ]
    for model, score in evaluation.scores.items():
        without = f" (without {', '.join(score.missing)}: no score of the challenge)" if score.missing else ""
        lines.append(f"{model}: Pearson score {score.pearson:.4f}, Spearman score {score.spearman:.4f}{without}")
    return lines


def _interval(found: "Interval") -> str:
    return f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"
