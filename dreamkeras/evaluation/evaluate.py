"""Computes metrics of models and differences between models, with confidence intervals, and the score of the DREAM Challenge."""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.evaluation.dream_score import DreamScore, dream_score
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.bootstrap import DRAWS, Interval
from dreamkeras.statistics.noise_ceiling import NoiseCeiling, task_ceilings
from dreamkeras.statistics.resampling import Figures, figure_differences, resample_figures, with_intervals
from dreamkeras.statistics.task_kinds import KIND_FIGURES, kind_figures

__all__ = ["ALL", "PEAKS", "Difference", "Evaluation", "evaluate"]

UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


PEAKS, ALL = "peaks", "all"
"""Names of the two sets of windows for which metrics are computed if the data contain peaks and non-peaks."""


class Difference(NamedTuple):
    """Differences of metrics between two models on one task, with intervals from a paired bootstrap.

    Args:
        task: Name of the task.
        first: Name of the first model.
        second: Name of the second model.
        r: Pearson's r of the first model minus Pearson's r of the second model.
        rho: Spearman's rho of the first model minus Spearman's rho of the second model.
        mse: Mean squared error of the first model minus the error of the second model.
    """

    task: str
    first: str
    second: str
    r: Interval
    rho: Interval
    mse: Interval


class Evaluation(NamedTuple):
    """Metrics of several models on the same sequences.

    Args:
        figures: Metrics by model and task.
        differences: Differences in metrics between all pairs of models on all tasks.
        scores: DREAM Challenge score of each model. The dictionary is empty if the test subsets of the DREAM Challenge are not used.
        ceilings: Noise ceiling of each task. The dictionary is empty if there are no replicates.
        kinds: Metrics of binary tasks, counts and transformed values by model and task; see `statistics.task_kinds.kind_figures`. Empty if
            all tasks are plain values.
        peaks: Metrics on the peaks alone. None unless the data contain at least two peaks and at least one non-peak.
    """

    figures: dict[str, dict[str, Figures]]
    differences: list[Difference]
    scores: dict[str, DreamScore]
    ceilings: dict[str, NoiseCeiling]
    peaks: "Evaluation | None" = None
    kinds: Mapping[str, Mapping[str, dict[str, float]]] = MappingProxyType({})

    def parts(self) -> dict[str, "Evaluation"]:
        """Returns two evaluations: `PEAKS` with the metrics on the peaks alone, and `ALL` with the metrics on all windows.

        If `peaks` is None, returns this evaluation alone, with an empty name.
        """
        return {PEAKS: self.peaks, ALL: self} if self.peaks else {"": self}

    @property
    def kind_names(self) -> list[str]:
        """Names of the metrics in `kinds`, in the order of `KIND_FIGURES`."""
        present = {name for tasks in self.kinds.values() for figures in tasks.values() for name in figures}
        return [name for name in KIND_FIGURES if name in present]


def evaluate(
    examples: Examples,
    tasks: tuple[str, ...],
    predictions: Mapping[str, np.ndarray],
    subsets: Mapping[str, np.ndarray] | None = None,
    *,
    in_units: bool = True,
    scales: Sequence[TaskScale] = (),
    draws: int = DRAWS,
    seed: int = 0,
) -> Evaluation:
    """Computes the metrics of models from their predictions for sequences with measurements.

    Args:
        examples: n measured sequences.
        tasks: Names of the tasks, in the order of the columns of targets.
        predictions: Predictions by model, float (n, tasks). Predictions of values that were not measured may be NaN.
        subsets: Row numbers of each test subset of the DREAM Challenge, by name of the subset. `evaluation.subsets.read_subsets` returns
            such a dictionary. Subsets require a single task. If None, the DREAM Challenge score is not computed.
        in_units: Whether measurements and predictions are in the same units. If False, the mean squared error is NaN.
        scales: Kind and transformation of each task. Empty if all tasks are plain values.
        draws: Number of bootstrap resamples of the sequences. All models use the same resamples.
        seed: Random seed for the resamples.

    Raises:
        InputError: There are no predictions, predictions have the wrong shape or are not finite, or a task has fewer than 2 measurements.
    """
    models = _checked(examples, tasks, predictions)
    figures: dict[str, dict[str, Figures]] = {name: {} for name in predictions}
    differences = []
    for column, task in enumerate(tasks):
        present = ~np.isnan(examples.targets[:, column])
        if present.sum() < 2:
            raise InputError(f"Expected at least 2 measured values of {task!r}, got {present.sum()}.")
        measured, predicted = examples.targets[present, column], models[:, present, column]
        samples = resample_figures(measured, predicted, draws, seed)
        for name, found in zip(predictions, with_intervals(measured, predicted, samples), strict=True):
            figures[name][task] = found if in_units else found._replace(mse=UNDEFINED)
        for (one, first), (other, second) in itertools.combinations(enumerate(predictions), 2):
            apart = figure_differences(measured, predicted[one], predicted[other], samples, (one, other))
            differences.append(Difference(task, first, second, **(apart if in_units else {**apart, "mse": UNDEFINED})))
    scores = _scores(examples, tasks, dict(zip(predictions, models, strict=True)), subsets, draws, seed)
    of_peaks = None
    if examples.is_peak is not None and 1 < examples.is_peak.sum() < len(examples):
        peaks = np.flatnonzero(examples.is_peak)
        some = {name: values[peaks] for name, values in predictions.items()}
        of_peaks = evaluate(examples.select(peaks), tasks, some, in_units=in_units, draws=draws, seed=seed)
    kinds = {name: _kind_figures(scales, tasks, examples.targets, values) for name, values in predictions.items() if scales}
    return Evaluation(figures, differences, scores, task_ceilings(examples.replicates, tasks), of_peaks, kinds)


def _kind_figures(
    scales: Sequence[TaskScale], tasks: tuple[str, ...], measured: np.ndarray, predicted: np.ndarray
) -> dict[str, dict[str, float]]:
    """Returns the metrics that depend on the kind of each task, without tasks that are plain values."""
    columns = zip(tasks, scales, measured.T, predicted.T, strict=True)
    return {task: figures for task, scale, values, answers in columns if (figures := kind_figures(scale, values, answers))}


def _checked(examples: Examples, tasks: tuple[str, ...], predictions: Mapping[str, np.ndarray]) -> np.ndarray:
    """Checks shapes and values of predictions, and returns them as one array, float64 (models, n, tasks)."""
    if not predictions:
        raise InputError("Expected the predictions of at least one model, got none.")
    for name, values in predictions.items():
        if values.shape != examples.targets.shape or values.shape[1] != len(tasks):
            raise InputError(
                f"Expected predictions of shape {examples.targets.shape} for {', '.join(tasks)}, got shape {values.shape} from {name}."
            )
        wrong = ~np.isfinite(values) & ~np.isnan(examples.targets)
        if wrong.any():
            rows = wrong.any(axis=1).sum()
            raise InputError(f"Expected finite predictions, got NaN or infinity from {name} for {rows} of the {len(values)} sequences.")
    return np.array([np.asarray(values, np.float64) for values in predictions.values()])


def _scores(
    examples: Examples,
    tasks: tuple[str, ...],
    models: Mapping[str, np.ndarray],
    subsets: Mapping[str, np.ndarray] | None,
    draws: int,
    seed: int,
) -> dict[str, DreamScore]:
    if subsets is None:
        return {}
    if len(tasks) > 1:
        raise InputError(f"Expected one task for the DREAM Challenge score, got {', '.join(tasks)}.")
    measured = examples.targets[:, 0]
    if np.isnan(measured).any():
        raise InputError("The DREAM Challenge score requires a measured value in every row, but some rows have no value.")
    scores = dream_score(measured, [values[:, 0] for values in models.values()], subsets, draws, seed)
    return dict(zip(models, scores, strict=True))
