"""Counts the trainable parameters of the networks and their blocks."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dreamkeras.data.assays.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.slots import BLOCKS
from dreamkeras.models.combinations import of_blocks
from dreamkeras.models.presets import PRESETS

__all__ = ["Size", "block_sizes", "network_sizes", "trainable_parameters"]

COMPANION = "autosome"
"""Team whose blocks are used in slots for which another team has no block."""


class Size(NamedTuple):
    """The size of a network or a block.

    Args:
        name: Name of the network or block on the command line.
        slot: Slot of the block. None if the size is that of a complete network.
        assay: Name of the assay for which the network was built.
        parameters: Number of trainable parameters.
        description: Description in one line.
    """

    name: str
    slot: str | None
    assay: str
    parameters: int
    description: str


def trainable_parameters(layer) -> int:
    """Counts the trainable parameters of a built layer or model."""
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def network_sizes(assays: Iterable[Assay]) -> Iterator[Size]:
    """Yields the size of every preset for every assay that it can be built for."""
    for name, preset in PRESETS.items():
        for assay in assays:
            with contextlib.suppress(ModelError):
                yield Size(name, None, assay.name, trainable_parameters(preset.build(assay)), preset.description)


def block_sizes(assay: Assay, slots: Iterable[str] = tuple(BLOCKS)) -> Iterator[Size]:
    """Yields the size of every registered block in the given slots, with its default arguments.

    Each block is built in a network whose other blocks have the same name. If a slot has no block of this name, autosome's block is used,
    or the final block `profile` for an assay with profiles. Final blocks that do not fit the assay are omitted: a final block must have a
    profile if and only if the assay has one.
    """
    answers = (None, assay.profile is not None)
    fitting = {slot: [name for name, block in BLOCKS[slot].items() if getattr(block, "has_profile", None) in answers] for slot in BLOCKS}
    companions = {**dict.fromkeys(BLOCKS, COMPANION), "final": "profile" if assay.profile else COMPANION}
    for name in dict.fromkeys(name for slot in slots for name in fitting[slot]):
        network = of_blocks([name if name in names else companions[slot] for slot, names in fitting.items()], assay)
        for slot in slots:
            if name in fitting[slot]:
                description = (BLOCKS[slot][name].__doc__ or "").partition("\n")[0]
                yield Size(name, slot, assay.name, trainable_parameters(getattr(network, slot)), description)
