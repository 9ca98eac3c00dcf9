"""Names of networks and blocks, attribution and export. Imports no Keras: a misspelt name is refused before that is loaded."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from dreamkeras.errors import ModelError

__all__ = [
    "ATTRIBUTION_METHODS",
    "BASELINES",
    "BLOCK_NAMES",
    "BODY",
    "ENTRIES",
    "EXPORT_PRECISIONS",
    "FORMAT",
    "MODELS",
    "SLOTS",
    "STRAND_RULES",
    "TRITON_DEVICES",
    "entry_of",
    "known_model",
    "model_in",
    "split_blocks",
    "suggestion",
]

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
    "final": ("autosome", "bhi", "bhi-mean", "legnet", "profile", "proformer", "unlockdna"),
}
"""Those of `layers.slots.BLOCKS` that dreamkeras registers, likewise."""

SLOTS = tuple(BLOCK_NAMES)

BODY = SLOTS[:2]
"""The slots whose weights another network can give, and which can be frozen."""

ATTRIBUTION_METHODS = ("gradient", "integrated", "deeplift")

BASELINES = ("zeros", "uniform", "shuffled")
"""Replacements of the insert in the baseline of an attribution."""

EXPORT_PRECISIONS = ("float32", "float16", "int8")

STRAND_RULES = {"both": "both", "forward": "given"}
"""A construct's strand rule by the name that `export --strands` has for it."""

TRITON_DEVICES = ("cpu", "gpu", "tensorrt")

ENTRIES = tuple(name for name in MODELS if all(name in names for names in BLOCK_NAMES.values()))
"""The teams that have a block in each slot; three times its name is the network of its name."""

FORMAT = 2
"""Of a run's config.json. Before 2, `bhi` was a final block over the mean, and a team's three names were not its entry."""


def known_model(name: str) -> str:
    """The name of a network without the spaces around its parts; that of a team's entry where the three blocks are its own.

    Args:
        name: As for `models.presets.find_preset`. Where a `module:Class` stands in it, the module may register more names: none is refused.

    Raises:
        ModelError: No network or block has this name; the message says which there are, and the nearest.

    Example:
        >>> known_model("bhi, unlockdna, autosome")
        'bhi,unlockdna,autosome'
        >>> known_model("bhi,bhi,bhi")
        'bhi'
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
    return entry_of(blocks) or ",".join(blocks)


def entry_of(blocks: list[str]) -> str | None:
    """The network that three names of one team stand for; None where they differ or the team has none.

    Example:
        >>> entry_of(["legnet", "legnet", "legnet"])
        'legnet'
    """
    return blocks[0] if len(set(blocks)) == 1 and blocks[0] in ENTRIES else None


def model_in(fields: Mapping[str, Any]) -> str:
    """The network that a run's config.json names, by the name that it has today.

    Args:
        fields: What the file holds.

    Raises:
        ModelError: The name lists another number of blocks than three.

    Example:
        >>> model_in({"model": "bhi,bhi,bhi"}), model_in({"model": "bhi", "format": 2})
        ('bhi,bhi,bhi-mean', 'bhi')
    """
    name = fields["model"]
    if fields.get("format", 1) >= FORMAT or "," not in name:
        return str(name)
    first, core, final = split_blocks(name)
    if (first, core, final) == ("unlockdna", "unlockdna", "unlockdna"):
        first = "dreamkeras.layers.blocks.unlockdna:UnlockDNAFirst"  # of one strand, as its class is by default
    return ",".join((first, core, "bhi-mean" if final == "bhi" else final))


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
