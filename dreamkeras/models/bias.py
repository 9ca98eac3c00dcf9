"""EnzymeBias: a layer with a frozen network that predicts an enzyme's sequence preference.

The network that contains the layer learns the signal that the frozen network does not predict.

As in ChromBPNet, the profile logits of the two networks are added, and the logarithms of their read counts are combined with log-sum-exp.
"""

import keras
import numpy as np
from keras import ops

from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.profile import middle
from dreamkeras.sequence.construct import Construct

__all__ = ["EnzymeBias", "check_bias"]


class EnzymeBias(keras.layers.Layer):
    """Layer that adds the predictions of a frozen network to the predictions of the surrounding network.

    Args:
        network: A trained `PrixFixe` network. The profile of `network` must have the same number of positions as the profile of the
            surrounding network. The windows of `network` must not be longer than those of the surrounding network.

    Shape:
        The inputs are letters, uint8 `(batch, length)`, flags, `(batch, 0)`, and the surrounding network's `"expression"` `(batch, 1)` and
        `"profile"` `(batch, positions)`. The outputs are the combined `"expression"` `(batch, 1)` and `"profile"` `(batch, positions)`.

    Reference:
        Pampari et al. 2024 (ChromBPNet).
    """

    def __init__(self, network, **kwargs):
        super().__init__(**{"dtype": "float32", "name": "bias", "trainable": False, **kwargs})
        self.network = network
        self.network.trainable = False

    def build(self, *_shapes):
        self.shift = self.add_weight(name="shift", shape=(), initializer="zeros", dtype="float32", trainable=False)
        super().build(_shapes)

    def call(self, letters, flags, expression, profile):
        answer = self.network({"letters": middle(letters, self.network.construct.length), "flags": flags}, training=False)
        return {
            "expression": self.joined(expression, answer["expression"]),
            "profile": profile + answer["profile"],
        }

    def joined(self, expression, biased):
        """Returns the logarithm of the total number of reads, given the logarithms of the read numbers of both networks, `(batch, 1)`."""
        return _log_sum(expression, biased + self.shift)

    def fit_level(self, letters, targets, batch_size=64):
        """Shifts the bias network's predictions of ln(1 + reads) so that their mean equals the measured mean outside peaks.

        Args:
            letters: Windows outside peaks, uint8 `(n, length)`.
            targets: Measured ln(1 + reads) of the windows, float32 `(n, 1)`.
            batch_size: Number of windows in a batch of predictions.

        Raises:
            ModelError: `letters` has no windows.
        """
        if not len(letters):
            raise ModelError(
                "Expected windows outside peaks in the training data, which are required to fit the level of the enzyme's bias, got none."
            )
        answered = self.network.predictor().predict(np.asarray(middle(letters, self.network.construct.length)), batch_size, verbose=0)
        self.shift.assign(float(np.mean(targets[:, :1] - answered[:, :1])))


def _log_sum(one, other):
    """Returns ln(exp(one) + exp(other)). `ops.logaddexp` is not used, because its export contains log1p, which is not an ONNX operator."""
    larger = ops.maximum(one, other)
    return larger + ops.log(ops.exp(one - larger) + ops.exp(other - larger))


def check_bias(bias, construct: Construct, profile: int | None) -> None:
    """Checks that a bias network can be used in a network with the given construct and a profile of `profile` positions.

    Raises:
        ModelError: The profile or the flags of the two networks differ, or the window of the bias network cannot be centred in the window
            of the other network.
    """
    if bias.profile is None or bias.profile != profile:
        shape = f"with a profile of {bias.profile} positions" if bias.profile else "without a profile"
        raise ModelError(f"Expected a bias network with a profile of {profile} positions, got {bias.name} {shape}.")
    if bias.construct.flags != construct.flags:
        flags, others = (", ".join(one.flags) or "no flags" for one in (construct, bias.construct))
        raise ModelError(f"Expected a bias network with the flags of the surrounding network ({flags}), got {bias.name} ({others}).")
    if bias.construct.length > construct.length or (construct.length - bias.construct.length) % 2:
        raise ModelError(
            f"Expected a bias network whose window can be centred in {construct.length} bases, got {bias.name} with a window of "
            f"{bias.construct.length} bases."
        )
