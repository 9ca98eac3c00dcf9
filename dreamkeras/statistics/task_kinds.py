"""Computes the metrics of binary tasks, of counts and of transformed values: AUROC, AUPRC, log loss and explained deviance."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dreamkeras.sequence.task_scale import EPSILON, TaskScale
from dreamkeras.statistics.correlation import pearson
from dreamkeras.statistics.undefined import mean_defined

__all__ = [
    "KIND_FIGURES",
    "add_kind_figures",
    "auprc",
    "auroc",
    "binary_deviance",
    "explained_deviances",
    "kind_figures",
    "log_loss",
    "poisson_deviance",
]

KIND_FIGURES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "log_loss": "log loss",
    "deviance_explained": "deviance explained",
    "transformed_r": "Pearson r of transformed values",
}
"""Titles of the metrics that `kind_figures` computes, in order."""

POSITIVE = 0.5
"""Smallest measured value of a binary task that counts as positive for AUROC and AUPRC."""


def auroc(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Computes the area under the receiver operating characteristic, in which ties count one half.

    Args:
        measured: Measured values from 0 to 1, float (n,). Values of at least 0.5 are positive.
        predicted: Predictions, float (n,).

    Returns:
        The area, or NaN without positive or without negative values.

    Example:
        >>> auroc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.75
    """
    positive = measured >= POSITIVE
    n, others = int(positive.sum()), int((~positive).sum())
    if not n or not others:
        return float("nan")
    order = np.sort(predicted[~positive])
    below, behind = (np.searchsorted(order, predicted[positive], side).sum() for side in ("left", "right"))
    return float((below + behind) / 2 / (n * others))


def auprc(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Computes the area under the precision-recall curve as average precision: the mean precision over the positive values.

    Equal predictions form one threshold. See `auroc` for the arguments. The result is NaN without positive values.

    Example:
        >>> round(auprc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)
        0.8333
    """
    positive = measured >= POSITIVE
    if not positive.any():
        return float("nan")
    _, group = np.unique(-predicted, return_inverse=True)
    found, all_found = np.bincount(group, positive), np.bincount(group)
    precision = np.cumsum(found) / np.cumsum(all_found)
    return float((precision * found).sum() / positive.sum())


def log_loss(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Computes the mean binary cross-entropy in nats. Probabilities are limited to the precision of float32. NaN without values.

    Example:
        >>> round(log_loss(np.array([1, 0]), np.array([0.9, 0.2])), 4)
        0.1643
    """
    if not len(measured):
        return float("nan")
    chance = np.clip(np.asarray(predicted, np.float64), EPSILON, 1 - EPSILON)
    return float(-(measured * np.log(chance) + (1 - measured) * np.log1p(-chance)).mean())


def binary_deviance(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Computes the mean deviance of probabilities: twice the log loss minus the log loss of perfect predictions."""
    certain = _xlogy(measured, measured) + _xlogy(1 - measured, 1 - measured)
    return 2 * (log_loss(measured, predicted) + float(certain.mean())) if len(measured) else float("nan")


def poisson_deviance(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Computes the mean Poisson deviance of expected counts. Expected counts below 1e-7 are replaced with 1e-7. NaN without values."""
    if not len(measured):
        return float("nan")
    expected = np.maximum(np.asarray(predicted, np.float64), EPSILON)
    return float(2 * (_xlogy(measured, measured) - _xlogy(measured, expected) - measured + expected).mean())


def _explained(scale: TaskScale, measured: np.ndarray, predicted: np.ndarray) -> float:
    deviance = binary_deviance if scale.kind == "binary" else poisson_deviance
    if scale.kind == "value" or not len(measured):
        return float("nan")
    null = deviance(measured, np.full(len(measured), measured.mean()))
    varies = (measured != measured[0]).any()
    return 1 - deviance(measured, predicted) / null if varies else float("nan")


def explained_deviances(scales: Sequence[TaskScale], measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Computes the share of the deviance that the predictions explain: 1 minus their deviance over the deviance of the mean.

    The deviance of binary tasks is binomial, and the deviance of counts is that of a Poisson distribution.

    Args:
        scales: Kind of each task.
        measured: Measured values, float (n, tasks). Missing values are NaN.
        predicted: Probabilities or expected counts, float (n, tasks).

    Returns:
        float64 (tasks,). NaN for tasks of the kind `"value"`, and for tasks whose measured values are all the same.
    """
    return np.array([_explained(scale, *_present(measured, predicted, task)) for task, scale in enumerate(scales)])


def kind_figures(scale: TaskScale, measured: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Computes the metrics of a task that depend on its kind and transformation.

    Args:
        scale: Kind and transformation of the task.
        measured: Measured values, float (n,). Missing values are NaN.
        predicted: Predictions in the same unit, float (n,).

    Returns:
        The metrics, with keys from `KIND_FIGURES`. Empty for a task of the kind `"value"` without a transformation.
    """
    pair = _present(measured[:, None], predicted[:, None], 0)
    if scale.kind == "binary":
        figures = {"auroc": auroc(*pair), "auprc": auprc(*pair), "log_loss": log_loss(*pair)}
        return {**figures, "deviance_explained": _explained(scale, *pair)}
    if scale.kind == "counts":
        return {"deviance_explained": _explained(scale, *pair)}
    return {"transformed_r": float(pearson(*map(scale.fitted, pair)))} if scale.transform != "none" else {}


def add_kind_figures(
    metrics: dict[str, Any], tasks: Sequence[str], scales: Sequence[TaskScale], measured: np.ndarray, predicted: np.ndarray
) -> None:
    """Adds the metrics of binary tasks, counts and transformed values: their means, and with several tasks, the metrics of each task.

    Args:
        metrics: Metrics of a run, which are changed. With several tasks, the key `tasks` contains the metrics of each task.
        tasks: Names of the tasks.
        scales: Kind and transformation of each task, or an empty sequence.
        measured: Measured values, float (n, tasks). Missing values are NaN.
        predicted: Predictions, float (n, at least tasks).
    """
    found = [kind_figures(scale, measured[:, i], predicted[:, i]) for i, scale in enumerate(scales)]
    for name in KIND_FIGURES:
        if values := [figures[name] for figures in found if name in figures]:
            metrics[name] = mean_defined(values)
    for task, figures in zip(tasks, found, strict=False):
        if "tasks" in metrics:
            metrics["tasks"][task] |= figures


def _present(measured: np.ndarray, predicted: np.ndarray, task: int) -> tuple[np.ndarray, np.ndarray]:
    kept = ~np.isnan(measured[:, task])
    return measured[kept, task].astype(np.float64), predicted[kept, task].astype(np.float64)


def _xlogy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns x * ln(y), which is 0 if x is 0."""
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))
