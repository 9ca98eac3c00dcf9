"""EnzymeBias: a network that has learnt where an enzyme cuts by itself, held fixed inside another that learns the rest.

As in ChromBPNet: logits of the profiles add up, reads add up as reads, which is the log-sum-exp of their logarithms.
"""

import keras
import numpy as np
from keras import ops

from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.profile import middle
from dreamkeras.sequence.construct import Construct

__all__ = ["EnzymeBias", "check_bias"]


class EnzymeBias(keras.layers.Layer):
    """Adds what a trained network answers to what another one does; it learns nothing any more.

    Args:
        network: A `PrixFixe` network that answers a profile of as many positions, for windows that are no longer.

    Shape:
        letters uint8 `(batch, length)`, flags `(batch, 0)`, and another network's `"expression"` `(batch, 1)` and `"profile"`
        `(batch, positions)`; the two come out.

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
        """The logarithm of all reads, from that of the other network's and that of its own network's, each `(batch, 1)`."""
        return _log_sum(expression, biased + self.shift)

    def fit_level(self, letters, targets, batch_size=64):
        """Shifts its logarithms of reads so that they are those of windows without peaks, in the mean.

        Args:
            letters: uint8 `(n, length)`, windows that are no peaks.
            targets: float32 `(n, 1)`, ln(1 + reads).
            batch_size: Windows predicted at once.

        Raises:
            ModelError: There is no such window.
        """
        if not len(letters):
            raise ModelError("Expected non-peaks in the training data, whose level the enzyme's bias is brought to, got none.")
        answered = self.network.predictor().predict(np.asarray(middle(letters, self.network.construct.length)), batch_size, verbose=0)
        self.shift.assign(float(np.mean(targets[:, :1] - answered[:, :1])))


def _log_sum(one, other):
    """ln(exp(one) + exp(other)); `ops.logaddexp` becomes a log1p, which ONNX does not have."""
    larger = ops.maximum(one, other)
    return larger + ops.log(ops.exp(one - larger) + ops.exp(other - larger))


def check_bias(bias, construct: Construct, profile: int | None) -> None:
    """Refuses what cannot be the bias of a network with this construct and a profile of so many positions.

    Raises:
        ModelError: It answers no profile or one of another length, or its windows are longer or not in the middle of the network's.
    """
    if bias.profile is None or bias.profile != profile or bias.construct.flags != construct.flags:
        raise ModelError(
            f"Expected a bias network that answers a profile of {profile} positions for letters alone, as the network around it, "
            f"got {bias.name} with {bias.profile}."
        )
    if bias.construct.length > construct.length or (construct.length - bias.construct.length) % 2:
        raise ModelError(
            f"Expected a bias network of windows in the middle of {construct.length} letters, got {bias.name} of {bias.construct.length}."
        )
