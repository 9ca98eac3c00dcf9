"""Writes notes on an evaluation: overlap with training data, units of the measurements, and reasons for undefined metrics."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.overlap import CHOSEN_ON
from dreamkeras.evaluation.evaluate import Evaluation
from dreamkeras.evaluation.training_data import TrainingData, compare_with_training
from dreamkeras.files.inputs import file_name

__all__ = ["Units", "overlap_notes", "remarks", "undefined_notes"]

BULK = 0.75
"""Minimum share of the measured values that must be within the range of the assay's bins.

If the share is lower, the values are assumed to be in different units from the values of the assay.
"""


class Units(NamedTuple):
    """Checks whether measured values are in the units in which models of the assay predict.

    Args:
        outside: Number of values outside the range of the assay's bins.
        values: Number of measured values.
        bins: Number of expression bins of the assay, or None if the values of the assay are not means over bins.
    """

    outside: int
    values: int
    bins: int | None

    @classmethod
    def of(cls, assay: Assay, targets: np.ndarray) -> "Units":
        """Counts the measured values in targets, and the values outside the range of bins. Missing values are NaN."""
        values = targets[~np.isnan(targets)]
        outside = 0 if assay.bins is None else int(((values < 0) | (values > assay.bins - 1)).sum())
        return cls(outside, values.size, assay.bins)

    @property
    def are_the_models(self) -> bool:
        """Whether most values are within the range of bins, so that values outside the range are treated as outliers."""
        return self.values - self.outside >= BULK * self.values

    def notes(self, file: str) -> list[str]:
        """Returns a note if values are outside the range of bins."""
        if not self.outside or self.bins is None:
            return []
        verb = "is" if self.outside == 1 else "are"
        found = (
            f"{self.outside:,} of the {self.values:,} measured values in {file} {verb} outside 0 to {self.bins - 1}, the range of the bins"
        )
        if self.are_the_models:
            return [f"{found}. All metrics include the values outside the range."]
        return [f"{found}, so the values are not in the model's units. Correlations are still valid; mean squared errors are omitted."]


def remarks(examples: Examples, path: str) -> list[str]:
    """Returns notes on the measurements: rows that were skipped when the file was read, and numbers of peaks and non-peaks."""
    file = file_name(path)
    found = [*filter(None, [examples.describe_reading(file)]), *examples.remarks]
    if examples.is_peak is not None and not examples.is_peak.all():
        others = len(examples) - int(examples.is_peak.sum())
        peaks = len(examples) - others
        metrics = "peaks and for all windows" if peaks > 1 else "all windows only, because a single peak has no correlation"
        are, were = ("is a non-peak", "was") if others == 1 else ("are non-peaks", "were")
        windows = f"{others:,} of the {len(examples):,} windows {are}"
        added = f"which {were} added to the {peaks:,} {'peaks' if peaks > 1 else 'peak'} in {file}"
        found.append(f"{windows}, {added}. Metrics are reported for {metrics}.")
    return found


def overlap_notes(known: Mapping[str, TrainingData | None], examples: Examples, file: str) -> list[str]:
    """Returns a note for each model whose training or validation data overlap with the test set, or whose overlap is unknown."""
    notes = []
    for name, data in known.items():
        found, doubt = compare_with_training(data, examples)
        if doubt:
            notes.append(f"{name}: {doubt}")
        if found and any(found.training):
            notes.append(f"{name}: {found.training.describe(len(examples), f'in {file}')}")
        if found and any(found.validation):
            notes.append(f"{name}: {found.validation.describe(len(examples), f'in {file}', 'validation', CHOSEN_ON)}")
    return notes


def undefined_notes(
    evaluation: Evaluation, examples: Examples, tasks: tuple[str, ...], predictions: Mapping[str, np.ndarray], among: str = ""
) -> list[str]:
    """Returns notes with the reasons for undefined correlations and noise ceilings.

    `among` is a text such as `" among the peaks"`, which is appended to the names of tasks.
    """
    notes = []
    for column, task in enumerate(tasks):
        measured = examples.targets[:, column]
        present = ~np.isnan(measured)
        if np.ptp(measured[present]) == 0:
            notes.append(f"All measured values of {task}{among} are the same: r and rho are undefined.")
            continue
        constant = [name for name, values in predictions.items() if np.ptp(values[present, column]) == 0]
        notes += [f"All predictions of {task}{among} by {name} are the same: r and rho are undefined." for name in constant]
    for task, (replicate_r, ceiling_r) in evaluation.ceilings.items():
        if np.isnan(replicate_r):
            notes.append(f"No two replicates of {task}{among} vary and share 2 or more sequences: the noise ceiling is undefined.")
        elif np.isnan(ceiling_r):
            notes.append(f"The replicates of {task}{among} do not correlate (r {replicate_r:.3f}): the noise ceiling is undefined.")
    if evaluation.peaks and examples.is_peak is not None:
        peaks = np.flatnonzero(examples.is_peak)
        of_peaks = {name: values[peaks] for name, values in predictions.items()}
        notes += undefined_notes(evaluation.peaks, examples.select(peaks), tasks, of_peaks, " among the peaks")
    return notes
