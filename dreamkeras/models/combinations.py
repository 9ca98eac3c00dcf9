"""Builds networks from the names of three blocks. The blocks have default arguments."""

import re
from collections.abc import Sequence
from typing import Any

from dreamkeras.data.assays.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.saved_blocks import block_name, is_ours
from dreamkeras.layers.slots import BLOCKS, find_block
from dreamkeras.models.names import entry_of, split_blocks
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["find_blocks", "lasting_name", "of_blocks"]


def find_blocks(names: Sequence[str]) -> list[Any]:
    """Returns the classes of a first, a core and a final block.

    Args:
        names: Names of the first, the core and the final block. A name is a registered name or `module:Class`.

    Raises:
        ModelError: No block in the required slot has the given name.
    """
    return [find_block(slot, name) for slot, name in zip(BLOCKS, names, strict=True)]


def of_blocks(names: Sequence[str], assay: Assay) -> PrixFixe:
    """Builds a network from three blocks with default arguments.

    Args:
        names: As for `find_blocks`.
        assay: The assay to predict.

    Raises:
        ModelError: A block does not exist, or the blocks do not fit each other or the assay.
    """
    first, core, final = blocks = find_blocks(names)
    if final.has_profile != (assay.profile is not None):
        wanted = "a final block with a profile, such as 'profile'," if assay.profile else "a final block without a profile"
        raise ModelError(f"Expected {wanted} for assay {assay.name}, got {final.__name__}.")
    # Keras does not allow the colons and dots of `module:Class` in layer names, so hyphens replace these characters.
    plain = [block_name(block) if ":" in name else name for name, block in zip(names, blocks, strict=True)]
    title = re.sub("[^A-Za-z0-9_-]", "-", "-".join(plain))
    return PrixFixe(assay.construct, first(), core(), final.for_assay(assay), tasks=assay.tasks, units=assay.units, name=title)


def lasting_name(name: str) -> str:
    """Returns a name of a network that can also be used in another process, even if a block is registered only in this process.

    The registered name of a block from another package is replaced with `module:Class` if the class can be imported.

    Args:
        name: As for `presets.find_preset`.

    Raises:
        ModelError: A block does not exist.

    Example:
        >>> lasting_name("bhi,bhi,bhi")
        'bhi'
    """
    parts = split_blocks(name)
    if len(parts) > 1 and not entry_of(parts):
        parts = [_importable_name(part, block) for part, block in zip(parts, find_blocks(parts), strict=True)]
    return entry_of(parts) or ",".join(parts)


def _importable_name(name: str, block: type) -> str:
    if ":" in name or is_ours(block) or "<locals>" in block.__qualname__:
        return name
    return block_name(block)
