"""Letters to features, inside the graph: one-hot rows, flag channels, the other strand."""

import keras
from keras import ops

from dreamkeras.sequence.alphabet import COMPLEMENT, ONE_HOT

__all__ = ["LetterEncoding", "left_packed", "reverse_complement"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class LetterEncoding(keras.layers.Layer):
    """Letters and flags as channels: `A C G T` and then one constant channel a flag.

    `A -> 1 0 0 0`, `c -> 0 1 0 0`, `N -> 0 0 0 0`, `R -> .5 0 .5 0`; every code of `sequence.alphabet.IUPAC`, in either case.

    Shape:
        letters uint8 `(batch, length)` and flags `(batch, flags)` in, `(batch, length, 4 + flags)` out.
    """

    def call(self, letters, flags):
        # Made here, not in __init__: a table captured from outside would become an input of the exported graph.
        one_hot = ops.take(ops.convert_to_tensor(ONE_HOT, self.compute_dtype), ops.cast(letters, "int32"), axis=0)
        if not flags.shape[-1]:
            return one_hot  # ONNX Runtime cannot repeat what is empty
        flags = ops.cast(flags, self.compute_dtype)[:, None, :]
        return ops.concatenate([one_hot, ops.repeat(flags, letters.shape[1], axis=1)], axis=-1)

    def compute_output_shape(self, letters_shape, flags_shape):
        return (*letters_shape, ONE_HOT.shape[1] + flags_shape[-1])


def reverse_complement(letters):
    """The other strand of a tensor of letters, uint8 `(batch, length)`, read 5' to 3'."""
    complement = ops.convert_to_tensor(COMPLEMENT)
    return ops.flip(ops.take(complement, ops.cast(letters, "int32"), axis=0), axis=1)


def left_packed(letters):
    """The windows of a tensor of letters, uint8 `(batch, length)`, with the N that they begin with behind their other letters."""
    codes, length = ops.cast(letters, "int32"), letters.shape[1]
    is_known = ops.logical_and(ops.not_equal(codes, ord("N")), ops.not_equal(codes, ord("n")))
    first = ops.cast(ops.argmax(ops.cast(is_known, "int32"), axis=1), "int32")
    columns = ops.mod(ops.arange(length, dtype="int32")[None, :] + first[:, None], length)
    return ops.cast(ops.take_along_axis(codes, columns, axis=1), "uint8")
