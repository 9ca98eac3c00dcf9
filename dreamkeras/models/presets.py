"""Defines the named networks. Each network is built by one function."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from dreamkeras.data.assays.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal, AutosomeFirst
from dreamkeras.layers.blocks.bhi import BHICore, BHIFinal, BHIFirst
from dreamkeras.layers.blocks.bpnet import BPNetCore, BPNetFirst
from dreamkeras.layers.blocks.legnet import LegNetCore
from dreamkeras.layers.blocks.profile import ProfileFinal
from dreamkeras.layers.blocks.proformer import ProformerCore, ProformerFinal, ProformerFirst
from dreamkeras.layers.blocks.unlockdna import UnlockDNACore, UnlockDNAFinal, UnlockDNAFirst
from dreamkeras.models.combinations import find_blocks, of_blocks
from dreamkeras.models.names import entry_of, split_blocks, suggestion
from dreamkeras.models.prixfixe import PrixFixe

__all__ = [
    "PRESETS",
    "Preset",
    "autosome",
    "bhi",
    "bpnet",
    "bpnet_bias",
    "bpnet_small",
    "build_model",
    "dream_attn",
    "dream_attn_small",
    "dream_cnn",
    "dream_cnn_small",
    "dream_rnn",
    "dream_rnn_small",
    "find_preset",
    "legnet",
    "positional_cnn_small",
    "proformer",
    "unlockdna",
]


class Preset(NamedTuple):
    """A named network and its default training strategy.

    Args:
        name: Name on the command line.
        build: Function that builds the network for an assay, with newly initialised weights.
        strategy: Name of the default training strategy; see `training.strategy.strategies`.
    """

    name: str
    build: Callable[[Assay], PrixFixe]
    strategy: str = "autosome"

    @property
    def description(self) -> str:
        """One-line description of the network."""
        return (self.build.__doc__ or "").partition("\n")[0]


def dream_cnn(assay: Assay) -> PrixFixe:
    """DREAM-CNN: the first block of BHI with the core and the final block of autosome.

    160 convolutions of 9 bases and 160 convolutions of 15 bases detect motifs. Six residual steps with 64 or 128 channels combine the
    motifs. The steps use grouped convolutions of 7 positions over pairs of channels.

    Reference:
        Rafi et al. 2024, code 0_1_0_0.
    """
    return _network("dream-cnn", assay, BHIFirst(320), AutosomeCore((128, 128, 64, 64, 64, 64)), AutosomeFinal.for_assay(assay))


def dream_rnn(assay: Assay) -> PrixFixe:
    """DREAM-RNN: the first block and the core of BHI with the final block of autosome.

    Motifs are detected as in DREAM-CNN. A bidirectional LSTM with 320 units in each direction combines the motifs. Convolutions of 9 and 15
    positions follow the LSTM, and dropout is applied to their outputs.

    Reference:
        Rafi et al. 2024, code 0_1_1_0.
    """
    return _network("dream-rnn", assay, BHIFirst(320), BHICore(320, units=320), AutosomeFinal.for_assay(assay))


def dream_attn(assay: Assay) -> PrixFixe:
    """DREAM-Attn: the first and the final block of autosome with the core of Unlock_DNA.

    256 convolutions of 7 bases with batch normalisation detect motifs. A learned vector for each position is added to the features. Four
    Conformer blocks with 4 heads of width 64 and convolutions of 15 positions combine the motifs.

    Reference:
        Rafi et al. 2024, code 0_0_2_0.
    """
    return _network("dream-attn", assay, AutosomeFirst(256), UnlockDNACore(blocks=4, heads=4), AutosomeFinal.for_assay(assay))


def autosome(assay: Assay) -> PrixFixe:
    """The entry of team autosome, which won the challenge: DREAM-CNN with 256 convolutions of 7 bases as its first block.

    Reference:
        Penzar et al. 2023; Rafi et al. 2024, code 0_0_0_0.
    """
    return _network("autosome", assay, AutosomeFirst(256), AutosomeCore((128, 128, 64, 64, 64, 64)), AutosomeFinal.for_assay(assay))


def bhi(assay: Assay) -> PrixFixe:
    """The entry of team BHI in the Prix Fixe framework: DREAM-RNN's first block and core, followed by dense layers over all positions.

    Reference:
        Rafi et al. 2024, code 1_1_1_1.
    """
    return _network("bhi", assay, BHIFirst(320), BHICore(320, units=320), BHIFinal(len(assay.tasks), (64, 64)))


def unlockdna(assay: Assay) -> PrixFixe:
    """The entry of team Unlock_DNA in the Prix Fixe framework: a Conformer over the 3-mers of both strands.

    Reference:
        Rafi et al. 2024, code 2_2_2_2.
    """
    first = UnlockDNAFirst(256, kmer=3, both_strands=True)
    return _network("unlockdna", assay, first, UnlockDNACore(blocks=4, heads=4), UnlockDNAFinal(len(assay.tasks), positions=8))


def proformer(assay: Assay) -> PrixFixe:
    """The original entry of team Unlock_DNA: a transformer over 32 expression tokens and the 10-mers of both strands.

    Reference:
        Kwak et al. 2024 (Proformer).
    """
    first = ProformerFirst(512, kmer=10, tokens=32)
    return _network("proformer", assay, first, ProformerCore(blocks=4, heads=8), ProformerFinal(len(assay.tasks), positions=32))


def legnet(assay: Assay) -> PrixFixe:
    """LegNet as published after the challenge: autosome's network with depthwise convolutions.

    Reference:
        Penzar et al. 2023.
    """
    return _network("legnet", assay, AutosomeFirst(), LegNetCore(), AutosomeFinal.for_assay(assay))


def dream_cnn_small(assay: Assay) -> PrixFixe:
    """DREAM-CNN with a quarter of its width and half its depth, for laptops."""
    return _network("dream-cnn-small", assay, BHIFirst(80), AutosomeCore((32, 32, 16)), AutosomeFinal.for_assay(assay))


def positional_cnn_small(assay: Assay) -> PrixFixe:
    """DREAM-CNN-small with team BHI's final block, in which each position has its own weights, for elements at fixed places."""
    return _network("positional-cnn-small", assay, BHIFirst(80), AutosomeCore((32, 32, 16)), BHIFinal(len(assay.tasks), (64, 64)))


def dream_rnn_small(assay: Assay) -> PrixFixe:
    """DREAM-RNN with a fifth of its width, for laptops."""
    return _network("dream-rnn-small", assay, BHIFirst(64), BHICore(64, units=64), AutosomeFinal.for_assay(assay))


def dream_attn_small(assay: Assay) -> PrixFixe:
    """DREAM-Attn with a quarter of its width and half its depth, for laptops."""
    return _network("dream-attn-small", assay, AutosomeFirst(64), UnlockDNACore(blocks=2, heads=4), AutosomeFinal.for_assay(assay))


def bpnet(assay: Assay) -> PrixFixe:
    """BPNet's body as in ChromBPNet: 512 convolutions of 21 bases and eight dilated convolutions, with a receptive field of 1,041 bases.

    Reference:
        Avsec et al. 2021; Pampari et al. 2024. Rafi et al. 2024 use a body of the same size for ATAC-seq.
    """
    return _network("bpnet", assay, BPNetFirst(512), BPNetCore(8), AutosomeFinal.for_assay(assay))


def bpnet_small(assay: Assay) -> PrixFixe:
    """BPNet with an eighth of its width, for laptops."""
    return _network("bpnet-small", assay, BPNetFirst(64), BPNetCore(8), AutosomeFinal.for_assay(assay))


def bpnet_bias(assay: Assay) -> PrixFixe:
    """A network with a small receptive field that learns an enzyme's sequence bias from windows outside peaks.

    Reference:
        Pampari et al. 2024, ChromBPNet's bias model, with a quarter of the width.
    """
    return _network("bpnet-bias", assay, BPNetFirst(32), BPNetCore(4), AutosomeFinal.for_assay(assay))


def _network(name, assay, first, core, final):
    """Builds a network. If the assay has profiles, `ProfileFinal` replaces a final block without a profile."""
    final = ProfileFinal.for_assay(assay) if assay.profile and not final.has_profile else final
    return PrixFixe(assay.construct, first, core, final, tasks=assay.tasks, units=assay.units, name=name)


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("dream-cnn", dream_cnn),
        Preset("dream-rnn", dream_rnn),
        Preset("dream-attn", dream_attn),
        Preset("autosome", autosome),
        Preset("bhi", bhi, strategy="bhi"),
        Preset("unlockdna", unlockdna, strategy="unlockdna"),
        Preset("proformer", proformer, strategy="proformer"),
        Preset("legnet", legnet, strategy="legnet"),
        Preset("dream-cnn-small", dream_cnn_small),
        Preset("positional-cnn-small", positional_cnn_small),
        Preset("dream-rnn-small", dream_rnn_small),
        Preset("dream-attn-small", dream_attn_small),
        Preset("bpnet", bpnet),
        Preset("bpnet-small", bpnet_small),
        Preset("bpnet-bias", bpnet_bias),
    )
}
"""Maps the names of networks on the command line to presets."""


def find_preset(name: str) -> Preset:
    """Returns the network with the given name.

    Args:
        name: The name of a preset, or three blocks as `FIRST,CORE,FINAL`, each a registered name or `module:Class`. Blocks are built with
            their default arguments. Three blocks of one team are equivalent to the preset with the team's name.

    Raises:
        ModelError: No preset or block has the given name. The message lists the known names.

    Example:
        >>> find_preset("dream-cnn").strategy
        'autosome'
        >>> find_preset("bhi,bhi,bhi").name
        'bhi'
    """
    parts = split_blocks(name)
    if entry := entry_of(parts):
        return PRESETS[entry]
    if len(parts) > 1:
        find_blocks(parts)
        return Preset(name, partial(of_blocks, parts))
    if name not in PRESETS:
        raise ModelError(
            f"Expected a model among {', '.join(PRESETS)}, or three blocks as FIRST,CORE,FINAL, got {name!r}.{suggestion(name, PRESETS)}"
        )
    return PRESETS[name]


def build_model(name: str, assay: Assay) -> PrixFixe:
    """Builds a network for an assay, with newly initialised weights.

    Args:
        name: As for `find_preset`.
        assay: The assay to predict.

    Raises:
        ModelError: No preset or block has the given name, or the blocks do not fit each other or the assay.
    """
    return find_preset(name).build(assay)
