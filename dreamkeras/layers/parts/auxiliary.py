"""Auxiliary outputs of a network and their losses. The outputs predict masked bases and the positions of mutated bases."""

import keras
from keras import layers, ops

from dreamkeras.layers.encoding import reverse_complement
from dreamkeras.layers.parts.initializers import FanOutNormal
from dreamkeras.sequence.alphabet import ONE_HOT

__all__ = ["KINDS", "PositionHead", "auxiliary_loss", "masked_nucleotide_loss", "mutation_loss"]

KINDS = {"nucleotides": ONE_HOT.shape[1], "mutated": 1}
"""Number of logits per position for each auxiliary output. The logits of `nucleotides` are in the order A C G T."""


@keras.saving.register_keras_serializable(package="dreamkeras")
class PositionHead(keras.layers.Layer):
    """Layer that computes the logits of an auxiliary output at each position from the core's features.

    Args:
        kind: Name of the auxiliary output, a key of `KINDS`.

    Shape:
        Input `(batch, positions, channels)`, output float32 `(batch, positions, KINDS[kind])`.
    """

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"Expected a kind among {', '.join(KINDS)}, got {kind!r}.")
        self.kind = kind
        self.logits = layers.Dense(KINDS[kind], kernel_initializer=FanOutNormal(), dtype=self.dtype_policy)

    def build(self, input_shape):
        self.logits.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        return ops.cast(self.logits(features), "float32")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], KINDS[self.kind])

    def compute_output_spec(self, features):
        # Without this method, Keras would infer a 16-bit output in mixed precision.
        return keras.KerasTensor(self.compute_output_shape(features.shape), "float32")

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def auxiliary_loss(targets, outputs):
    """Sums the auxiliary losses for which the batch has targets and the network has outputs. Returns 0 if there are no such losses.

    Args:
        targets: A dictionary of arrays `(batch, length)`. The array `"letters"`, uint8, contains the letters before masking and mutation.
            The boolean arrays `"masked"` and `"mutated"` are optional.
        outputs: The network's outputs. The outputs named in `KINDS` are logits, `(batch, length or 2 * length, ...)`.
    """
    losses = []
    if "nucleotides" in outputs and "masked" in targets:
        losses.append(masked_nucleotide_loss(outputs["nucleotides"], targets["letters"], targets["masked"]))
    if "mutated" in outputs and "mutated" in targets:
        losses.append(mutation_loss(outputs["mutated"], targets["letters"], targets["mutated"], targets.get("masked")))
    # The sum includes a zero that depends on all auxiliary outputs, so that Keras does not warn about weights without a gradient.
    unasked = [0.0 * ops.mean(outputs[kind]) for kind in KINDS if kind in outputs]
    return sum([*losses, *unasked], 0.0)


def masked_nucleotide_loss(logits, letters, masked):
    """Computes the mean cross-entropy of masked bases, in nats. The loss is 0 if no base is masked.

    Masked positions without a base, such as padding, are ignored.

    Args:
        logits: `(batch, length, 4)`, or `(batch, 2 * length, 4)` with the logits of the reverse complement in the second half.
        letters: Sequences before masking, uint8 `(batch, length)`.
        masked: bool `(batch, length)`.
    """
    bases, is_base = _bases(_letters(letters, logits.shape[1]))
    weight = is_base * _marks(masked, logits.shape[1])
    surprise = -ops.sum(bases * ops.log_softmax(ops.cast(logits, "float32")), axis=-1)
    return _mean(surprise, weight)


def mutation_loss(logits, letters, mutated, masked=None):
    """Computes the mean binary cross-entropy, in nats, between the predicted and the true positions of mutated bases.

    Args:
        logits: `(batch, length, 1)`, or `(batch, 2 * length, 1)` with the logits of the reverse complement in the second half.
        letters: Sequences before mutation, uint8 `(batch, length)`.
        mutated: bool `(batch, length)`.
        masked: bool `(batch, length)`. Masked positions are ignored, because their bases are hidden. If None, no position is masked.
    """
    positions = logits.shape[1]
    _, weight = _bases(_letters(letters, positions))
    if masked is not None:
        weight = weight * (1 - _marks(masked, positions))
    score, truth = ops.cast(logits[..., 0], "float32"), _marks(mutated, positions)
    return _mean(ops.softplus(score) - score * truth, weight)


def _bases(letters):
    """Returns two arrays: one-hot encodings `(batch, positions, 4)`, and weights that are 1 for A, C, G and T and 0 for other codes."""
    rows = ops.take(ops.convert_to_tensor(ONE_HOT), ops.cast(letters, "int32"), axis=0)
    return rows, ops.cast(ops.max(rows, axis=-1) == 1, "float32")


def _letters(letters, positions):
    """Appends the reverse complement to the letters if the network predicts for both strands."""
    return letters if positions == letters.shape[1] else ops.concatenate([letters, reverse_complement(letters)], axis=1)


def _marks(marks, positions):
    """Converts a boolean mask to 0 and 1, and appends the reversed mask if the network predicts for both strands."""
    marks = ops.cast(marks, "float32")
    return marks if positions == marks.shape[1] else ops.concatenate([marks, ops.flip(marks, axis=1)], axis=1)


def _mean(values, weight):
    return ops.sum(values * weight) / ops.maximum(ops.sum(weight), 1.0)
