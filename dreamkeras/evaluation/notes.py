"""Notes on the figures of an evaluation: overlaps with training, units, missing figures."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.examples import Examples
from dreamkeras.evaluation.evaluate import Evaluation
from dreamkeras.evaluation.training_data import TrainingData, compare_with_training
from dreamkeras.files.inputs import file_name

__all__ = ["Units", "overlap_notes", "remarks", "undefined_notes"]

BULK = 0.75
"""Share of the measured values that has to lie within the assay's bins for all to be taken for means of bins."""

CHOSEN_ON = "its best epoch was chosen on them"


class Units(NamedTuple):
    """Whether measured values are in the units of the assay's models.

    Args:
        outside: Values that are not within the assay's bins.
        values: All of them.
        bins: The assay's; None where its values are no means of bins.
    """

    outside: int
    values: int
    bins: int | None

    @classmethod
    def of(cls, assay: Assay, targets: np.ndarray) -> "Units":
        """Those of some targets, NaN where one is missing."""
        values = targets[~np.isnan(targets)]
        outside = 0 if assay.bins is None else int(((values < 0) | (values > assay.bins - 1)).sum())
        return cls(outside, values.size, assay.bins)

    @property
    def are_the_models(self) -> bool:
        """Whether the bulk of the values is within the bins; a few others are outliers."""
        return self.values - self.outside >= BULK * self.values

    def notes(self, file: str) -> list[str]:
        """A sentence where values are outside the bins."""
        if not self.outside or self.bins is None:
            return []
        found = f"{self.outside:,} of the {self.values:,} measured values in {file} are outside 0 to {self.bins - 1}, the range of the bins"
        if self.are_the_models:
            return [f"{found}: all figures include them."]
        return [f"{found}: they are not in the model's units. Correlations are unaffected; errors are left out."]


def remarks(examples: Examples, path: str) -> list[str]:
    """The kinds of a genome's windows, and remarks on the reading of a file."""
    file = file_name(path)
    found = [*filter(None, [examples.describe_reading(file)]), *examples.remarks]
    if examples.is_peak is not None and not examples.is_peak.all():
        others = len(examples) - int(examples.is_peak.sum())
        peaks = len(examples) - others
        figures = "figures are of the peaks alone, and of all" if peaks > 1 else "figures are of all, for one peak has no correlation"
        windows = f"{others:,} of the {len(examples):,} windows are non-peaks"
        found.append(f"{windows}, which were added to the {peaks:,} {'peaks' if peaks > 1 else 'peak'} in {file}: {figures}.")
    return found


def overlap_notes(known: Mapping[str, TrainingData | None], examples: Examples, file: str) -> list[str]:
    """A line for each model that has seen some of the sequences, or of which it cannot be told."""
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
    """Why correlations and noise ceilings are missing; `among` says of which sequences, e.g. `" among the peaks"`."""
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
            notes.append(f"No two replicates of {task}{among} that vary have sequences in common: the noise ceiling is undefined.")
        elif np.isnan(ceiling_r):
            notes.append(f"The replicates of {task}{among} do not correlate (r {replicate_r:.3f}): the noise ceiling is undefined.")
    if evaluation.peaks and examples.is_peak is not None:
        peaks = np.flatnonzero(examples.is_peak)
        of_peaks = {name: values[peaks] for name, values in predictions.items()}
        notes += undefined_notes(evaluation.peaks, examples.select(peaks), tasks, of_peaks, " among the peaks")
    return notes
