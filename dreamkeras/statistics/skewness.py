"""Recognises skewed values, and suggests a transformation that makes their distribution more symmetric."""

from collections.abc import Sequence

import numpy as np

from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["MOST_SKEWED", "SAMPLE", "SYMMETRIC", "describe_skewness", "skewness", "suggestion"]

SAMPLE = 10_000
"""Maximum number of values from which the skewness is computed. From more values, values at equal distances are used."""

MOST_SKEWED = 2.0
"""Absolute skewness above which a transformation is suggested. The skewness of an exponential distribution is 2."""

SYMMETRIC = 1.0
"""Absolute skewness below which a suggested transformation must bring the values."""

FEWEST = 50
"""Minimum number of values from which a skewness is computed."""


def skewness(values: np.ndarray) -> float:
    """Computes the skewness of values, float (n,): the mean cubed deviation from the mean in standard deviations. 0 for constant values.

    Example:
        >>> round(skewness(np.array([1.0, 2.0, 9.0])), 4)
        0.6655
    """
    centred = np.asarray(values, np.float64)
    largest = np.abs(centred).max(initial=0)
    centred = centred / largest if largest else centred
    centred = centred - centred.mean()
    deviation = centred.std()
    return float((centred**3).mean() / deviation**3) if deviation > 1e-9 else 0.0


def suggestion(values: np.ndarray) -> tuple[TaskScale, float] | None:
    """Returns the first transformation that brings the absolute skewness below `SYMMETRIC`, and the skewness of the transformed values.

    For values above 0, log2 and log1p are tried. For values of 0 and above, log1p is tried, and then log2 with an offset of half the
    fifth percentile of the values above 0. For values of both signs, asinh is tried. None if no transformation is sufficient.

    Args:
        values: float (n,), without NaN.
    """
    least = values.min()
    if least > 0:
        scales = [TaskScale(transform="log2"), TaskScale(transform="log1p")]
    elif least == 0:
        half = float(f"{np.quantile(values[values > 0], 0.05) / 2:.1g}")
        scales = [TaskScale(transform="log1p"), *([TaskScale(transform="log2", offset=half)] if half else [])]
    else:
        scales = [TaskScale(transform="asinh")]
    found = ((scale, skewness(scale.fitted(values))) for scale in scales)
    return next((pair for pair in found if abs(pair[1]) < SYMMETRIC), None)


def describe_skewness(targets: np.ndarray, tasks: Sequence[str], scales: Sequence[TaskScale] = ()) -> str:
    """Returns a sentence that suggests a transformation for the most skewed task, or a kind for values that are only 0 and 1.

    The text is empty if no task without a transformation has a skewness above `MOST_SKEWED` that a transformation brings below
    `SYMMETRIC`, and if no task of the kind `"value"` has only the values 0 and 1.

    Args:
        targets: Training values, float (n, tasks). Missing values are NaN.
        tasks: Names of the tasks.
        scales: Kind and transformation of each task. If empty, all tasks are plain values.
    """
    worst: tuple[float, str] = (MOST_SKEWED, "")
    for column, task in enumerate(tasks):
        values = targets[:, column][~np.isnan(targets[:, column])].astype(np.float64)
        values = values[:: -(-len(values) // SAMPLE)] if len(values) else values
        if (scales and scales[column] != TaskScale()) or len(values) < FEWEST:
            continue
        if np.isin(values, (0, 1)).all() and values.any() and not values.all():
            return f"All values of {task} are 0 or 1. --task-kind binary trains a model that predicts probabilities."
        found = skewness(values)
        if abs(found) > worst[0] and (better := suggestion(values)) and better[0].can_transform(targets).all():
            scale, after = better
            option = f"--transform {scale.transform}{f' --offset {scale.offset:g}' if scale.offset else ''}"
            counts = " For counts, --task-kind counts is an alternative." if values.min() >= 0 and (values == np.rint(values)).all() else ""
            worst = (
                abs(found),
                (
                    f"The values of {task} are skewed (skewness {found:.1f}), so that a few extreme values dominate the loss. "
                    f"{option} trains on values with a skewness of {after:.1f}, and predictions keep the unit of the table.{counts}"
                ),
            )
    return worst[1]
