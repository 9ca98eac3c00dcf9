"""What validation says of profiles: the loss as the exported model answers, and how far measured and predicted ones are apart."""

import numpy as np
from keras import ops

from dreamkeras.data.examples import Examples
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["profile_figures", "validation_loss"]

AT_ONCE = 4096
"""Examples whose loss is computed at once."""


def profile_figures(network: PrixFixe, examples: Examples, predicted: np.ndarray) -> dict[str, float]:
    """The loss, and the mean distance of measured and predicted profiles.

    Args:
        network: One that answers a profile.
        examples: With profiles, without margins.
        predicted: float32 (n, 1 + positions), the predictor's.
    """
    return {"loss": validation_loss(network, examples, predicted)}


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
