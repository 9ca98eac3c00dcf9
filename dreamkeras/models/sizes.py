"""How large the networks and their blocks are."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dreamkeras.data.assay import Assay
from dreamkeras.layers.slots import BLOCKS
from dreamkeras.models.presets import PRESETS, build_model

__all__ = ["Size", "block_sizes", "network_sizes", "trainable_parameters"]

COMPANION = "autosome"
"""The team whose blocks take the slots that another has none for."""


class Size(NamedTuple):
    """What a network or a block comes to.

    Args:
        name: What users call it.
        slot: Where a block goes; None for a whole network.
        assay: The assay it was built for.
        parameters: Its trainable numbers.
        description: What it is, in one line.
    """

    name: str
    slot: str | None
    assay: str
    parameters: int
    description: str


def trainable_parameters(layer) -> int:
    """How many numbers of a built layer or model are trained."""
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def network_sizes(assays: Iterable[Assay]) -> Iterator[Size]:
    """Every preset on every assay, one after the other."""
    for name, preset in PRESETS.items():
        for assay in assays:
            yield Size(name, None, assay.name, trainable_parameters(preset.build(assay)), preset.description)


def block_sizes(assay: Assay) -> Iterator[Size]:
    """Every registered block with its defaults, behind the blocks of the same name, or autosome's where there are none."""
    for name in dict.fromkeys(name for blocks in BLOCKS.values() for name in blocks):
        network = build_model(",".join(name if name in blocks else COMPANION for blocks in BLOCKS.values()), assay)
        for slot, blocks in BLOCKS.items():
            if name in blocks:
                yield Size(name, slot, assay.name, trainable_parameters(getattr(network, slot)), _first_line(blocks[name]))


def _first_line(block: type) -> str:
    return (block.__doc__ or "").partition("\n")[0]
