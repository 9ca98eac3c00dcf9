"""Writes the sections of a model card on validation and test. Does not import Keras."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dreamkeras.confidence.model_card import interval_note
from dreamkeras.data.splits.record import HoldOut
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training.baseline import ADVICE, LONGEST
from dreamkeras.training.learning_curve import describe_curve
from dreamkeras.training.run_folder.metrics_table import CEILINGS, FIGURES, KINDS, UNDEFINED, metrics_table

__all__ = ["test_section", "validation_section"]

Fields = Mapping[str, Any]

CEILING = (
    "The noise ceiling is the r between error-free predictions and the means of k replicates. If the mean correlation between replicates "
    "is rho, the ceiling is the square root of k rho / (1 + (k - 1) rho) (Spearman 1904, 1910; Brown 1910). The formula assumes "
    "independent noise of equal size in all replicates."
)

BASELINE = (
    "The baseline is a ridge regression on the counts of 1- to {longest}-mers ({features} k-mers{pooled}), without their positions. It was "
    "trained on {rows:,} of the training sequences, with a penalty from generalised cross-validation."
)

BEHIND = (
    "The network counts as behind the baseline if the 95 % interval of the difference in r, from resamples of the validation sequences, "
    "is above 0."
)

ATAC = {
    "peaks_r": ("r in peaks", ".3f"),
    "profile_jsd": ("median profile distance", ".3f"),
    "profile_jsd_shuffled": ("profile distance of a baseline that shuffles the measured reads", ".3f"),
    "profile_jsd_average": ("profile distance of a baseline that predicts the average profile", ".3f"),
}
"""Title and format of the metrics of ATAC-seq models."""

DISTANCE = (
    "The profile distance is the Jensen-Shannon distance between the measured and the predicted shares of reads in a window, from 0 to "
    "0.833. With few reads, sampling noise keeps the distance above 0 even for a perfect model. The table also contains the distances for "
    "two baselines: the measured reads at shuffled positions, and the average profile."
)


def validation_section(description: ModelDescription, metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    """Returns the lines of the section on validation. See `model_card.model_card` for the arguments."""
    columns = FIGURES | KINDS | ATAC | CEILINGS
    if not any(key in metrics for key in columns):
        return []
    tasks = metrics.get("tasks", {})
    table = metrics_table(metrics, columns)
    undefined = any(UNDEFINED in line for line in table[2:])
    notes = [
        "The row `all tasks` contains means over the tasks for which a metric is defined. "
        "The metrics of a task are computed from the sequences with a value for the task."
        if tasks
        else "",
        *_baseline(metrics, description),
        describe_curve(metrics),
        interval_note(description),
        _held_out(metrics, config),
        _chosen_epoch(metrics, history),
        *_scale_notes(description),
        CEILING if "ceiling_r" in metrics else "",
        DISTANCE if "profile_jsd" in metrics else "",
        "A correlation is undefined if all predictions or all measurements are equal, or if there are fewer than two measurements. "
        "An error is undefined if there are no measurements."
        if undefined
        else "",
        "Measurement noise limits all metrics. The metrics differ between random seeds and between validation sets.",
    ]
    return [*table, "", *(f"- {note}" for note in notes if note)]


def test_section(metrics: Fields, config: Fields) -> list[str]:
    """Returns the lines of the section on the test sequences. The list is empty if the run has no test set."""
    if "test" not in metrics:
        return []
    place = f"the file `{config['test']}`" if config.get("test") else _fold_place(config, config.get("test_fold"))
    notes = config.get("test_notes") or ("No test sequence is a duplicate or near-duplicate of a training or validation sequence.",)
    used = f"Test sequences: {place}. They were used neither for training nor for selecting the epoch."
    return [*metrics_table(metrics["test"], FIGURES | KINDS | CEILINGS), "", *(f"- {note}" for note in (used, *notes))]


def _baseline(metrics: Fields, description: ModelDescription) -> list[str]:
    """Describes the baseline, and its difference from the network for each task."""
    baseline = metrics.get("baseline")
    if not baseline:
        return []
    behind, several = baseline["behind"], len(baseline["tasks"]) > 1
    pooled = ", both strands pooled" if description.construct.strands == "both" else ""
    about = BASELINE.format(longest=LONGEST, features=baseline["features"], pooled=pooled, rows=baseline["rows"])
    differences = [
        f"{f'{task} ' if several else ''}{fields['difference']['value']:+.3f} "
        f"(95 % interval {fields['difference']['low']:+.3f} to {fields['difference']['high']:+.3f})"
        for task, fields in baseline["tasks"].items()
        if math.isfinite(fields["difference"]["value"])
    ]
    tasks = f" for {' and '.join(behind)}" if several else ""
    verdict = f"**The network is behind the baseline{tasks}.** {ADVICE}" if behind else ""
    compared = f"r of the baseline minus r of the network: {', '.join(differences)}. {BEHIND}" if differences else ""
    return [verdict, about, compared]


def _scale_notes(description: ModelDescription) -> list[str]:
    """Describes how the metrics of transformed, binary and count tasks are computed."""
    kinds = {scale.kind for scale in description.scales}
    labels = sorted({scale.label for scale in description.scales if scale.label})
    by_deviance = "The best epoch is selected by the explained deviance of binary tasks and counts, and by r of other tasks."
    return [
        *(
            f"The model was trained on {label}, and its predictions are transformed back to the unit of the table. Pearson r, Spearman rho "
            "and the mean squared error are in the unit of the table. The best epoch is selected by r of transformed values."
            for label in labels
        ),
        *(["For AUROC and AUPRC, measurements of at least 0.5 are positive."] if "binary" in kinds else []),
        *([by_deviance] if kinds & {"binary", "counts"} else []),
    ]


def _held_out(metrics: Fields, config: Fields) -> str:
    """Describes how the validation sequences were selected."""
    if "holdout" in metrics:
        fold = f"fold {config['valid_fold']} of {config['folds']} folds " if config.get("folds") else ""
        seed = f" with seed {config['split_seed']}" if "split_seed" in config else ""
        return f"Validation sequences: {fold}drawn from the data{seed}. {HoldOut.from_json(metrics['holdout']).describe()}"
    if "valid" not in config:
        return ""
    if config["valid"]:
        return f"Validation sequences: the file `{config['valid']}`.{_common(config)}"
    if config.get("valid_fold") is not None:
        drawn = f" of {config['folds']} folds drawn from" if config.get("folds") else " of"
        return f"Validation sequences: {_fold_place(config, config['valid_fold'], drawn)}.{_common(config)}"
    if "valid_fraction" not in config:
        return ""
    drawn = f" with seed {config['split_seed']}" if "split_seed" in config else ""
    share = f"{config['valid_fraction']:.0%} of the data, drawn at random{drawn}"
    kept = "All windows of a chromosome" if config.get("atac") else "Identical sequences and near-duplicates"
    return f"Validation sequences: {share}. {kept} are in the same set."


def _fold_place(config: Fields, fold: Any, drawn: str = " of") -> str:
    return f"chromosome {fold}" if config.get("atac") else f"fold {fold}{drawn} the data"


def _common(config: Fields) -> str:
    """Describes the sequences that are in both the validation set and the training set, if the two sets were compared."""
    if "common" not in config:
        return ""
    nothing = "No validation sequence is a duplicate or near-duplicate of a training sequence."
    return f" {config['common'] or nothing}"


def _chosen_epoch(metrics: Fields, history: Sequence[Fields]) -> str:
    if "best_epoch" not in metrics or len(history) < 2:
        return ""
    epoch = metrics.get("epoch", metrics["best_epoch"])
    kept = metrics.get("kept", f"The model is from epoch {epoch:.0f} of {len(history)}.")
    if "kept" in metrics and (epoch == len(history) or epoch != metrics["best_epoch"]):
        return kept
    return f"{kept} This epoch was selected by its metrics on the validation sequences. Expect slightly lower metrics on new sequences."
