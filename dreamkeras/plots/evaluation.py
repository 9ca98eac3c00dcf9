"""Draws the plots of an evaluation as PNG files: calibration curves, and metrics with intervals for each subset.

Each file is written completely or not at all. If matplotlib is not installed, the functions that draw a plot raise a MissingPackageError.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.plots.style import BLUE, GREY, RED, new_figure, plain_settings, save_figure
from dreamkeras.statistics.bootstrap import Interval

__all__ = ["CalibrationCurve", "calibration_curve", "plot_calibration", "plot_intervals"]

GROUPS = 20

COLORS = (BLUE, RED, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours for the models in a plot, from the palette of Okabe and Ito."""


class CalibrationCurve(NamedTuple):
    """Mean predictions and mean measurements of groups of sequences. The groups have equal sizes and are sorted by prediction.

    Args:
        predicted: Mean prediction of each group, float64 (groups,).
        measured: Mean measurement of each group, float64 (groups,).
        error: Standard error of the mean measurement, float64 (groups,).
    """

    predicted: np.ndarray
    measured: np.ndarray
    error: np.ndarray


def calibration_curve(measured: ArrayLike, predicted: ArrayLike, groups: int = GROUPS) -> CalibrationCurve:
    """Computes mean measurements and mean predictions of groups of sequences with similar predictions.

    Args:
        measured: At least two measurements (n,).
        predicted: Predictions (n,).
        groups: Maximum number of groups. The number of groups is reduced if a group would have fewer than two sequences.

    Raises:
        InputError: The arrays are not one-dimensional, differ in length, or have fewer than two rows.

    Example:
        >>> calibration_curve([1, 3, 5, 7], [2, 2, 6, 6], groups=2).measured.tolist()
        [2.0, 6.0]
    """
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.shape != predicted.shape or measured.ndim != 1 or len(measured) < 2:
        raise InputError(f"Expected two arrays of at least 2 numbers, got shapes {measured.shape} and {predicted.shape}.")
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(groups, len(measured) // 2))
    means = [[values[part].mean() for part in parts] for values in (predicted, measured)]
    error = [measured[part].std(ddof=1) / np.sqrt(len(part)) for part in parts]
    return CalibrationCurve(np.array(means[0]), np.array(means[1]), np.array(error))


@plain_settings()
def plot_calibration(
    measured: ArrayLike, predicted: ArrayLike, path: str | PathLike[str], task: str = "expression", unit: str = ""
) -> None:
    """Plots a calibration curve with standard errors, together with the diagonal.

    See `calibration_curve` for `measured`, `predicted` and the errors. The labels of the axes contain `task` and `unit`.
    """
    found = calibration_curve(measured, predicted)
    figure = new_figure(5.0, 5.0)
    axes = figure.subplots()
    axes.errorbar(found.predicted, found.measured, yerr=found.error, fmt="o", color=BLUE, markersize=5, capsize=2)
    axes.axline((found.predicted[0],) * 2, slope=1, color=GREY, linewidth=1, linestyle="--", zorder=0)
    axes.set_xlabel(f"Mean predicted {task} of a group\n{unit}")
    axes.set_ylabel(f"Mean measured {task} of a group, with standard error\n{unit}")
    save_figure(figure, path)


@plain_settings()
def plot_intervals(names: Sequence[str], intervals: Mapping[str, Sequence[Interval]], path: str | PathLike[str], label: str) -> None:
    """Plots metrics with intervals. The plot has one line per name and one colour per model.

    Args:
        names: Names of the lines, such as subsets.
        intervals: Intervals by model. Each model has one interval for each name.
        path: The PNG file.
        label: Label of the horizontal axis.

    Raises:
        InputError: There are no names or no models, or a model does not have one interval per name.
    """
    if not names or not intervals or any(len(row) != len(names) for row in intervals.values()):
        raise InputError(f"Expected {len(names)} intervals for each model, one per name, got {[*map(len, intervals.values())]}.")
    figure = new_figure(7.0, 1.2 + 0.35 * len(names) * max(1, len(intervals) / 2))
    axes = figure.subplots()
    for place, (model, row) in enumerate(intervals.items()):
        offset = (place - (len(intervals) - 1) / 2) * 0.8 / len(intervals)
        value, low, high = np.array(row).T
        lines = np.arange(len(names)) + offset
        axes.errorbar(
            value,
            lines,
            xerr=np.maximum([value - low, high - value], 0),
            fmt="o",
            color=COLORS[place % len(COLORS)],
            capsize=2,
            label=model,
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    if len(intervals) > 1:
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
    save_figure(figure, path)
