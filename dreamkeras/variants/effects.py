"""Effects of variants as columns of numbers, from what each model says of both alleles."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["ENSEMBLE_COLUMNS", "MODEL_COLUMNS", "Column", "column_names", "effect_columns", "effect_values"]


class Column(NamedTuple):
    """A number of each task.

    Args:
        name: Follows the task's name.
        values: Takes the predictions of the reference and of the alternative alleles, float32 (n, members, tasks), and returns (n, tasks).
        description: A text, with `{task}` for the task.
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
    Column("effect", lambda ref, alt: (alt - ref).mean(axis=1), "Prediction of {task} with the alternative allele minus the reference's"),
)
"""The columns of any model."""

ENSEMBLE_COLUMNS = (
    Column("effect_sd", lambda ref, alt: (alt - ref).std(axis=1, ddof=1), "Standard deviation of the effect on {task} over the models"),
    Column("agreement", _agreement, "Share of the models whose effect on {task} has the sign of the mean effect"),
)
"""Further columns of several models; the standard deviation is that of a sample."""


def effect_columns(members: int) -> tuple[Column, ...]:
    """The columns of so many models."""
    return MODEL_COLUMNS + ENSEMBLE_COLUMNS if members > 1 else MODEL_COLUMNS


def column_names(columns: Sequence[Column], tasks: Sequence[str]) -> tuple[str, ...]:
    """All columns of the first task, those of the second, ...

    Example:
        >>> column_names(MODEL_COLUMNS, ["hk"])
        ('hk_ref', 'hk_alt', 'hk_effect')
    """
    return tuple(f"{task}_{column.name}" for task in tasks for column in columns)


def effect_values(columns: Sequence[Column], ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """float32 (n, tasks * columns), in the order of `column_names`, of predictions float32 (n, members, tasks)."""
    values = np.stack([column.values(ref, alt) for column in columns], axis=2)
    return values.reshape(len(ref), values.shape[1] * len(columns)).astype(np.float32)
