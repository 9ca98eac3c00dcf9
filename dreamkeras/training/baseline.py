"""Baseline of a run: ridge regression on k-mer counts, trained and validated on the sequences of the run. Does not import Keras.

A network that does not predict better than its baseline has not learned where k-mers are and how they interact.
"""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.kmers import kmer_counts
from dreamkeras.sequence.task_scale import TaskScale, by_task
from dreamkeras.statistics.bootstrap import Interval, interval, resample_pearson
from dreamkeras.statistics.correlation import pearson, task_figures
from dreamkeras.statistics.ridge import fit_ridge
from dreamkeras.statistics.task_kinds import add_kind_figures
from dreamkeras.statistics.undefined import mean_defined, varies

__all__ = [
    "ADVICE",
    "BASELINE_TABLE",
    "BEHIND",
    "LONGEST",
    "MOST",
    "Baseline",
    "compare",
    "describe_behind",
    "fit_baseline",
    "read_baseline",
]

BASELINE_TABLE = "baseline.tsv"
"""Name of the file with the predictions in the run folder."""

LONGEST = 4
"""Number of bases in the longest k-mers. With 5-mers, r is not higher on all libraries, and the fit takes ten times as long."""

MOST = 50_000
"""Maximum number of training examples of a baseline. From more examples, this number is drawn at random."""

BEHIND = "The network is behind its baseline"

ADVICE = "Train for more epochs, lower the learning rate, try a smaller network, or check the data."


class Baseline(NamedTuple):
    """Predictions of a baseline.

    Args:
        predicted: Predictions for the validation examples, float64 (n, tasks).
        penalties: Penalty of each task, float64 (tasks,).
        features: Number of distinct k-mers.
        rows: Number of training examples.
    """

    predicted: np.ndarray
    penalties: np.ndarray
    features: int
    rows: int


def fit_baseline(
    training: Examples, validation: Examples, both_strands: bool, scales: tuple[TaskScale, ...] = (), seed: int = 0
) -> Baseline:
    """Fits a ridge regression on k-mer counts to the training examples, and predicts the validation examples.

    Args:
        training: Training examples. Their weights are used, and missing values are ignored.
        validation: Validation examples.
        both_strands: Whether a k-mer and its reverse complement are counted as one.
        scales: Kind and transformation of each task. The regression is on the stabilised scale of a task, and predictions are in the unit
            of the data. Empty if all tasks are values that are not transformed.
        seed: Random seed that selects `MOST` training examples from a larger number.
    """
    letters, weights = training.centred().letters, training.weights
    targets = by_task(scales, TaskScale.stabilised, training.targets)
    if len(targets) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(len(targets), MOST, replace=False))
        letters, targets, weights = letters[rows], targets[rows], None if weights is None else weights[rows]
    counts = kmer_counts(letters, LONGEST, both_strands)
    fit = fit_ridge(counts, targets, weights)
    predicted = fit.predict(kmer_counts(validation.centred().letters, LONGEST, both_strands))
    predicted = by_task(scales, TaskScale.from_stabilised, predicted)
    return Baseline(predicted, fit.penalties, counts.shape[1], len(targets))


def read_baseline(folder: Path, tasks: tuple[str, ...]) -> Baseline | None:
    """Returns the baseline in a run folder, or None if the run has none, because an older version trained it."""
    if not (folder / BASELINE_TABLE).is_file():
        return None
    with (folder / BASELINE_TABLE).open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    fields = json.loads((folder / "metrics.json").read_text("utf-8"))["baseline"]
    penalties = [fields["tasks"][task]["penalty"] for task in tasks]
    infinite = np.array([np.inf if penalty is None else penalty for penalty in penalties])  # JSON has no infinite numbers
    return Baseline(np.array([row[1:] for row in rows], np.float64), infinite, fields["features"], fields["rows"])


def compare(
    baseline: Baseline, measured: np.ndarray, predicted: np.ndarray, tasks: tuple[str, ...], scales: tuple[TaskScale, ...] = ()
) -> dict[str, Any]:
    """Compares a baseline with the network of its run, for `metrics.json`.

    The network is behind the baseline if the 95 % interval of the difference in r is above 0. The interval comes from resamples of the
    validation sequences, which are the same for the network and the baseline. An undefined r counts as 0.

    Args:
        baseline: Baseline of the run.
        measured: Measured values of the validation examples (n, tasks). Missing values are NaN.
        predicted: Predictions of the network (n, tasks).
        tasks: Names of the tasks.
        scales: Kind and transformation of each task, as for `fit_baseline`.

    Returns:
        The metrics of the baseline, averaged over the tasks for which they are defined, the numbers `features` and `rows`, and `behind`,
        the names of the tasks for which the network is behind. `tasks` has the metrics of each task, its `penalty`, and `difference`: r of
        the baseline minus r of the network, with the bounds of its interval.
    """
    figures = task_figures(measured, baseline.predicted)
    figures["r_squared"] = np.square(figures["r"])
    of_task: dict[str, Any] = {}
    for place, task in enumerate(tasks):
        difference = _difference(measured[:, place], predicted[:, place], baseline.predicted[:, place])
        figures_of_task = {name: float(values[place]) for name, values in figures.items()}
        of_task[task] = {
            **figures_of_task,
            "n": int(figures["n"][place]),
            "penalty": float(baseline.penalties[place]),
            "difference": difference._asdict(),
        }
    means = {name: mean_defined(values) for name, values in figures.items() if name != "n"}
    behind = [task for task, fields in of_task.items() if fields["difference"]["low"] > 0]
    metrics = {**means, "n": len(measured), "features": baseline.features, "rows": baseline.rows, "behind": behind, "tasks": of_task}
    add_kind_figures(metrics, tasks, scales, measured, baseline.predicted)
    return metrics


def describe_behind(metrics: Mapping[str, Any]) -> str:
    """Returns a sentence on the tasks for which the network is behind its baseline, with advice. The sentence is empty without such tasks.

    Args:
        metrics: Metrics of a run, with the result of `compare` under `baseline`.
    """
    fields = metrics.get("baseline") or {}
    if not fields.get("behind"):
        return ""
    pairs = [
        ("" if len(fields["tasks"]) == 1 else f" for {task}", metrics.get("tasks", {}).get(task, metrics), fields["tasks"][task])
        for task in fields["behind"]
    ]
    figures = ", ".join(f"validation r {_text(network)} instead of {_text(baseline)}{task}" for task, network, baseline in pairs)
    return f"{BEHIND}, ridge regression on counts of 1- to {LONGEST}-mers: {figures}. {ADVICE}"


def _text(figures: Mapping[str, Any]) -> str:
    r = figures["r"]
    return "undefined" if r is None or math.isnan(r) else f"{r:.3f}"


def _difference(measured: np.ndarray, network: np.ndarray, baseline: np.ndarray) -> Interval:
    """Returns r of the baseline minus r of the network for one task. All values are NaN if the measured values do not differ."""
    kept = ~np.isnan(measured)
    measured, models = measured[kept], [network[kept], baseline[kept]]
    if not varies(measured[:, None])[0]:
        return Interval(math.nan, math.nan, math.nan)
    of_network, of_baseline = (np.nan_to_num(pearson(measured, predicted)) for predicted in models)
    samples = np.nan_to_num(resample_pearson(measured, models))
    return Interval(float(of_baseline - of_network), *map(float, interval(samples[:, 1] - samples[:, 0])))
