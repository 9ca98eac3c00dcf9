"""StrandMean: a layer that predicts from letters alone, as in validation, export and scoring."""

import keras
from keras import ops

from dreamkeras.layers.blocks.profile import middle
from dreamkeras.layers.encoding import left_packed, reverse_complement
from dreamkeras.sequence.alphabet import N
from dreamkeras.sequence.packing import is_packed

__all__ = ["StrandMean", "WholeNetwork", "views"]


class StrandMean(keras.layers.Layer):
    """Layer that predicts from letters alone, averaged over strands and test shifts.

    All flags are 0, except that `is_reverse` is 1 for the reverse complement. If the strand rule of the construct is `"both"`, the
    predictions for the window and its reverse complement are averaged. If the network has test shifts, the predictions for the shifted
    windows are averaged. All strands and shifts of a window are predicted in one batch. Profiles are averaged as probabilities. The profile
    of a reverse complement is reversed before averaging.

    Args:
        network: A `PrixFixe` network.

    Shape:
        Input uint8 `(batch, length)`, output `"expression"` float32 `(batch, tasks)`. A network with a profile also returns `"profile"`
        float32 `(batch, positions)`, which sums to 1 over the positions.
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
            return self._in_units(self._answers(windows[0], flags[0]))
        answers = self._answers(ops.concatenate(windows), ops.concatenate(flags))
        parts = {name: ops.split(values, len(windows)) for name, values in answers.items()}
        if "profile" in parts:
            parts["profile"] = [ops.flip(part, axis=1) if turned else part for part, turned in zip(parts["profile"], reverse, strict=True)]
        return self._in_units({name: sum(values[1:], values[0]) / len(windows) for name, values in parts.items()})

    def _in_units(self, answers):
        """Converts the expression from the scale of the network to the table's unit. Means are computed on the scale of the network."""
        scales = self.network.task_scales
        return answers if scales is None else {**answers, "expression": scales.natural(answers["expression"])}

    def _answers(self, letters, flags):
        outputs = self.network({"letters": letters, "flags": flags}, training=False)
        answers = {"expression": outputs["expression"]}
        return answers | ({"profile": ops.softmax(outputs["profile"])} if self.network.profile else {})

    def compute_output_shape(self, input_shape):
        shapes = {"expression": (input_shape[0], len(self.network.tasks))}
        return shapes | ({"profile": (input_shape[0], self.network.profile)} if self.network.profile else {})


def views(network, letters):
    """Returns the windows over which a prediction is averaged, and whether each window is a reverse complement.

    The windows are uint8 `(batch, length)`. A reverse complement is marked with 1.0, any other window with 0.0.
    """
    construct = network.construct
    packed = left_packed if is_packed(construct) else lambda windows: windows
    windows = _shifted(packed(letters), network.test_shifts)
    if construct.strands != "both":
        return windows, [0.0] * len(windows)
    # The order is reversed, so that each reverse complement has the same shift as its forward window.
    others = _shifted(packed(reverse_complement(letters)), network.test_shifts)[::-1]
    return [*windows, *others], [0.0] * len(windows) + [1.0] * len(others)


def _shifted(letters, most):
    """Returns a list of windows, shifted by `-most` to `most` letters and padded with `N`."""
    if not most:
        return [letters]
    length = letters.shape[1]
    edge = ops.full_like(letters[:, :1], N)
    padded = ops.concatenate([*[edge] * most, letters, *[edge] * most], axis=1)
    return [padded[:, first : first + length] for first in range(2 * most + 1)]


class WholeNetwork(keras.layers.Layer):
    """Layer that applies a complete `PrixFixe` network to the encoded letters and flags of one strand and returns expression.

    Args:
        network: A `PrixFixe` network.

    Shape:
        Input float32 `(batch, length, 4 + flags)`, output `(batch, tasks)`.
    """

    def __init__(self, network, **kwargs):
        super().__init__(name="whole_network", dtype="float32", **kwargs)
        self.network = network
        self.built = True  # the network has already been built

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
