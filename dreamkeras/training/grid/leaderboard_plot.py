"""Plots the leaderboard: r of each run, mean r of each combination, and the difference from the best combination."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.plots.style import BLUE, GREY, RED, new_figure, plain_settings, save_figure
from dreamkeras.training.grid.leaderboard import LeaderboardRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_leaderboard"]

INCHES_A_ROW = 0.35


@plain_settings()
def plot_leaderboard(rows: Sequence[LeaderboardRow], path: str | PathLike[str]) -> None:
    """Plots r (left panel) and the best r minus r (right panel), with one row for each combination. The best combination is on top.

    Args:
        rows: Rows of the leaderboard, best first.
        path: PNG file to write, which appears only when complete.

    Raises:
        InputError: `rows` is empty.
        MissingPackageError: matplotlib is not installed.
        DreamkerasError: The file cannot be written.
    """
    if not rows:
        raise InputError("Expected at least one combination to plot, got an empty leaderboard.")
    figure = new_figure(10.0, 1.6 + INCHES_A_ROW * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_r(left, rows)
    _draw_behind(right, rows)
    left.set_yticks(range(len(rows)), [row.combination for row in rows])
    left.set_ylim(len(rows) - 0.5, -0.5)
    for axes in (left, right):
        axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper right", ncols=3, frameon=False)
    save_figure(figure, path)


def _draw_r(axes: "Axes", rows: Sequence[LeaderboardRow]) -> None:
    points = [(r, place) for place, row in enumerate(rows) for r in row.each]
    axes.plot(*zip(*points, strict=True), "o", color=GREY, markersize=4, alpha=0.6, markeredgewidth=0, label="single run")
    sds = [0 if np.isnan(row.sd) else row.sd for row in rows]
    axes.errorbar(
        [row.r for row in rows], range(len(rows)), xerr=sds, fmt="D", color=BLUE, markersize=6, capsize=3, label="mean and sd over runs"
    )
    axes.set_xlabel("Validation r (Pearson)")


def _draw_behind(axes: "Axes", rows: Sequence[LeaderboardRow]) -> None:
    behind = [(place, row.behind) for place, row in enumerate(rows) if row.behind is not None]
    if behind:
        places, intervals = zip(*behind, strict=True)
        values, low, high = np.array(intervals).T
        axes.hlines(places, low, high, color=RED, linewidth=2, label="95 % interval")
        axes.plot(values, places, "D", color=RED, markersize=6)
    axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel("Best r minus this r")
