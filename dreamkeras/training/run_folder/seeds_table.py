"""Writes the section of a model card that compares an ensemble with the seeds of which it consists."""

from collections.abc import Mapping
from typing import Any

from dreamkeras.training.run_folder.metrics_table import FIGURES, figure_text

__all__ = ["seeds_table"]

COLUMNS = {**{name: FIGURES[name] for name in ("r", "rho", "mse")}, "epoch": ("epoch", ".0f")}
"""Title and number format of the columns, by the name of the metric."""


def seeds_table(metrics: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the section. The list is empty for a single run.

    Args:
        metrics: Metrics of the ensemble, with the metrics of each seed under `seeds` and their means under `mean_of_seeds`.
    """
    if "seeds" not in metrics:
        return []
    number, tasks = len(metrics["seeds"]), list(metrics.get("tasks", {}))
    rows = {f"mean prediction of {number} networks": {name: value for name, value in metrics.items() if name != "epoch"}}
    rows |= {f"mean of the metrics of {number} networks": metrics["mean_of_seeds"]}
    several = len({row["model"] for row in metrics["seeds"].values()}) > 1
    rows |= {f"seed {seed}, `{row['model']}`" if several else f"seed {seed}": row for seed, row in metrics["seeds"].items()}
    titles = ["model", *(title for title, _ in COLUMNS.values()), *(f"r of {task}" for task in tasks)]
    cells = [
        [
            name,
            *(figure_text(row.get(key), form) for key, (_, form) in COLUMNS.items()),
            *(figure_text(row["tasks"][task]["r"], COLUMNS["r"][1]) for task in tasks),
        ]
        for name, row in rows.items()
    ]
    return [
        "Metrics on the validation sequences. The model predicts the mean over the networks, and their standard deviation as its spread.",
        "",
        f"| {' | '.join(titles)} |",
        f"|{'---|' * len(titles)}",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]
