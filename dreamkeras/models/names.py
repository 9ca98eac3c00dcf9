"""Names of networks, blocks, attribution methods and export options.

The module does not import Keras, so that a misspelt name is rejected quickly.
"""

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
    "positional-cnn-small",
    "dream-rnn-small",
    "dream-attn-small",
    "bpnet",
    "bpnet-small",
    "bpnet-bias",
)
"""Names of the networks, which are the keys of `models.presets.PRESETS`. A test compares these names with the keys."""

BLOCK_NAMES = {
    "first": ("autosome", "bhi", "bpnet", "legnet", "proformer", "unlockdna"),
    "core": ("autosome", "bhi", "bpnet", "legnet", "proformer", "unlockdna"),
    "final": ("autosome", "bhi", "bhi-mean", "legnet", "profile", "proformer", "unlockdna"),
}
"""The names in `layers.slots.BLOCKS` that dreamkeras itself registers. A test compares these names with the registered blocks."""

SLOTS = tuple(BLOCK_NAMES)

BODY = SLOTS[:2]
"""Slots whose weights can be initialised from another network and can be frozen."""

ATTRIBUTION_METHODS = ("gradient", "integrated", "deeplift")

BASELINES = ("zeros", "uniform", "shuffled")
"""Names of the baselines of an attribution. A baseline replaces the insert of a sequence."""

EXPORT_PRECISIONS = ("float32", "float16", "int8")

STRAND_RULES = {"both": "both", "forward": "given"}
"""Maps each value of `export --strands` to a strand rule of a construct."""

TRITON_DEVICES = ("cpu", "gpu", "tensorrt")

ENTRIES = tuple(name for name in MODELS if all(name in names for names in BLOCK_NAMES.values()))
"""Teams with a block in every slot. The three blocks of such a team form the network with the team's name."""

FORMAT = 2
"""Format version of a run's config.json. In format 1, the name of the final block `bhi-mean` was `bhi`, and the network
`unlockdna,unlockdna,unlockdna` used a single strand, unlike the team's entry."""


def known_model(name: str) -> str:
    """Returns a network's name in its standard form: without spaces, and with the team's name instead of three blocks of one team.

    Args:
        name: As for `models.presets.find_preset`. Block names are not checked if one block is given as `module:Class`, because the module
            may register further blocks.

    Raises:
        ModelError: No network or block has this name. The message lists the known names and the closest match.

    Example:
        >>> known_model("bhi, unlockdna, autosome")
        'bhi,unlockdna,autosome'
        >>> known_model("bhi,bhi,bhi")
        'bhi'
    """
    blocks = split_blocks(name)
    if len(blocks) == 1 and blocks[0] not in MODELS:
        known = f"Expected a model among {', '.join(MODELS)}, or three blocks as FIRST,CORE,FINAL"
        raise ModelError(f"{known}, got {name!r}.{suggestion(blocks[0], MODELS)}")
    if len(blocks) > 1 and ":" not in name:
        for (slot, known_blocks), block in zip(BLOCK_NAMES.items(), blocks, strict=True):
            if block not in known_blocks:
                known = f"Expected a {slot} block among {', '.join(known_blocks)}, or a class as module:Class"
                raise ModelError(f"{known}, got {block!r}.{suggestion(block, known_blocks)}")
    return entry_of(blocks) or ",".join(blocks)


def entry_of(blocks: list[str]) -> str | None:
    """Returns the name of the network that three blocks of one team form, or None if the blocks do not form a named network.

    Example:
        >>> entry_of(["legnet", "legnet", "legnet"])
        'legnet'
    """
    return blocks[0] if len(set(blocks)) == 1 and blocks[0] in ENTRIES else None


def model_in(fields: Mapping[str, Any]) -> str:
    """Returns the current name of the network in a run's config.json, which may have an older format.

    Args:
        fields: The contents of config.json.

    Raises:
        ModelError: The name contains commas, but does not list three blocks.

    Example:
        >>> model_in({"model": "bhi,bhi,bhi"}), model_in({"model": "bhi", "format": 2})
        ('bhi,bhi,bhi-mean', 'bhi')
    """
    name = fields["model"]
    if fields.get("format", 1) >= FORMAT or "," not in name:
        return str(name)
    first, core, final = split_blocks(name)
    if (first, core, final) == ("unlockdna", "unlockdna", "unlockdna"):
        first = "dreamkeras.layers.blocks.unlockdna:UnlockDNAFirst"  # by default, this class uses a single strand, as in format 1
    return ",".join((first, core, "bhi-mean" if final == "bhi" else final))


def split_blocks(name: str) -> list[str]:
    """Splits a name into its three blocks. A name without commas is returned as a list with one element.

    Raises:
        ModelError: The name lists two blocks, or more than three blocks.
    """
    blocks = [block.strip() for block in name.split(",")]
    if len(blocks) not in (1, len(BLOCK_NAMES)):
        raise ModelError(f"Expected three blocks as FIRST,CORE,FINAL, got {len(blocks)} in {name!r}.")
    return blocks


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns a "Did you mean" question with the closest known name, for the end of a message, or an empty string if no name is close.

    Example:
        >>> suggestion("dream-cm", MODELS)
        ' Did you mean dream-cnn?'
    """
    near = get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]}?" if near else ""
