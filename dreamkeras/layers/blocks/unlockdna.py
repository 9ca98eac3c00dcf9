"""The blocks of team Unlock_DNA as the Prix Fixe framework has them: k-mers of both strands, a Conformer, expression from a few positions.

`layers/blocks/proformer.py` has the entry as the team built it.
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
    """Encoded letters followed by their reverse complement.

    The flags say how a sequence was measured, not which way it is read: they stay as they are.

    Args:
        encoded: `(batch, length, 4 + flags)`, the bases in the order of the alphabet, which complementing reverses.

    Returns:
        `(batch, 2 * length, 4 + flags)`.
    """
    bases, flags = encoded[:, :, : len(BASES)], encoded[:, :, len(BASES) :]
    other = ops.concatenate([ops.flip(bases, axis=(1, 2)), flags], axis=-1)  # a sequence's flags are the same at every position
    return ops.concatenate([encoded, other], axis=1)


@register_block("unlockdna")
class UnlockDNAFirst(FirstLayers):
    """Every k-mer of the strand as given as a learned vector; in the team's entry, of both strands.

    A k-mer's channels at once through a dense layer: a convolution of k taps, zeros beyond the ends.

    Args:
        channels: Output channels.
        kmer: Letters of a k-mer; with an even number, one more lies to the right.
        both_strands: Whether the reverse complement follows the sequence, as in the team's own input; which strand a position belongs
            to is then added as a learned vector. Without it, the strand is told by the flag `is_reverse`, as to the other teams' blocks.

    Shape:
        `(batch, length, 4 + flags)` in; `(batch, length, channels)` out, or `(batch, 2 * length, channels)` with both strands.

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
    """Conformer blocks over features that know their position.

    Args:
        blocks: Conformer blocks.
        heads: Attention heads; the reference's model is asked for 8 and builds 4.
        kernel_size: Taps of the convolutions along the sequence.
        dropout: Share dropped in training.

    Shape:
        `(batch, length, channels)` in and out.

    Raises:
        ValueError: The length is not known when it is built, or the channels cannot be shared out among the heads.

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
            raise ValueError(f"Expected features of a fixed length, to learn its positions, got shape {tuple(input_shape)}.")
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
    """Expression from the first positions, and a guess of every position's nucleotide.

    Args:
        tasks: Number of values a sequence.
        positions: Positions that expression is read from.
        dropout: Share of them dropped in training.

    Shape:
        `(batch, length, channels)` in; `"expression"` `(batch, tasks)`, and `"nucleotides"` float32 `(batch, length, 4)`, logits of the
        bases in the order of the alphabet.

    Raises:
        ValueError: The features have fewer positions.

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
            raise ValueError(f"Expected features of {self.positions} positions or more, got {input_shape[1]}.")
        self.values.build((input_shape[0], input_shape[-1]))
        self.guess.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        # The mean of a linear map is the map of the mean.
        pooled = ops.mean(self.drop(features[:, : self.positions], training=training), axis=1)
        nucleotides = ops.cast(self.guess(self.sequence(features)), "float32")
        return {"expression": self.in_units(self.values(pooled)), "nucleotides": nucleotides}

    def sequence(self, features):
        """The features that stand for letters: all."""
        return features

    def get_config(self):
        return {**super().get_config(), "positions": self.positions, "dropout": self.dropout}
