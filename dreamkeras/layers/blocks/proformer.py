"""Blocks of Proformer, the original entry of team Unlock_DNA.

Proformer places expression tokens before the k-mers, and consists of macaron blocks with wide attention heads.

The training strategy, not the blocks, masks bases for the auxiliary loss.
"""

from keras import ops

from dreamkeras.layers.blocks.unlockdna import UnlockDNAFinal, continue_with_other_strand
from dreamkeras.layers.parts.attention import ConformerBlock
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.initializers import FanInUniform, UnitNormal
from dreamkeras.layers.slots import Core, FirstLayers, register_block

__all__ = ["ProformerCore", "ProformerFinal", "ProformerFirst"]


@register_block("proformer")
class ProformerFirst(FirstLayers):
    """First block that returns expression tokens, followed by embedded k-mers of the sequence and its reverse complement.

    Learned vectors for position and strand are added to the embedded k-mers. All expression tokens share one learned vector. The
    team's code has the same effect, because it looks up every expression token at index 0 of the embedding.

    Args:
        channels: Number of output channels.
        kmer: Length of a k-mer. A k-mer of even length extends one base further to the right of its position than to the left.
        tokens: Number of expression tokens before the k-mers of the sequence.

    Shape:
        Input `(batch, length, 4 + flags)`, output `(batch, tokens + 2 * length, channels)`.

    Raises:
        ValueError: The length of the input is not fixed.

    Reference:
        Kwak et al. 2024 (Proformer).
    """

    def __init__(self, channels=512, kmer=10, tokens=32, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kmer, self.tokens = channels, kmer, tokens
        self.embedding = Conv1D(channels, kmer, kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name="embedding")

    def build(self, input_shape):
        if input_shape[1] is None:
            raise ValueError(
                f"Expected sequences of a fixed length, because each position has a learned vector, got shape {tuple(input_shape)}."
            )
        self.embedding.build(input_shape)
        self.positions = self.add_weight(name="positions", shape=(2 * input_shape[1], self.channels), initializer=UnitNormal())
        self.strands = self.add_weight(name="strands", shape=(2, self.channels), initializer=UnitNormal())
        self.token = self.add_weight(name="token", shape=(self.channels,), initializer=UnitNormal())
        super().build(input_shape)

    def call(self, encoded):
        places = self.positions + ops.repeat(self.strands, encoded.shape[1], axis=0)
        kmers = self.embedding(continue_with_other_strand(encoded)) + places
        tokens = ops.broadcast_to(self.token, (ops.shape(encoded)[0], self.tokens, self.channels))
        return ops.concatenate([tokens, kmers], axis=1)

    def compute_output_shape(self, input_shape):
        batch, length, _ = input_shape
        return (batch, self.tokens + 2 * length, self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kmer": self.kmer, "tokens": self.tokens}


@register_block("proformer")
class ProformerCore(Core):
    """Macaron-like transformer blocks with attention heads as wide as the features.

    Args:
        blocks: Number of blocks.
        heads: Number of attention heads.
        head_size: Width of a head. If None, each head is as wide as the features, as in the team's entry.
        kernel_size: Width of the convolutions along the sequence.
        dropout: Dropout rate of the feed-forward layers and the convolution during training.

    Shape:
        Input and output `(batch, length, channels)`.

    Reference:
        Kwak et al. 2024 (Proformer).
    """

    learning_rate = 0.001

    def __init__(self, blocks=4, heads=8, head_size=None, kernel_size=15, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.blocks, self.heads, self.head_size, self.kernel_size, self.dropout = blocks, heads, head_size, kernel_size, dropout

    def build(self, input_shape):
        options = {"kernel_size": self.kernel_size, "dropout": self.dropout, "add_normed": False, "dtype": self.dtype_policy}
        size = self.head_size or input_shape[-1]
        self.macaron = [ConformerBlock(self.heads, size, name=f"block_{i}", **options) for i in range(self.blocks)]
        for block in self.macaron:
            block.build(input_shape)
        super().build(input_shape)

    def stages(self):
        return self.macaron

    def call(self, features, training=None):
        for block in self.macaron:
            features = block(features, training=training)
        return features

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"blocks": self.blocks, "heads": self.heads, "head_size": self.head_size}
        return {**super().get_config(), **config, "kernel_size": self.kernel_size, "dropout": self.dropout}


@register_block("proformer")
class ProformerFinal(UnlockDNAFinal):
    """Final block that predicts expression and bases.

    Expression is predicted from the expression tokens of `ProformerFirst`, and each base is predicted from the features at its position.

    Args:
        tasks: Number of predicted values for each sequence.
        positions: Number of expression tokens.
        dropout: Fraction of the tokens' features to drop during training.

    Shape:
        Input `(batch, positions + length, channels)`, outputs `"expression"` `(batch, tasks)` and `"nucleotides"` float32
        `(batch, length, 4)`.

    Reference:
        Kwak et al. 2024 (Proformer).
    """

    def __init__(self, tasks=1, positions=32, dropout=0.1, **kwargs):
        super().__init__(tasks, positions, dropout, **kwargs)

    def sequence(self, features):
        """Returns the features at the positions of the sequence, which follow the expression tokens."""
        return features[:, self.positions :]
