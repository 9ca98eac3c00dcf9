"""Draws the learning curve of a training run as a PNG file."""

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from dreamkeras.errors import InputError
from dreamkeras.plots.style import BLUE, GREY, RED, new_figure, plain_settings, save_figure

__all__ = ["plot_learning_curve"]


@plain_settings()
def plot_learning_curve(stages: Sequence[Mapping[str, float]], expected: float, path: str | PathLike[str], tasks: int = 1) -> None:
    """Plots r of the network and of its baseline by the number of training sequences.

    Args:
        stages: Metrics by number of training sequences, in ascending order, with `rows`, `r` and `baseline_r`.
        expected: Expected gain in r of twice the largest number of sequences. If the gain is not finite, it is not drawn.
        path: The PNG file.
        tasks: Number of tasks over which r is averaged.

    Raises:
        InputError: There are no stages.
    """
    if not stages:
        raise InputError("Expected at least one stage of a learning curve, got none.")
    figure = new_figure(6.0, 4.0)
    axes = figure.subplots()
    rows = [stage["rows"] for stage in stages]
    axes.plot(rows, [stage["r"] for stage in stages], "o-", color=BLUE, label="network")
    axes.plot(rows, [stage["baseline_r"] for stage in stages], "s--", color=RED, markersize=5, label="baseline (k-mer counts)")
    last = stages[-1]["r"]
    if math.isfinite(expected) and math.isfinite(last):
        axes.plot([rows[-1], 2 * rows[-1]], [last, last + expected], ":", color=GREY, zorder=0)
        axes.plot([2 * rows[-1]], [last + expected], "o", color=BLUE, markerfacecolor="white", label="network, expected")
    _scale(axes, [*rows, 2 * rows[-1]])
    axes.set_xlabel("Training sequences")
    axes.set_ylabel("Validation r" if tasks == 1 else f"Validation r, mean over {tasks} tasks")
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    save_figure(figure, path)


def _scale(axes: Any, rows: Sequence[float]) -> None:
    """Sets a logarithmic horizontal axis with a tick for each number of sequences."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows, [f"{count:,.0f}" for count in rows])
    axes.minorticks_off()
