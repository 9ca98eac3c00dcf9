"""How large the networks and their blocks are."""

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
    """Every preset on every assay that it can be built for, one after the other."""
    for name, preset in PRESETS.items():
        for assay in assays:
            with contextlib.suppress(ModelError):
                yield Size(name, None, assay.name, trainable_parameters(preset.build(assay)), preset.description)


def block_sizes(assay: Assay, slots: Iterable[str] = tuple(BLOCKS)) -> Iterator[Size]:
    """Every registered block of some slots with its defaults, behind those of the same name, or autosome's where there are none.

    Final blocks are those that answer what the assay has: a profile or none.
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
