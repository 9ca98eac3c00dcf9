"""What a network may learn beside expression, position by position: letters that were masked, letters that were exchanged."""

import keras
from keras import layers, ops

from dreamkeras.layers.encoding import reverse_complement
from dreamkeras.layers.parts.initializers import FanOutNormal
from dreamkeras.sequence.alphabet import ONE_HOT

__all__ = ["KINDS", "PositionHead", "auxiliary_loss", "masked_nucleotide_loss", "mutation_loss"]

KINDS = {"nucleotides": ONE_HOT.shape[1], "mutated": 1}
"""Auxiliary outputs by name, and their logits a position: `nucleotides` in the order of the bases."""


@keras.saving.register_keras_serializable(package="dreamkeras")
class PositionHead(keras.layers.Layer):
    """Logits of each position, from the core's features there.

    Args:
        kind: A key of `KINDS`.

    Shape:
        `(batch, positions, channels)` in, float32 `(batch, positions, KINDS[kind])` out.
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
        return keras.KerasTensor(self.compute_output_shape(features.shape), "float32")  # told by its shape alone, it would be of 16 bits

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def auxiliary_loss(targets, outputs):
    """The sum of those auxiliary losses that a batch has the truth for and the network an answer to; 0 without any.

    Args:
        targets: A dictionary with any of `"letters"` uint8 `(batch, length)`, before masking and exchange, and
            `"masked"` and `"mutated"`, bool `(batch, length)`.
        outputs: The network's, with any of `KINDS`: logits `(batch, length or 2 * length, ...)`.
    """
    losses = []
    if "nucleotides" in outputs and "masked" in targets:
        losses.append(masked_nucleotide_loss(outputs["nucleotides"], targets["letters"], targets["masked"]))
    if "mutated" in outputs and "mutated" in targets:
        losses.append(mutation_loss(outputs["mutated"], targets["letters"], targets["mutated"], targets.get("masked")))
    # Nothing, but with a gradient: Keras warns of weights that have none.
    unasked = [0.0 * ops.mean(outputs[kind]) for kind in KINDS if kind in outputs]
    return sum([*losses, *unasked], 0.0)


def masked_nucleotide_loss(logits, letters, masked):
    """Cross-entropy of the bases that were masked, in nats, the mean over masked positions; 0 where none was.

    What was no base before it was masked, as padding, counts for nothing.

    Args:
        logits: `(batch, length, 4)`, or `(batch, 2 * length, 4)`: then the second half is of the other strand.
        letters: uint8 `(batch, length)`, before masking.
        masked: bool `(batch, length)`.
    """
    bases, is_base = _bases(_letters(letters, logits.shape[1]))
    weight = is_base * _marks(masked, logits.shape[1])
    surprise = -ops.sum(bases * ops.log_softmax(ops.cast(logits, "float32")), axis=-1)
    return _mean(surprise, weight)


def mutation_loss(logits, letters, mutated, masked=None):
    """Binary cross-entropy of whether each base was exchanged for another, in nats, the mean over bases.

    Args:
        logits: `(batch, length, 1)`, or `(batch, 2 * length, 1)`: then the second half is of the other strand.
        letters: uint8 `(batch, length)`, before the exchange.
        mutated: bool `(batch, length)`.
        masked: bool `(batch, length)`; masked positions, which nobody can tell, are left out. None: none is.
    """
    positions = logits.shape[1]
    _, weight = _bases(_letters(letters, positions))
    if masked is not None:
        weight = weight * (1 - _marks(masked, positions))
    score, truth = ops.cast(logits[..., 0], "float32"), _marks(mutated, positions)
    return _mean(ops.softplus(score) - score * truth, weight)


def _bases(letters):
    """One-hot rows `(batch, positions, 4)`, and 1 for each letter that is one base, 0 for N and other codes."""
    rows = ops.take(ops.convert_to_tensor(ONE_HOT), ops.cast(letters, "int32"), axis=0)
    return rows, ops.cast(ops.max(rows, axis=-1) == 1, "float32")


def _letters(letters, positions):
    """The letters, followed by those of the other strand where the network answers for both."""
    return letters if positions == letters.shape[1] else ops.concatenate([letters, reverse_complement(letters)], axis=1)


def _marks(marks, positions):
    """The marks of positions as 0 and 1, strands as those of letters."""
    marks = ops.cast(marks, "float32")
    return marks if positions == marks.shape[1] else ops.concatenate([marks, ops.flip(marks, axis=1)], axis=1)


def _mean(values, weight):
    return ops.sum(values * weight) / ops.maximum(ops.sum(weight), 1.0)
