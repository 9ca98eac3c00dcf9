"""Proformer, as team Unlock_DNA entered it: expression tokens before the k-mers, wider heads, one skip a convolution.

The masked letters that it also learns from are the training strategy's matter.
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
    """Expression tokens, then the k-mers of the sequence and of its reverse complement with their position and strand.

    All tokens are one learned vector; only their place tells them apart, as in the team's code, where they embed zeros.

    Args:
        channels: Output channels.
        kmer: Letters of a k-mer; with an even number, one more lies to the right.
        tokens: Positions before the sequence.

    Shape:
        `(batch, length, 4 + flags)` in, `(batch, tokens + 2 * length, channels)` out.

    Raises:
        ValueError: The length is not known when it is built.

    Reference:
        Kwak et al. 2024 (Proformer).
    """

    def __init__(self, channels=512, kmer=10, tokens=32, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kmer, self.tokens = channels, kmer, tokens
        self.embedding = Conv1D(channels, kmer, kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name="embedding")

    def build(self, input_shape):
        if input_shape[1] is None:
            raise ValueError(f"Expected letters of a fixed length, to learn its positions, got shape {tuple(input_shape)}.")
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
    """Macaron-like transformer blocks whose heads are each as wide as the features.

    Args:
        blocks: Blocks.
        heads: Attention heads.
        head_size: Width of a head; None: the features' own, as the team had it.
        kernel_size: Taps of the convolutions along the sequence.
        dropout: Share dropped in training.

    Shape:
        `(batch, length, channels)` in and out.

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
    """Expression from the first 32 positions, which are the tokens of `proformer`'s first block, and a guess of the bases behind them.

    Args:
        tasks: Number of values a sequence.
        positions: Tokens.
        dropout: Share of them dropped in training.

    Shape:
        `(batch, positions + length, channels)` in; `"expression"` `(batch, tasks)`, and `"nucleotides"` float32 `(batch, length, 4)`.

    Reference:
        Kwak et al. 2024 (Proformer).
    """

    def __init__(self, tasks=1, positions=32, dropout=0.1, **kwargs):
        super().__init__(tasks, positions, dropout, **kwargs)

    def sequence(self, features):
        """The features that stand for letters: those behind the tokens."""
        return features[:, self.positions :]
