"""The three slots of a Prix Fixe network: what a block has to be to fill one, and the table of those that do."""

from typing import Any

import keras
import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.saved_blocks import block_name, import_module, member, register_with_keras

__all__ = ["BLOCKS", "SLOTS", "Core", "FinalLayers", "FirstLayers", "find_block", "register_block"]


class FirstLayers(keras.layers.Layer):
    """First slot: encoded letters `(batch, length, 4 + flags)` -> features `(batch, length, channels)`."""

    slot = "first"


class Core(keras.layers.Layer):
    """Core slot: features `(batch, length, channels)` -> features `(batch, length, channels)`.

    Attributes:
        learning_rate: The highest that it bears in a one-cycle schedule; None bears the strategy's own.
    """

    slot = "core"
    learning_rate: float | None = None

    def stages(self) -> list[keras.layers.Layer]:
        """The layers that it is a chain of, for attribution, which goes from one to the next; by default, the block as a whole."""
        return [self]


class FinalLayers(keras.layers.Layer):
    """Final slot: features -> predictions, and the loss they are trained with.

    `call` returns a dictionary of outputs; `"expression"`, float32 `(batch, tasks)` in the assay's units, is always among
    them, and whatever else `loss` needs.

    Attributes:
        has_profile: Whether `"profile"` is among them, logits `(batch, positions)`; then the block is for assays that have a profile.
    """

    slot = "final"
    has_profile = False

    @classmethod
    def for_assay(cls, assay: Assay) -> "FinalLayers":
        """The block with as many outputs as an assay needs."""
        return cls(tasks=len(assay.tasks))

    def fit_scale(self, targets: np.ndarray) -> None:
        """Adapts the scale that the block computes in to the training targets, float32 `(n, tasks)` with NaN where one is missing.

        What a block without a scale of its own does: nothing.
        """

    def loss(self, targets, outputs, sample_weight=None):
        """The training loss, a scalar.

        Args:
            targets: float32 `(batch, tasks)`, measured values in the assay's units.
            outputs: What `call` returned.
            sample_weight: float32 `(batch,)`; None weighs all alike.
        """
        raise NotImplementedError(f"Expected {type(self).__name__} to define loss(targets, outputs, sample_weight).")

    def total_loss(self, truth, outputs, sample_weight=None):
        """The training loss of a block that learns from more than values; by default, `loss`.

        Args:
            truth: What batches hold beside their inputs: the values under `"expression"`.
            outputs: What `call` returned.
            sample_weight: As for `loss`.
        """
        return self.loss(truth["expression"], outputs, sample_weight)


SLOTS: dict[str, type[FirstLayers] | type[Core] | type[FinalLayers]] = {base.slot: base for base in (FirstLayers, Core, FinalLayers)}
"""The base class of the blocks of each slot."""

BLOCKS: dict[str, dict[str, type]] = {slot: {} for slot in SLOTS}
"""Blocks by slot and name; `register_block` adds to it."""


def register_block(name: str):
    """Class decorator that makes a block known by `name` in its slot, and to Keras's saving as `module>Class`.

    The same class again, as where a notebook's cell runs twice or a module is reloaded, replaces what it was.

    Raises:
        ModelError: The class is no subclass of a slot, or another class has the name.

    Example:
        >>> @register_block("identity")
        ... class Identity(Core):
        ...     def call(self, features):
        ...         return features
        >>> find_block("core", "identity").__name__
        'Identity'
    """

    def register(block: type) -> type:
        slot = getattr(block, "slot", None)
        if slot not in BLOCKS:
            raise ModelError(f"Expected a subclass of FirstLayers, Core or FinalLayers, got {block.__name__}.")
        _check_name(name, slot, block)
        BLOCKS[slot][name] = block
        return register_with_keras(block)

    return register


def _check_name(name: str, slot: str, block: type) -> None:
    owner = BLOCKS[slot].get(name, block)
    if _origin(owner) != _origin(block):
        raise ModelError(f"Expected a new name for the {slot} block {block_name(block)}, got {name!r}, which is {block_name(owner)}.")
    # Each call of a function makes another class, and all have one name in a saved model.
    twins = [known for known, other in BLOCKS[slot].items() if known != name and other is not block and _origin(other) == _origin(block)]
    if twins and "<locals>" in block.__qualname__:
        raise ModelError(f"Expected one block {block_name(block)}, got {twins[0]!r} and {name!r}: define each outside of a function.")


def _origin(block: type) -> tuple[str, str]:
    return block.__module__, block.__qualname__


def find_block(slot: str | None, name: str) -> Any:
    """The class registered as `name` in `slot`, or the class that `module:Class` names, which Keras's saving knows from then on.

    Args:
        slot: Where it is to go; None for wherever a `module:Class` belongs.
        name: A registered name, or `module:Class` with a module that Python finds, or that lies in the working folder.

    Raises:
        ModelError: There is none, or it belongs in another slot; the message lists those that there are.

    Example:
        >>> find_block("first", "dreamkeras.layers.blocks.bhi:BHIFirst").slot
        'first'
    """
    if ":" in name:
        return _import_block(slot, name)
    if slot is None or name not in BLOCKS[slot]:
        known = sorted({name for blocks in BLOCKS.values() for name in blocks} if slot is None else BLOCKS[slot])
        raise ModelError(
            f"Expected a {slot or 'registered'} block among {', '.join(known)}, or module:Class, got {name!r}. "
            "A block of another package has a name once its module is imported."
        )
    return BLOCKS[slot][name]


def _import_block(slot: str | None, name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ModelError(f"Expected module:Class of a block, got {name!r}.")
    try:
        block: Any = member(import_module(module), attribute)
    except ModelError as error:
        raise ModelError(f"Expected module:Class of a block, got {name!r}: {error}") from error
    if block is None:
        raise ModelError(f"Expected module:Class of a block, got {name!r}: module {module} has no {attribute}.")
    if not issubclass(block if isinstance(block, type) else object, tuple(SLOTS.values())):
        raise ModelError(f"Expected a block, got {name!r}: derive it from FirstLayers, Core or FinalLayers of dreamkeras.layers.slots.")
    if slot and block.slot != slot:
        raise ModelError(f"Expected a {slot} block, got {name!r}, of slot {block.slot}.")
    return register_with_keras(block)
