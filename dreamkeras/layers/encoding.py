"""Encodes sequences inside the network: one-hot encoding, flag channels and the reverse complement."""

import keras
from keras import ops

from dreamkeras.sequence.alphabet import COMPLEMENT, ONE_HOT

__all__ = ["LetterEncoding", "left_packed", "reverse_complement"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class LetterEncoding(keras.layers.Layer):
    """Layer that encodes letters as four channels, `A C G T`, and appends one constant channel for each flag.

    Examples: `A -> 1 0 0 0`, `c -> 0 1 0 0`, `N -> 0 0 0 0`, `R -> .5 0 .5 0`. All codes of `sequence.alphabet.IUPAC` are supported, in
    upper and lower case.

    Shape:
        The inputs are letters, uint8 `(batch, length)`, and flags, `(batch, flags)`. The output is `(batch, length, 4 + flags)`.
    """

    def call(self, letters, flags):
        # The table is created here because a tensor created in __init__ would become an input of the exported graph.
        one_hot = ops.take(ops.convert_to_tensor(ONE_HOT, self.compute_dtype), ops.cast(letters, "int32"), axis=0)
        if not flags.shape[-1]:
            return one_hot  # the flags are an empty tensor, which ONNX Runtime cannot repeat
        flags = ops.cast(flags, self.compute_dtype)[:, None, :]
        return ops.concatenate([one_hot, ops.repeat(flags, letters.shape[1], axis=1)], axis=-1)

    def compute_output_shape(self, letters_shape, flags_shape):
        return (*letters_shape, ONE_HOT.shape[1] + flags_shape[-1])


def reverse_complement(letters):
    """Returns the reverse complement of a tensor of letters, uint8 `(batch, length)`."""
    complement = ops.convert_to_tensor(COMPLEMENT)
    return ops.flip(ops.take(complement, ops.cast(letters, "int32"), axis=0), axis=1)


def left_packed(letters):
    """Moves leading N to the end of each window in a tensor of letters, uint8 `(batch, length)`."""
    codes, length = ops.cast(letters, "int32"), letters.shape[1]
    is_known = ops.logical_and(ops.not_equal(codes, ord("N")), ops.not_equal(codes, ord("n")))
    first = ops.cast(ops.argmax(ops.cast(is_known, "int32"), axis=1), "int32")
    columns = ops.mod(ops.arange(length, dtype="int32")[None, :] + first[:, None], length)
    return ops.cast(ops.take_along_axis(codes, columns, axis=1), "uint8")
