"""Learning curve of a run: r on the same validation sequences after training on a quarter, a half and all of the training sequences.

The module does not import Keras. `training.smaller_runs` trains the runs on a part of the sequences.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.errors import counted
from dreamkeras.sequence.row_keys import row_keys
from dreamkeras.statistics.bootstrap import paired_differences
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_defined

__all__ = ["FEWEST", "SHARES", "Stage", "curve_figures", "curve_table", "describe_curve", "nested_subsets", "too_small"]

SHARES = (0.25, 0.5)
"""Shares of the training sequences on which the smaller runs are trained, in ascending order."""

FEWEST = 100
"""Minimum number of training sequences in the smallest run."""

HALF, ALL = 0, 1


class Stage(NamedTuple):
    """Predictions of a network and of its baseline that were trained on the same sequences.

    Args:
        rows: Number of training sequences.
        network: Predictions of the network for the validation sequences (n, tasks).
        baseline: Predictions of the baseline (n, tasks).
    """

    rows: int
    network: np.ndarray
    baseline: np.ndarray


def nested_subsets(examples: Examples, seed: int) -> list[np.ndarray]:
    """Draws a quarter and a half of the examples at random, as sorted indices. The half contains the quarter.

    Examples with the same window are drawn together, because a copy of a sequence is not additional data.

    Args:
        examples: Training examples.
        seed: Random seed.
    """
    _, group = np.unique(row_keys(examples.letters), return_inverse=True)
    rank = np.random.default_rng(seed).permutation(len(examples))[group]  # more ranks than groups
    order = np.argsort(rank, kind="stable")
    return [np.sort(order[: round(share * len(examples))]) for share in SHARES]


def too_small(examples: Examples, batch_size: int | None, seed: int) -> str:
    """Returns a sentence on why a table is too small for a learning curve. The sentence is empty if the table is large enough.

    Args:
        examples: Training examples.
        batch_size: Batch size of the run. None if the batch size depends on the number of examples.
        seed: Random seed of the subsets.
    """
    wanted = math.ceil(max(FEWEST, batch_size or 0) / SHARES[0])
    if len(examples) < wanted:
        return f"No learning curve: it requires at least {counted(wanted, 'training sequence')}, got {len(examples):,}."
    values = (~np.isnan(examples.targets[nested_subsets(examples, seed)[0]])).sum(axis=0)
    if values.min() < 2:
        return f"No learning curve: a quarter of the training sequences has {counted(int(values.min()), 'value')} of a task."
    return ""


def curve_figures(stages: Sequence[Stage], measured: np.ndarray, tasks: tuple[str, ...]) -> dict[str, Any]:
    """Computes the metrics of a learning curve, for `metrics.json`.

    Args:
        stages: Stages in ascending order of their sizes. The last three are a quarter, a half and all of the training sequences.
        measured: Measured values of the validation sequences (n, tasks). Missing values are NaN.
        tasks: Names of the tasks.

    Returns:
        `stages`, with `rows`, the mean metrics of the network over the tasks, `baseline_r` and, with several tasks, `r_TASK` and
        `baseline_r_TASK`. `gain` is the mean r with all sequences minus the mean r with a half, with the bounds of its 95 % interval
        between resamples of the validation sequences. `expected` is the expected gain of twice the number of sequences. It is NaN if the
        gain is within noise.
    """
    rows = [_figures(stage, measured, tasks) for stage in stages]
    predicted = [stage.network for stage in stages[-2:]]
    gain = paired_differences(measured, predicted, [HALF, ALL], reference=ALL)[HALF]
    expected = _expected(*(row["r"] for row in rows[-3:])) if gain.low > 0 else math.nan
    return {"stages": rows, "gain": gain._asdict(), "expected": expected}


def _figures(stage: Stage, measured: np.ndarray, tasks: tuple[str, ...]) -> dict[str, float]:
    network, baseline = task_figures(measured, stage.network), task_figures(measured, stage.baseline)
    figures = {"rows": stage.rows, **{name: mean_defined(values) for name, values in network.items() if name != "n"}}
    figures["baseline_r"] = mean_defined(baseline["r"])
    if len(tasks) > 1:
        figures |= {f"r_{task}": float(value) for task, value in zip(tasks, network["r"], strict=True)}
        figures |= {f"baseline_r_{task}": float(value) for task, value in zip(tasks, baseline["r"], strict=True)}
    return figures


def _expected(quarter: float, half: float, whole: float) -> float:
    """Returns the expected gain in r of the next doubling. The gain changes by the same factor as before, but does not increase."""
    before, last = half - quarter, whole - half
    if not last > 0:  # also if r is undefined
        return math.nan if math.isnan(last) else 0.0
    factor = min(1.0, last / before) if before > 0 else 1.0
    return min(last * factor, 1 - whole)


def describe_curve(metrics: Mapping[str, Any]) -> str:
    """Returns sentences on whether more sequences would raise r. The text is empty if the run has no learning curve.

    Args:
        metrics: Metrics of a run, with the result of `curve_figures` under `learning_curve`.
    """
    curve = metrics.get("learning_curve")
    if not curve:
        return ""
    half, whole = (stage["r"] for stage in curve["stages"][-2:])
    gain, rows = curve["gain"], curve["stages"][-1]["rows"]
    if not all(map(math.isfinite, (half, whole, gain["low"], gain["high"]))):
        return "The learning curve has no gain in r, because r is undefined for a half or for all of the training sequences."
    change = f"r {'rose' if whole >= half else 'fell'} by {abs(whole - half):.3f}, from {half:.3f} to {whole:.3f}"
    begin = f"From a half to all of the {rows:,} training sequences, {change} (95 % interval {gain['low']:+.3f} to {gain['high']:+.3f})."
    if gain["high"] < 0:
        return f"{begin} A fall beyond noise suggests that the training on all sequences was too short. Train for more epochs."
    if gain["low"] <= 0:
        if (metrics.get("baseline") or {}).get("behind"):
            return f"{begin} The network is behind its baseline, so the curve shows nothing about the number of sequences."
        return f"{begin} The change is within noise, so the curve does not show that more sequences of the same kind would raise r."
    return f"{begin} Twice the number of sequences of the same kind is expected to raise r by about {curve['expected']:.3f}."


def curve_table(curve: Mapping[str, Any]) -> str:
    """Returns the stages of a learning curve as a table of tab-separated values. An undefined metric is `nan`."""
    stages = curve["stages"]
    lines = [
        list(stages[0]),
        *([f"{value:.6g}" if isinstance(value, float) else str(value) for value in stage.values()] for stage in stages),
    ]
    return "".join("\t".join(line) + "\n" for line in lines)
