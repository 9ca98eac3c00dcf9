"""Creates the HTML report of an evaluation: one file with embedded plots, which needs no scripts and no network access."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from dreamkeras.evaluation.dream_score import PUBLISHED, DreamScore
from dreamkeras.evaluation.evaluate import ALL, PEAKS, Evaluation
from dreamkeras.statistics.bootstrap import QUANTITY, figure_text
from dreamkeras.statistics.task_kinds import KIND_FIGURES

__all__ = ["evaluation_page"]

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: 1rem 1rem 1rem 0; max-width: 28rem; vertical-align: top; }
img { max-width: 100%; }
.note { border-left: 4px solid #D55E00; padding-left: 1rem; }"""


TITLES = {"": "", PEAKS: " for peaks", ALL: " for all windows"}
"""For each set of windows for which metrics are computed, the text that is appended to titles in the report."""


def evaluation_page(
    evaluation: Evaluation, sequences: int, tasks: Mapping[str, str], plots: Mapping[str, Path], notes: Sequence[str] = ()
) -> str:
    """Returns the report as HTML.

    Args:
        evaluation: The metrics.
        sequences: Number of measured sequences.
        tasks: Unit of each task, by name of the task.
        plots: PNG files by title.
        notes: Notes at the top of the page.
    """
    parts = [
        f"<h1>Evaluation of {escape(' and '.join(evaluation.figures))}</h1>",
        f"<p>{sequences:,} measured sequences. Intervals are 95 % confidence intervals, from a bootstrap over sequences.</p>",
        *(f'<p class="note">{escape(note)}</p>' for note in notes),
        *_scores(evaluation.scores),
        *(text for windows, part in evaluation.parts().items() for text in _part(part, tasks, TITLES[windows])),
        "<h2>Plots</h2>",
        *(_figure(title, path) for title, path in plots.items()),
    ]
    head = f'<meta charset="utf-8"><title>Evaluation</title><style>\n{STYLE}\n</style>'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body>\n</html>\n"


def _scores(scores: Mapping[str, DreamScore]) -> list[str]:
    if not scores:
        return []
    missing = next(iter(scores.values())).missing
    lacking = (
        f"<p class='note'>These subsets are missing: {escape(', '.join(missing))}. "
        "The scores cannot be compared with scores of the DREAM Challenge.</p>"
    )
    rows = [(model, f"{score.pearson:.4f}", f"{score.spearman:.4f}") for model, score in scores.items()]
    published = [(name, f"{r:.3f}", "" if rho is None else f"{rho:.3f}") for name, (r, rho) in PUBLISHED.items()]
    parts = [
        (f"{model}: {part.subset}", f"{part.n:,}", f"{part.weight:g}", str(part.r), str(part.rho))
        for model, score in scores.items()
        for part in score.parts
    ]
    return [
        "<h2>Score of the Random Promoter DREAM Challenge</h2>",
        *([lacking] if missing else []),
        _table(("model", "Pearson score", "Spearman score"), rows if missing else [*rows, *published]),
        _table(("subset", "n", "weight", "Pearson's r", "Spearman's rho"), parts),
    ]


def _part(evaluation: Evaluation, tasks: Mapping[str, str], of: str) -> list[str]:
    """Returns HTML with metrics, noise ceilings and differences between models."""
    titles = ("model", "task", "n", "Pearson's r", "Spearman's rho", "mean squared error")
    rows = [
        (model, f"{task} ({tasks[task]})", f"{found.n:,}", str(found.r), str(found.rho), found.mse.text(QUANTITY))
        for model, by_task in evaluation.figures.items()
        for task, found in by_task.items()
    ]
    return [
        f"<h2>Metrics{of}</h2>",
        _table(titles, rows),
        *_kinds(evaluation, of),
        *_ceilings(evaluation, of),
        *_differences(evaluation, of),
    ]


def _kinds(evaluation: Evaluation, of: str) -> list[str]:
    """Returns HTML with the metrics of binary tasks, counts and transformed values, or an empty list if all tasks are plain values."""
    found = [(model, task, figures) for model, tasks in evaluation.kinds.items() for task, figures in tasks.items()]
    names = evaluation.kind_names
    rows = [(model, task, *(figure_text(figures[name]) if name in figures else "" for name in names)) for model, task, figures in found]
    title = f"<h2>Metrics by kind of task{of}</h2>"
    return [title, _table(("model", "task", *(KIND_FIGURES[name] for name in names)), rows)] if rows else []


def _ceilings(evaluation: Evaluation, of: str) -> list[str]:
    """Returns HTML with noise ceilings, or an empty list if there are no replicates."""
    rows = [(task, figure_text(found.replicate_r), figure_text(found.ceiling_r)) for task, found in evaluation.ceilings.items()]
    title = f"<h2>Noise ceiling{of}</h2>\n<p>Pearson's r between the predictions of a perfect model and the mean of the replicates.</p>"
    return [title, _table(("task", "r between replicates", "noise ceiling of r"), rows)] if rows else []


def _differences(evaluation: Evaluation, of: str) -> list[str]:
    rows = [
        (f"{apart.first} minus {apart.second}", apart.task, str(apart.r), str(apart.rho), apart.mse.text(QUANTITY))
        for apart in evaluation.differences
    ]
    titles = ("models", "task", "Pearson's r", "Spearman's rho", "mean squared error")
    return [f"<h2>Differences between models{of}</h2>", _table(titles, rows)] if rows else []


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _figure(title: str, path: Path) -> str:
    image = base64.b64encode(path.read_bytes()).decode()
    name = escape(title, quote=True)
    return f'<figure><img alt="{name}" src="data:image/png;base64,{image}"><figcaption>{name}</figcaption></figure>'
