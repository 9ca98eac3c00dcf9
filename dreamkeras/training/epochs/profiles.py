"""Computes the validation loss and the distances between measured and predicted profiles, from the predictions of the exported model."""

import numpy as np
from keras import ops

from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.statistics.correlation import pearson
from dreamkeras.statistics.profiles import jensen_shannon, profile_figures

__all__ = ["epoch_figures", "final_figures", "group_losses", "peaks_or_all", "validation_loss"]

AT_ONCE = 4096
"""Number of examples whose loss is computed at a time."""

GROUPS = 200
"""Number of groups of windows whose losses are compared between two epochs."""


def epoch_figures(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> dict[str, float]:
    """Computes the loss over all examples, and the median distance between measured and predicted profiles over the peaks.

    Args:
        network: Network that predicts a profile.
        examples: Examples with profiles. The windows have no margins for random shifts. If no example is a peak, the median is over all
            examples.
        predicted: float32 (n, 1 + positions), predictions of the network's predictor.
    """
    peaks = peaks_or_all(examples)
    distances = jensen_shannon(_reads(examples)[peaks], predicted[peaks, 1:])
    has_reads = ~np.isnan(distances)
    median = float(np.median(distances[has_reads])) if has_reads.any() else np.nan
    return {"loss": validation_loss(network, examples, predicted), "profile_jsd": median}


def final_figures(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> dict[str, float]:
    """Computes the loss over all examples. For peaks, also computes the metrics of `statistics.profiles` and the r of the read counts.

    The arguments are the same as those of `epoch_figures`.
    """
    peaks = peaks_or_all(examples)
    figures = profile_figures(_reads(examples)[peaks], predicted[peaks, 1:])
    within = {"peaks": int(peaks.sum()), "peaks_r": float(pearson(examples.targets[peaks, 0], predicted[peaks, 0]))}
    return {"loss": validation_loss(network, examples, predicted), **{name: figures[name] for name in figures if name != "n"}, **within}


def validation_loss(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> float:
    """Computes the loss of the final block from the predictions of the network's predictor.

    The predictor returns the mean of the predictions for both strands. If the network has a bias model, the predictor includes the bias
    model.

    Args:
        network: Network that predicts a profile.
        examples: Examples with profiles. The windows have no margins for random shifts.
        predicted: float32 (n, 1 + positions), predictions of the network's predictor.
    """
    parts = [slice(first, first + AT_ONCE) for first in range(0, len(examples), AT_ONCE)]
    return sum(_loss(network, examples, predicted, rows) * len(examples.targets[rows]) for rows in parts) / len(examples)


def group_losses(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> np.ndarray:
    """Computes the mean loss of each of up to `GROUPS` groups of consecutive windows, float64 (groups,).

    Neighbouring windows overlap in the genome, and their losses are correlated. The losses of groups are nearly independent. The arguments
    are the same as those of `validation_loss`.
    """
    groups = np.array_split(np.arange(len(examples)), min(GROUPS, len(examples)))
    return np.array([_loss(network, examples, predicted, slice(group[0], group[-1] + 1)) for group in groups])


def _loss(network: PrixFixe, examples: Examples, predicted: np.ndarray, rows: slice) -> float:
    """Computes the mean loss of some of the examples."""
    truth = {"expression": examples.targets[rows], "profile": _reads(examples)[rows]}
    # The logarithms of probabilities can be used as logits.
    answers = {"expression": predicted[rows, :1], "profile": np.log(np.maximum(predicted[rows, 1:], 1e-30))}
    truth, answers = ({name: ops.convert_to_tensor(values) for name, values in part.items()} for part in (truth, answers))
    return float(network.final.total_loss(truth, answers))


def peaks_or_all(examples: Examples) -> np.ndarray:
    """Returns whether each example is a peak, bool (n,). If no example is a peak or the peaks are unknown, all values are True."""
    peaks = examples.is_peak
    return np.ones(len(examples), bool) if peaks is None or not peaks.any() else peaks


def _reads(examples: Examples) -> np.ndarray:
    if examples.profiles is None:
        raise InputError("Expected examples with profiles, got examples without profiles.")
    return examples.profiles
