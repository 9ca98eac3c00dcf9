"""StrandMean: what a network answers for letters alone, as it is validated, exported and used."""

import keras
from keras import ops

from dreamkeras.layers.encoding import reverse_complement
from dreamkeras.sequence.alphabet import N

__all__ = ["StrandMean"]


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
        windows = _shifted(letters, self.network.test_shifts)
        reverse = [0.0] * len(windows)
        if construct.strands == "both":
            windows, reverse = [*windows, *(reverse_complement(window) for window in windows)], [*reverse, *(1.0 for _ in windows)]
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


def _shifted(letters, most):
    """The window shifted by `-most` to `most` letters, `N` entering; the window alone for 0."""
    if not most:
        return [letters]
    length = letters.shape[1]
    edge = ops.full_like(letters[:, :1], N)
    padded = ops.concatenate([*[edge] * most, letters, *[edge] * most], axis=1)
    return [padded[:, first : first + length] for first in range(2 * most + 1)]
