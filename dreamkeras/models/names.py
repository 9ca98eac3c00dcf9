"""The names of networks and blocks, so that a misspelt one is told before Keras is imported, which takes seconds. Imports no Keras."""

from collections.abc import Iterable
from difflib import get_close_matches

from dreamkeras.errors import ModelError

__all__ = ["BLOCK_NAMES", "MODELS", "known_model", "split_blocks", "suggestion"]

MODELS = (
    "dream-cnn",
    "dream-rnn",
    "dream-attn",
    "autosome",
    "bhi",
    "unlockdna",
    "proformer",
    "legnet",
    "dream-cnn-small",
    "dream-rnn-small",
    "dream-attn-small",
    "bpnet",
    "bpnet-small",
    "bpnet-bias",
)
"""The keys of `models.presets.PRESETS`; a test compares them."""

BLOCK_NAMES = {
    "first": ("autosome", "bhi", "bpnet", "legnet", "proformer", "unlockdna"),
    "core": ("autosome", "bhi", "bpnet", "legnet", "proformer", "unlockdna"),
    "final": ("autosome", "bhi", "legnet", "profile", "proformer", "unlockdna"),
}
"""Those of `layers.slots.BLOCKS` that dreamkeras registers, likewise."""


def known_model(name: str) -> str:
    """The name of a network without the spaces around its parts.

    Args:
        name: As for `models.presets.find_preset`. Where a `module:Class` stands in it, the module may register more names: none is refused.

    Raises:
        ModelError: No network or block has this name; the message says which there are, and the nearest.

    Example:
        >>> known_model("bhi, unlockdna, autosome")
        'bhi,unlockdna,autosome'
    """
    blocks = split_blocks(name)
    if len(blocks) == 1 and blocks[0] not in MODELS:
        known = f"Expected a model among {', '.join(MODELS)}, or FIRST,CORE,FINAL blocks"
        raise ModelError(f"{known}, got {name!r}.{suggestion(blocks[0], MODELS)}")
    if len(blocks) > 1 and ":" not in name:
        for (slot, known_blocks), block in zip(BLOCK_NAMES.items(), blocks, strict=True):
            if block not in known_blocks:
                known = f"Expected a {slot} block among {', '.join(known_blocks)}, or module:Class"
                raise ModelError(f"{known}, got {block!r}.{suggestion(block, known_blocks)}")
    return ",".join(blocks)


def split_blocks(name: str) -> list[str]:
    """The three blocks that a name lists, or the name alone.

    Raises:
        ModelError: It lists another number of them.
    """
    blocks = [block.strip() for block in name.split(",")]
    if len(blocks) not in (1, len(BLOCK_NAMES)):
        raise ModelError(f"Expected three blocks FIRST,CORE,FINAL, got {len(blocks)} in {name!r}.")
    return blocks


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as a question to end a message with, a space before it; empty if none is near.

    Example:
        >>> suggestion("dream-cm", MODELS)
        ' Did you mean dream-cnn?'
    """
    near = get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]}?" if near else ""
