"""Ridge regression with a penalty that is selected by generalised cross-validation. The only dependency is NumPy."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["RidgeFit", "fit_ridge", "leave_one_out_errors"]

PENALTIES = np.logspace(1, -8, 64)
"""Candidate penalties, as multiples of the largest eigenvalue of the features' scatter matrix. In a tie, the first one is selected."""

FEWEST = 3
"""Minimum number of values of a task. With fewer values, the prediction is their mean."""

ROWS = 4096
"""Number of rows that are converted to float64 at a time."""


class RidgeFit(NamedTuple):
    """Fitted ridge regression of several tasks.

    Args:
        coefficients: Coefficient of each feature, float64 (features, tasks).
        intercepts: Prediction of each task if all features are 0, float64 (tasks,).
        penalties: Selected penalty of each task, float64 (tasks,). The penalty is infinite if the prediction is the mean.
    """

    coefficients: np.ndarray
    intercepts: np.ndarray
    penalties: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns predictions, float64 (n, tasks), for features (n, features)."""
        parts = [features[start : start + ROWS] @ self.coefficients for start in range(0, len(features), ROWS)]
        return np.concatenate([np.empty((0, len(self.intercepts))), *parts]) + self.intercepts


def fit_ridge(features: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> RidgeFit:
    """Fits a ridge regression with an unpenalised intercept to each task.

    The penalty of a task minimises the error of generalised cross-validation (Golub, Heath and Wahba 1979), see `leave_one_out_errors`.

    Args:
        features: Features of any numeric type, finite (n, features).
        targets: Values (n, tasks). Missing values are NaN, and each task is fitted to the rows with a value.
        weights: Weight of each row, 0 or more (n,). If None, all rows have the same weight.

    Example:
        >>> fit = fit_ridge(np.arange(8)[:, None], 3.0 * np.arange(8)[:, None] + 1)
        >>> fit.predict(np.array([[10]])).round(3).tolist()
        [[31.0]]
    """
    targets = np.asarray(targets, np.float64)
    weights = np.ones(len(features)) if weights is None else np.asarray(weights, np.float64)
    tasks = targets.shape[1]
    fit = RidgeFit(np.zeros((features.shape[1], tasks)), np.zeros(tasks), np.full(tasks, np.inf))
    present = ~np.isnan(targets) & (weights > 0)[:, None]
    patterns, group = np.unique(present, axis=1, return_inverse=True)
    for number, kept in enumerate(patterns.T):  # tasks with values in the same rows share a scatter matrix
        columns = np.flatnonzero(group.reshape(-1) == number)
        if kept.any():
            _fit_tasks(fit, columns, features[kept], targets[kept][:, columns], weights[kept])
    return fit


def leave_one_out_errors(values: np.ndarray, projected: np.ndarray, total: ArrayLike, rows: int, penalties: np.ndarray) -> np.ndarray:
    """Returns the mean squared errors of generalised cross-validation, float64 (penalties,).

    The error is the weighted mean of the squared residuals, divided by the square of 1 - d / n, where d is the number of effective
    parameters including the intercept. If all rows have the same leverage, the error equals that of leave-one-out cross-validation.

    Args:
        values: Eigenvalues of the weighted scatter matrix of the features, float64 (features,).
        projected: Weighted products of features and targets, projected on the eigenvectors, float64 (features,).
        total: Weighted sum of the squared deviations of the targets from their mean.
        rows: Number n of rows, to which the weights add up.
        penalties: Penalties above 0, float64 (penalties,).
    """
    shrunk = values + penalties[:, None]
    explained = (np.square(projected) * (values + 2 * penalties[:, None]) / np.square(shrunk)).sum(1)
    free = 1 - (1 + (values / shrunk).sum(1)) / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(free > 1e-9, np.maximum(total - explained, 0) / rows / np.square(free), np.inf)


def _fit_tasks(fit: RidgeFit, tasks: np.ndarray, features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None:
    """Fits tasks with values in all rows, and stores the results in the columns `tasks` of `fit`."""
    weights = weights * (len(weights) / weights.sum())
    center, means = _means(features, weights), weights @ targets / len(targets)
    fit.intercepts[tasks] = means
    deviations = targets - means
    scatter, products = _moments(features, center, deviations, weights)
    values, vectors = np.linalg.eigh(scatter)
    values = np.maximum(values, 0)
    if len(targets) < FEWEST or values.max(initial=0) == 0:
        return
    penalties, projected = PENALTIES * values.max(), vectors.T @ products
    for place, task in enumerate(tasks):
        total = weights @ np.square(deviations[:, place])
        errors = leave_one_out_errors(values, projected[:, place], total, len(targets), penalties)
        penalty = fit.penalties[task] = penalties[errors.argmin()]
        fit.coefficients[:, task] = vectors @ (projected[:, place] / (values + penalty))
        fit.intercepts[task] -= center @ fit.coefficients[:, task]


def _means(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the weighted mean of each feature, float64 (features,). The weights add up to the number of rows."""
    starts = range(0, len(features), ROWS)
    return np.sum([weights[start : start + ROWS] @ features[start : start + ROWS] for start in starts], axis=0) / len(features)


def _moments(features: np.ndarray, center: np.ndarray, deviations: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weighted scatter matrix of the features, and their weighted products with the deviations of the targets."""
    scatter = np.zeros((features.shape[1], features.shape[1]))
    products = np.zeros((features.shape[1], deviations.shape[1]))
    for start in range(0, len(features), ROWS):
        rows = slice(start, start + ROWS)
        centred = features[rows] - center
        weighted = (centred * weights[rows, None]).T
        scatter += weighted @ centred
        products += weighted @ deviations[rows]
    return scatter, products
