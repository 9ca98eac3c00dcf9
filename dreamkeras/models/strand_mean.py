"""StrandMean: what a network answers for letters alone, as it is validated, exported and used."""

import keras
from keras import ops

from dreamkeras.layers.blocks.profile import middle
from dreamkeras.layers.encoding import left_packed, reverse_complement
from dreamkeras.sequence.alphabet import N
from dreamkeras.sequence.packing import is_packed

__all__ = ["StrandMean", "WholeNetwork", "views"]


class StrandMean(keras.layers.Layer):
    """A Prix Fixe network's answer for letters alone, measurement flags 0.

    Where the construct's rule is `"both"`, the mean of the window and its reverse complement, and where the network wants test
    shifts, the mean of the shifted windows, all computed as one batch. A profile's mean is that of probabilities, the other strand's
    turned round.

    Shape:
        uint8 `(batch, length)` in; `"expression"` float32 `(batch, tasks)`, and `"profile"` float32 `(batch, positions)`, which sums to
        1, where the network answers one.
    """

    def __init__(self, network, **kwargs):
        super().__init__(name="strand_mean", dtype="float32", **kwargs)
        self.network = network

    def call(self, letters):
        construct = self.network.construct
        windows, reverse = views(self.network, letters)
        is_reverse = ops.convert_to_tensor([[float(flag == "is_reverse") for flag in construct.flags]], "float32")
        zeros = ops.zeros((ops.shape(letters)[0], len(construct.flags)), "float32")
        flags = [zeros + strand * is_reverse for strand in reverse]
        if len(windows) == 1:
            return self._answers(windows[0], flags[0])
        answers = self._answers(ops.concatenate(windows), ops.concatenate(flags))
        parts = {name: ops.split(values, len(windows)) for name, values in answers.items()}
        if "profile" in parts:
            parts["profile"] = [ops.flip(part, axis=1) if turned else part for part, turned in zip(parts["profile"], reverse, strict=True)]
        return {name: sum(values[1:], values[0]) / len(windows) for name, values in parts.items()}

    def _answers(self, letters, flags):
        outputs = self.network({"letters": letters, "flags": flags}, training=False)
        answers = {"expression": outputs["expression"]}
        return answers | ({"profile": ops.softmax(outputs["profile"])} if self.network.profile else {})

    def compute_output_shape(self, input_shape):
        shapes = {"expression": (input_shape[0], len(self.network.tasks))}
        return shapes | ({"profile": (input_shape[0], self.network.profile)} if self.network.profile else {})


def views(network, letters):
    """What a prediction is the mean over: windows uint8 `(batch, length)`, and of each whether it is of the other strand, 1.0 or 0.0."""
    construct = network.construct
    packed = left_packed if is_packed(construct) else lambda windows: windows
    windows = _shifted(packed(letters), network.test_shifts)
    if construct.strands != "both":
        return windows, [0.0] * len(windows)
    # Reversed, so that each is shifted as the window whose other strand it is.
    others = _shifted(packed(reverse_complement(letters)), network.test_shifts)[::-1]
    return [*windows, *others], [0.0] * len(windows) + [1.0] * len(others)


def _shifted(letters, most):
    """The window shifted by `-most` to `most` letters, `N` entering; the window alone for 0."""
    if not most:
        return [letters]
    length = letters.shape[1]
    edge = ops.full_like(letters[:, :1], N)
    padded = ops.concatenate([*[edge] * most, letters, *[edge] * most], axis=1)
    return [padded[:, first : first + length] for first in range(2 * most + 1)]


class WholeNetwork(keras.layers.Layer):
    """A Prix Fixe network from the features of one strand, encoded letters and flags, to expression.

    Shape:
        float32 `(batch, length, 4 + flags)` in, `(batch, tasks)` out.
    """

    def __init__(self, network, **kwargs):
        super().__init__(name="whole_network", dtype="float32", **kwargs)
        self.network = network
        self.built = True  # as the network is

    def call(self, features):
        return _expression(self.network, features)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.network.tasks))


def _expression(network, features):
    expression = network.final(network.core(network.first(features)))["expression"]
    if network.bias is None:
        return expression
    biased = network.bias.network
    return network.bias.joined(expression, _expression(biased, middle(features, biased.construct.length)))
