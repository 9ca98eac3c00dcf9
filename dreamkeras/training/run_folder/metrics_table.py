"""Formats the tables of metrics on model cards. Does not import Keras."""

import math
from collections.abc import Mapping
from itertools import compress
from typing import Any

from dreamkeras.statistics.bootstrap import QUANTITY
from dreamkeras.statistics.task_kinds import KIND_FIGURES

__all__ = ["CEILINGS", "FIGURES", "KINDS", "UNDEFINED", "figure_text", "metrics_table"]

Fields = Mapping[str, Any]

FIGURES = {
    "r": ("Pearson r", ".3f"),
    "rho": ("Spearman rho", ".3f"),
    "mse": ("mean squared error", QUANTITY),
    "n": ("sequences", ",.0f"),
}
"""Title and format of each metric in the tables of a card."""

KINDS = {name: (title, ".3f") for name, title in KIND_FIGURES.items()}

CEILINGS = {"replicate_r": ("r between replicates", ".3f"), "ceiling_r": ("noise ceiling of r", ".3f")}

UNDEFINED = "undefined"
"""Text that replaces the value of an undefined metric."""


def metrics_table(metrics: Fields, columns: Mapping[str, tuple[str, str]]) -> list[str]:
    """Returns the lines of a table of metrics. `columns` gives the title and format of each metric. Each of several tasks has a row."""
    known = [key for key in columns if key in metrics]
    shown = ["tasks" in metrics, bool(metrics.get("baseline"))]
    titles = [*compress(("task", "model"), shown), *(columns[key][0] for key in known)]
    cells = [[*compress(labels, shown), *(figure_text(row.get(key), columns[key][1]) for key in known)] for labels, row in _rows(metrics)]
    head, *lines = (f"| {' | '.join(row)} |" for row in (titles, *cells))
    return [head, f"|{'---|' * len(titles)}", *lines]


def _rows(metrics: Fields) -> list[tuple[tuple[str, str], Fields]]:
    """Returns the rows of the table of metrics: task, model and metrics. The row of the baseline is below that of the network."""
    rows = [(("all tasks", "network"), metrics)]
    baseline = metrics.get("baseline")
    if baseline:
        rows.append((("all tasks", "baseline"), baseline))
    for task, fields in metrics.get("tasks", {}).items():
        rows.append(((task, "network"), fields))
        if baseline:
            rows.append(((task, "baseline"), baseline["tasks"][task]))
    return rows


def figure_text(value: float | None, form: str) -> str:
    """Formats a metric. The text is empty if the metric does not exist."""
    if value is None:
        return ""
    return UNDEFINED if isinstance(value, float) and math.isnan(value) else format(value, form)
