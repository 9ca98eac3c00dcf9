"""Draws the plots of a training run as PNG files: history, predictions against measurements, and residuals by sequence length.

Each file is written completely or not at all. If matplotlib is not installed, all functions raise a MissingPackageError.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.plots.style import BLUE, GREY, RED, new_figure, plain_settings, save_figure
from dreamkeras.statistics.correlation import pearson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_history", "plot_predictions", "plot_residuals", "plot_seeds"]

DENSITY = "YlGnBu"

MANY = 1500
"""Minimum number of sequences for a density plot, which replaces a scatter plot, because so many points would hide each other."""

FEW = 10
"""Minimum number of sequences in a group that is drawn as quantiles. Residuals in smaller groups are drawn as single points."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

GROUPS = 50
"""Maximum number of groups into which sequence lengths are divided."""


class _Group(NamedTuple):
    """Residuals of the sequences whose lengths are in a range of `width` lengths with the middle `center`."""

    center: float
    width: int
    residuals: np.ndarray


@plain_settings()
def plot_history(history: Sequence[Mapping[str, float]], path: str | PathLike[str], saved_epoch: int = 0) -> None:
    """Plots loss and correlation by epoch in two panels.

    Args:
        history: One row per epoch, with `epoch` and any of `loss`, `val_loss`, `r` and `val_r`.
        path: The PNG file.
        saved_epoch: Epoch for which the validation r is marked in the plot, if r is defined. If the value is 0, no epoch is marked.

    Raises:
        InputError: The history is empty.
    """
    if not history:
        raise InputError("Expected a history of at least one epoch, got an empty one.")
    figure = new_figure(9.0, 3.6)
    loss, correlation = figure.subplots(1, 2)
    validated = any("val_loss" in row for row in history)
    losses = {"loss": ("", BLUE, "-"), "val_loss": ("", RED, "--")}
    _draw_epochs(loss, history, losses, "Loss" if validated else "Training loss")
    _draw_epochs(correlation, history, {"r": ("training", BLUE, "-"), "val_r": ("validation", RED, "--")}, "Pearson's r")
    for row in history:
        if row["epoch"] == saved_epoch and np.isfinite(saved := row.get("val_r", np.nan)):
            label = f"saved: {saved:.3f} (epoch {saved_epoch})"
            correlation.plot([saved_epoch], [saved], "o", color=RED, markersize=9, fillstyle="none", label=label)
    figure.legend(loc="outside upper right", ncols=3, frameon=False)
    save_figure(figure, path)


@plain_settings()
def plot_seeds(histories: Mapping[str, Sequence[Mapping[str, float]]], path: str | PathLike[str], ensemble_r: float = float("nan")) -> None:
    """Plots loss and validation r by epoch in two panels, with one line for each run of an ensemble.

    Args:
        histories: Rows of the history of each run, one per epoch, with `epoch` and any of `loss` and `val_r`, by the name of the run.
        path: The PNG file.
        ensemble_r: Validation r of the mean prediction, which is drawn as a horizontal line, unless it is NaN.

    Raises:
        InputError: A history is empty.
    """
    if not histories or not all(histories.values()):
        raise InputError("Expected histories of at least one epoch, got an empty one.")
    figure = new_figure(9.0, 3.6)
    loss, correlation = figure.subplots(1, 2)
    for place, (name, history) in enumerate(histories.items()):
        color = f"C{place}"
        _draw_epochs(loss, history, {"loss": (name, color, "-")}, "Training loss")
        _draw_epochs(correlation, history, {"val_r": ("", color, "-")}, "Validation r")
    if np.isfinite(ensemble_r):
        correlation.axhline(ensemble_r, color=GREY, linestyle="--", linewidth=1.5, label=f"mean prediction: {ensemble_r:.3f}")
    figure.legend(loc="outside upper right", ncols=4, frameon=False)
    save_figure(figure, path)


@plain_settings()
def plot_predictions(
    measured: ArrayLike, predicted: ArrayLike, path: str | PathLike[str], task: str = "expression", unit: str = ""
) -> None:
    """Plots predicted against measured values of one task on equal axes, with the diagonal and with r in the title.

    Args:
        measured: Measurements (n,).
        predicted: Predictions (n,). Pairs with a value that is not finite are not drawn, and the title gives their number.
        path: The PNG file.
        task: Name of the task, for the labels of the axes.
        unit: Unit of the task, for the labels of the axes.

    Raises:
        InputError: The arrays are not one-dimensional, or differ in length.
    """
    measured, predicted = _same_length(measured, predicted)
    finite = np.isfinite(measured) & np.isfinite(predicted)
    figure = new_figure(6.0, 5.0)
    axes = figure.subplots()
    if finite.any():
        _draw_pairs(figure, axes, measured[finite], predicted[finite])
    axes.set_title(_summary(measured, predicted, finite))
    axes.set_xlabel(f"Measured {task}\n{unit}")
    axes.set_ylabel(f"Predicted {task}\n{unit}")
    save_figure(figure, path)


@plain_settings()
def plot_residuals(
    lengths: ArrayLike,
    measured: ArrayLike,
    predicted: ArrayLike,
    path: str | PathLike[str],
    task: str = "expression",
    unit: str = "",
    label: str = "Length (bases)",
) -> None:
    """Plots residuals, which are predicted minus measured values, by sequence length.

    A second panel shows the number of sequences by length.

    Args:
        lengths: Length of each sequence, or another integer property of each sequence, integers (n,). If the lengths have a wide range,
            neighbouring lengths are grouped.
        measured: Measurements (n,).
        predicted: Predictions (n,). Pairs with a value that is not finite are omitted.
        path: The PNG file.
        task: Name of the task, for the labels of the axes.
        unit: Unit of the task, for the labels of the axes.
        label: Label of the horizontal axis, which shows `lengths`.

    Raises:
        InputError: The arrays are not one-dimensional, or differ in length.
    """
    lengths, measured, predicted = _same_length(lengths, measured, predicted)
    residuals = predicted - measured
    finite = np.isfinite(residuals)
    figure = new_figure(8.0, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    if finite.any():
        groups = _by_length(lengths[finite].astype(np.int64), residuals[finite])
        _draw_residuals(above, groups)
        _draw_counts(below, groups)
        figure.legend(loc="outside upper center", ncols=4, frameon=False)
    above.axhline(0, color=GREY, linewidth=1, zorder=0)
    above.set_ylabel(f"Predicted \N{MINUS SIGN} measured {task}\n{unit}")
    below.set_ylabel("Sequences")
    below.set_xlabel(label)
    save_figure(figure, path)


def _draw_epochs(axes: "Axes", history: Sequence[Mapping[str, float]], lines: Mapping[str, tuple[str, str, str]], name: str) -> None:
    """Draws one line over the epochs for each key in `lines`, with its label, colour and style.

    Keys that are not in the history are omitted.
    """
    from matplotlib.ticker import MaxNLocator

    for key, (label, color, style) in lines.items():
        rows = [(row["epoch"], row[key]) for row in history if key in row]
        if rows:
            epochs, values = zip(*rows, strict=True)
            marker = "o" if len(rows) <= 30 else None
            axes.plot(epochs, values, style, color=color, marker=marker, markersize=4, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("Epoch")
    axes.set_ylabel(name)
    axes.grid(axis="y", alpha=0.3)


def _draw_pairs(figure: "Figure", axes: "Axes", measured: np.ndarray, predicted: np.ndarray) -> None:
    low, high = float(min(measured.min(), predicted.min())), float(max(measured.max(), predicted.max()))
    margin = 0.03 * (high - low) or 0.5
    limits = (low - margin, high + margin)
    if len(measured) < MANY:
        axes.scatter(measured, predicted, s=14, color=BLUE, alpha=0.4, linewidths=0)
    else:
        _draw_density(figure, axes, measured, predicted, limits)
    axes.axline((low, low), slope=1, color=GREY, linewidth=1, linestyle="--")
    axes.set(xlim=limits, ylim=limits, aspect="equal")


def _draw_density(figure: "Figure", axes: "Axes", measured: np.ndarray, predicted: np.ndarray, limits: tuple[float, float]) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    cells = axes.hexbin(measured, predicted, gridsize=36, extent=(*limits, *limits), mincnt=1, cmap=DENSITY)
    # The colour scale begins below 1, because hexagons with one sequence would otherwise be too pale. The colour bar begins at 1.
    cells.set_norm(LogNorm(vmin=0.3, vmax=max(2, np.asarray(cells.get_array()).max())))
    bar = figure.colorbar(cells, ax=axes, label="Sequences per hexagon", shrink=0.8, format=FuncFormatter(_plain))
    bar.ax.set_ylim(bottom=1)


def _draw_residuals(axes: "Axes", groups: list[_Group]) -> None:
    many = [group for group in groups if len(group.residuals) >= FEW]
    if many:
        centers = [group.center for group in many]
        lowest, low, middle, high, highest = np.array([np.quantile(group.residuals, QUANTILES) for group in many]).T
        axes.vlines(centers, lowest, highest, color=BLUE, linewidth=1, label="5 to 95 %")
        axes.vlines(centers, low, high, color=BLUE, linewidth=5, alpha=0.4, label="25 to 75 %")
        axes.plot(centers, middle, "o", color=BLUE, markersize=5, label="median")
    points = [(group.center, value) for group in groups if len(group.residuals) < FEW for value in group.residuals]
    if points:
        label = f"sequences in groups of fewer than {FEW}"
        axes.plot(*zip(*points, strict=True), "o", color=RED, markersize=4, alpha=0.7, markeredgewidth=0, label=label)


def _draw_counts(axes: "Axes", groups: list[_Group]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    counts = [len(group.residuals) for group in groups]
    axes.bar([group.center for group in groups], counts, width=[0.8 * group.width for group in groups], color=GREY)
    axes.set_yscale("log")
    axes.set_ylim(0.7, 2 * max(counts))
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _by_length(lengths: np.ndarray, residuals: np.ndarray) -> list[_Group]:
    """Groups residuals by length, in ascending order.

    A group contains sequences of a single length, or of several neighbouring lengths if there are more than `GROUPS` lengths.
    """
    shortest = int(lengths.min())
    width = -(-(int(lengths.max()) - shortest + 1) // GROUPS)
    numbers = (lengths - shortest) // width
    return [_Group(shortest + number * width + (width - 1) / 2, width, residuals[numbers == number]) for number in np.unique(numbers)]


def _plain(count: float, _: int | None) -> str:
    """Formats the label of a tick as a number without an exponent."""
    return f"{count:,.0f}"


def _summary(measured: np.ndarray, predicted: np.ndarray, finite: np.ndarray) -> str:
    r = float(pearson(measured[finite], predicted[finite]))
    missing = int((~finite).sum())
    shown = "undefined" if np.isnan(r) else f"{r:.3f}"
    return f"r = {shown}, n = {int(finite.sum()):,}" + (f" ({missing:,} not finite)" if missing else "")


def _same_length(*columns: ArrayLike) -> list[np.ndarray]:
    """Checks that the columns have the same length, and returns them as float64 arrays (n,)."""
    arrays = [np.asarray(column, np.float64) for column in columns]
    if any(array.ndim != 1 or len(array) != len(arrays[0]) for array in arrays):
        raise InputError(f"Expected one-dimensional arrays of the same length, got {', '.join(str(array.shape) for array in arrays)}.")
    return arrays
