"""Named networks: each a function that reads like the methods of its paper."""

from collections.abc import Callable

from dreamkeras.data.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.autosome import AutosomeCore, AutosomeFinal
from dreamkeras.layers.bhi import BHIFirst
from dreamkeras.layers.slots import BLOCKS, find_block
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["PRESETS", "build_model", "dream_cnn", "dream_cnn_small"]


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


PRESETS: dict[str, Callable[[Assay], PrixFixe]] = {"dream-cnn": dream_cnn, "dream-cnn-small": dream_cnn_small}
"""Models by the name that the command line knows them by."""


def build_model(name: str, assay: Assay) -> PrixFixe:
    """A network with fresh weights for an assay.

    Args:
        name: A preset, or three registered blocks as `FIRST,CORE,FINAL`, each with its defaults.
        assay: What it is to predict.

    Raises:
        ModelError: There is no such preset or block, or the blocks do not fit; the message says which there are.
    """
    if name.count(",") == len(BLOCKS) - 1:
        first, core, final = (find_block(slot, block) for slot, block in zip(BLOCKS, name.split(","), strict=True))
        return _network(name.replace(",", "-"), assay, first(), core(), final.for_assay(assay))
    if name not in PRESETS:
        raise ModelError(f"Expected a model among {', '.join(PRESETS)}, got {name!r}.")
    return PRESETS[name](assay)
