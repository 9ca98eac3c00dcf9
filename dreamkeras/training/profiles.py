"""What validation says of profiles: the loss as the exported model answers, and how far measured and predicted ones are apart."""

import numpy as np
from keras import ops

from dreamkeras.data.examples import Examples
from dreamkeras.evaluation.correlation import pearson
from dreamkeras.evaluation.profiles import jensen_shannon, profile_figures
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["epoch_figures", "final_figures", "validation_loss"]

AT_ONCE = 4096
"""Examples whose loss is computed at once."""


def epoch_figures(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> dict[str, float]:
    """The loss, and the median distance of measured and predicted profiles in peaks.

    Args:
        network: One that answers a profile.
        examples: With profiles, without margins; without peaks, all count as if they were some.
        predicted: float32 (n, 1 + positions), the predictor's.
    """
    peaks = _peaks(examples)
    distances = jensen_shannon(examples.profiles[peaks], predicted[peaks, 1:])
    has_reads = ~np.isnan(distances)
    median = float(np.median(distances[has_reads])) if has_reads.any() else np.nan
    return {"loss": validation_loss(network, examples, predicted), "profile_jsd": median}


def final_figures(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> dict[str, float]:
    """What a run tells of profiles: the loss, and, in peaks, the figures of `evaluation.profiles` and the r of the counts.

    Arguments are those of `epoch_figures`.
    """
    peaks = _peaks(examples)
    figures = profile_figures(examples.profiles[peaks], predicted[peaks, 1:])
    within = {"peaks": int(peaks.sum()), "peaks_r": float(pearson(examples.targets[peaks, 0], predicted[peaks, 0]))}
    return {"loss": validation_loss(network, examples, predicted), **{name: figures[name] for name in figures if name != "n"}, **within}


def validation_loss(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> float:
    """The final block's loss of what the network's predictor answers: the mean over the strands, and whatever bias is part of it.

    Args:
        network: One that answers a profile.
        examples: With profiles, without margins.
        predicted: float32 (n, 1 + positions), the predictor's.
    """
    total = 0.0
    for first in range(0, len(examples), AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        truth = {"expression": examples.targets[rows], "profile": examples.profiles[rows]}
        # The logarithms of probabilities are logits, too.
        answers = {"expression": predicted[rows, :1], "profile": np.log(np.maximum(predicted[rows, 1:], 1e-30))}
        truth, answers = ({name: ops.convert_to_tensor(values) for name, values in part.items()} for part in (truth, answers))
        total += float(network.final.total_loss(truth, answers)) * len(examples.targets[rows])
    return total / len(examples)


def _peaks(examples: Examples) -> np.ndarray:
    has_peaks = examples.is_peak is not None and examples.is_peak.any()
    return examples.is_peak if has_peaks else np.ones(len(examples), bool)
