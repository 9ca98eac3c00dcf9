"""Computes columns of variant effects from the predictions of each model for both alleles."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["ENSEMBLE_COLUMNS", "MODEL_COLUMNS", "Column", "column_names", "effect_columns", "effect_values"]


class Column(NamedTuple):
    """A column of a table of variant effects, computed for each task.

    Args:
        name: Suffix of the column name, after the name of the task.
        values: Function that takes the predictions for the reference alleles and for the alternative alleles, each float32 (n, members,
            tasks). The function returns the values of the column, float32 (n, tasks).
        description: Description of the column, with `{task}` for the name of the task.
    """

    name: str
    values: Callable[[np.ndarray, np.ndarray], np.ndarray]
    description: str


def _agreement(ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    effects = alt - ref
    return (np.sign(effects) == np.sign(effects.mean(axis=1, keepdims=True))).mean(axis=1)


MODEL_COLUMNS = (
    Column("ref", lambda ref, _: ref.mean(axis=1), "Prediction of {task} with the reference allele"),
    Column("alt", lambda _, alt: alt.mean(axis=1), "Prediction of {task} with the alternative allele"),
    Column(
        "effect",
        lambda ref, alt: (alt - ref).mean(axis=1),
        "Prediction of {task} with the alternative allele minus prediction with the reference allele",
    ),
)
"""Columns of variant effects for single models and for ensembles."""

ENSEMBLE_COLUMNS = (
    Column("effect_sd", lambda ref, alt: (alt - ref).std(axis=1, ddof=1), "Standard deviation of the effect on {task} over the models"),
    Column("agreement", _agreement, "Share of the models in which the effect on {task} has the same sign as the mean effect"),
)
"""Additional columns of variant effects for ensembles. The standard deviation is computed with `ddof=1`."""


def effect_columns(members: int) -> tuple[Column, ...]:
    """Returns the columns of variant effects for a model with the given number of members, which is 1 for a single model."""
    return MODEL_COLUMNS + ENSEMBLE_COLUMNS if members > 1 else MODEL_COLUMNS


def column_names(columns: Sequence[Column], tasks: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the columns, ordered by task and then as in `columns`.

    Example:
        >>> column_names(MODEL_COLUMNS, ["hk"])
        ('hk_ref', 'hk_alt', 'hk_effect')
    """
    return tuple(f"{task}_{column.name}" for task in tasks for column in columns)


def effect_values(columns: Sequence[Column], ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """Computes columns of variant effects from predictions, float32 (n, members, tasks).

    The result is an array float32 (n, tasks * columns), in the order of `column_names`.
    """
    values = np.stack([column.values(ref, alt) for column in columns], axis=2)
    return values.reshape(len(ref), values.shape[1] * len(columns)).astype(np.float32)
