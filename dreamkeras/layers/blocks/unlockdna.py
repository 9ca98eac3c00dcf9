"""Blocks of team Unlock_DNA in the Prix Fixe framework: embedded k-mers, a Conformer, and prediction from a few positions.

The blocks of the team's original entry are in `layers/blocks/proformer.py`.
"""

from keras import layers, ops

from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.parts.attention import ConformerBlock
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.dropout import Dropout
from dreamkeras.layers.parts.initializers import FanInUniform, UnitNormal
from dreamkeras.layers.slots import Core, FirstLayers, register_block
from dreamkeras.sequence.alphabet import BASES

__all__ = ["UnlockDNACore", "UnlockDNAFinal", "UnlockDNAFirst", "continue_with_other_strand"]


def continue_with_other_strand(encoded):
    """Appends the reverse complement to encoded letters.

    The reverse complement has the same flags as the sequence, because a flag has one value for the complete input.

    Args:
        encoded: Encoded letters, `(batch, length, 4 + flags)`, with base channels in the order A C G T. Reversing the order of the base
            channels complements the bases.

    Returns:
        The encoded letters of both strands, `(batch, 2 * length, 4 + flags)`.
    """
    bases, flags = encoded[:, :, : len(BASES)], encoded[:, :, len(BASES) :]
    other = ops.concatenate([ops.flip(bases, axis=(1, 2)), flags], axis=-1)  # flags are constant along a sequence and need no reversal
    return ops.concatenate([encoded, other], axis=1)


@register_block("unlockdna")
class UnlockDNAFirst(FirstLayers):
    """First block that embeds every k-mer of the sequence, and optionally of its reverse complement, as a learned vector.

    The embedding is a dense layer over the encoded bases of a k-mer, computed as a convolution with zero padding.

    Args:
        channels: Number of output channels.
        kmer: Length of a k-mer. A k-mer of even length extends one base further to the right of its position than to the left.
        both_strands: Whether to append the reverse complement to the sequence, as in the team's entry, and to add a learned vector for the
            strand of each position. If False, only the flag `is_reverse` identifies the strand, as in the blocks of the other teams.

    Shape:
        Input `(batch, length, 4 + flags)`, output `(batch, length, channels)`, or `(batch, 2 * length, channels)` with both strands.

    Reference:
        Rafi et al. 2024; Kwak et al. 2024 (Proformer).
    """

    def __init__(self, channels=256, kmer=3, both_strands=False, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kmer, self.both_strands = channels, kmer, both_strands
        self.embedding = Conv1D(channels, kmer, kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name="embedding")

    def build(self, input_shape):
        self.embedding.build(input_shape)
        if self.both_strands:
            self.strands = self.add_weight(name="strands", shape=(2, self.channels), initializer=UnitNormal())
        super().build(input_shape)

    def call(self, encoded):
        if not self.both_strands:
            return self.embedding(encoded)
        return self.embedding(continue_with_other_strand(encoded)) + ops.repeat(self.strands, encoded.shape[1], axis=0)

    def compute_output_shape(self, input_shape):
        batch, length, _ = input_shape
        return (batch, 2 * length if self.both_strands else length, self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kmer": self.kmer, "both_strands": self.both_strands}


@register_block("unlockdna")
class UnlockDNACore(Core):
    """Core block that adds a learned vector for each position and applies Conformer blocks.

    Args:
        blocks: Number of Conformer blocks.
        heads: Number of attention heads. The reference implementation is configured with 8 heads but builds 4.
        kernel_size: Width of the convolutions along the sequence.
        dropout: Dropout rate of the feed-forward layers and the convolution during training.

    Shape:
        Input and output `(batch, length, channels)`.

    Raises:
        ValueError: The length of the input is not fixed, or the number of channels is not a multiple of the number of heads.

    Reference:
        Rafi et al. 2024 (DREAM-Attn); Kwak et al. 2024 (Proformer).
    """

    learning_rate = 0.001

    def __init__(self, blocks=4, heads=4, kernel_size=15, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.blocks, self.heads, self.kernel_size, self.dropout = blocks, heads, kernel_size, dropout
        options = {"kernel_size": kernel_size, "dropout": dropout, "dtype": self.dtype_policy}
        self.conformer = [ConformerBlock(heads, name=f"block_{i}", **options) for i in range(blocks)]

    def build(self, input_shape):
        if input_shape[1] is None:
            raise ValueError(
                f"Expected features of a fixed length, because each position has a learned vector, got shape {tuple(input_shape)}."
            )
        self.positions = self.add_weight(name="positions", shape=input_shape[1:], initializer=UnitNormal())
        for block in self.conformer:
            block.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        features = features + self.positions
        for block in self.conformer:
            features = block(features, training=training)
        return features

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"blocks": self.blocks, "heads": self.heads, "kernel_size": self.kernel_size, "dropout": self.dropout}
        return {**super().get_config(), **config}


@register_block("unlockdna")
class UnlockDNAFinal(ScaledFinal):
    """Final block that predicts expression from the first positions, and the base at every position.

    Args:
        tasks: Number of predicted values for each sequence.
        positions: Number of positions from which expression is predicted.
        dropout: Fraction of the features of the first positions to drop during training.

    Shape:
        Input `(batch, length, channels)`, outputs `"expression"` `(batch, tasks)` and `"nucleotides"` float32 `(batch, length, 4)`, the
        logits of the bases in the order A C G T.

    Raises:
        ValueError: The features have fewer than `positions` positions.

    Reference:
        Rafi et al. 2024; Kwak et al. 2024 (Proformer).
    """

    def __init__(self, tasks=1, positions=8, dropout=0.2, **kwargs):
        super().__init__(tasks, **kwargs)
        self.positions, self.dropout = positions, dropout
        self.drop = Dropout(dropout, dtype=self.dtype_policy)
        self.values = layers.Dense(tasks, kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name="values")
        self.guess = layers.Dense(len(BASES), kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name="guess")

    def build(self, input_shape):
        if input_shape[1] is not None and input_shape[1] < self.positions:
            raise ValueError(f"Expected features of at least {self.positions} positions, got {input_shape[1]}.")
        self.values.build((input_shape[0], input_shape[-1]))
        self.guess.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        # The dense layer is linear, so the mean over positions can be computed before the layer, which then multiplies fewer rows.
        pooled = ops.mean(self.drop(features[:, : self.positions], training=training), axis=1)
        nucleotides = ops.cast(self.guess(self.sequence(features)), "float32")
        return {"expression": self.in_units(self.values(pooled)), "nucleotides": nucleotides}

    def sequence(self, features):
        """Returns the features at the positions of the sequence. In this block, all positions belong to the sequence."""
        return features

    def get_config(self):
        return {**super().get_config(), "positions": self.positions, "dropout": self.dropout}
