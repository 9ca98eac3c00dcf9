"""Named networks: each a function that reads like the methods of its paper."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from dreamkeras.data.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.autosome import AutosomeCore, AutosomeFinal
from dreamkeras.layers.bhi import BHIFirst
from dreamkeras.layers.slots import BLOCKS, find_block
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["PRESETS", "Preset", "build_model", "dream_cnn", "dream_cnn_small", "find_preset"]


class Preset(NamedTuple):
    """A network that has a name, and how it is trained where nothing else is chosen.

    Args:
        name: What users call it.
        build: Builds the network for an assay, with fresh weights.
        strategy: Name of its training strategy; see `training.strategies`.
        learning_rate: The highest it is trained with; None takes its core block's, or else the strategy's.
    """

    name: str
    build: Callable[[Assay], PrixFixe]
    strategy: str = "autosome"
    learning_rate: float | None = None

    @property
    def description(self) -> str:
        """What it is, in one line."""
        return (self.build.__doc__ or "").partition("\n")[0]


def dream_cnn(assay: Assay) -> PrixFixe:
    """DREAM-CNN: BHI's first block, autosome's core and final block.

    Reference:
        Rafi et al. 2024, code 0_1_0_0.
    """
    return _network("dream-cnn", assay, BHIFirst(320), AutosomeCore((128, 128, 64, 64, 64, 64)), AutosomeFinal.for_assay(assay))


def dream_cnn_small(assay: Assay) -> PrixFixe:
    """DREAM-CNN's plan at a quarter of its width and half its depth, for laptops."""
    return _network("dream-cnn-small", assay, BHIFirst(80), AutosomeCore((32, 32, 16)), AutosomeFinal.for_assay(assay))


def _network(name, assay, first, core, final):
    return PrixFixe(assay.construct, first, core, final, tasks=assay.tasks, units=assay.units, name=name)


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("dream-cnn", dream_cnn),
        Preset("dream-cnn-small", dream_cnn_small),
    )
}
"""Models by the name that the command line knows them by."""


def find_preset(name: str) -> Preset:
    """The network of this name.

    Args:
        name: A preset, or three registered blocks as `FIRST,CORE,FINAL`, each with its defaults.

    Raises:
        ModelError: There is no such preset or block; the message says which there are.

    Example:
        >>> find_preset("dream-cnn").strategy
        'autosome'
    """
    if name.count(",") == len(BLOCKS) - 1:
        blocks = [find_block(slot, block) for slot, block in zip(BLOCKS, name.split(","), strict=True)]
        return Preset(name, partial(_of_blocks, name, blocks))
    if name not in PRESETS:
        raise ModelError(f"Expected a model among {', '.join(PRESETS)}, or FIRST,CORE,FINAL blocks, got {name!r}.")
    return PRESETS[name]


def build_model(name: str, assay: Assay) -> PrixFixe:
    """A network with fresh weights for an assay.

    Args:
        name: As for `find_preset`.
        assay: What it is to predict.

    Raises:
        ModelError: There is no such preset or block, or the blocks do not fit; the message says which there are.
    """
    return find_preset(name).build(assay)


def _of_blocks(name, blocks, assay):
    first, core, final = blocks
    return _network(name.replace(",", "-"), assay, first(), core(), final.for_assay(assay))
