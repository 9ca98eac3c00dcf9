"""The three slots of a Prix Fixe network: the base classes of their blocks, and the table of registered blocks."""

from typing import Any

import keras
import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.saved_blocks import block_name, import_module, member, register_with_keras

__all__ = ["BLOCKS", "SLOTS", "Core", "FinalLayers", "FirstLayers", "find_block", "register_block"]


class FirstLayers(keras.layers.Layer):
    """Base class of blocks in the first slot.

    The blocks convert encoded letters `(batch, length, 4 + flags)` to features `(batch, length, channels)`.
    """

    slot = "first"


class Core(keras.layers.Layer):
    """Base class of blocks in the core slot, which convert features `(batch, length, channels)` to features of the same layout.

    Attributes:
        learning_rate: Upper limit for the training strategy's learning rate, if the strategy has a one-cycle schedule. If None, the
            learning rate is not limited.
    """

    slot = "core"
    learning_rate: float | None = None

    def stages(self) -> list[keras.layers.Layer]:
        """Returns the layers that the block applies one after another, for attribution.

        By default, the list contains only the block itself.
        """
        return [self]


class FinalLayers(keras.layers.Layer):
    """Base class of blocks in the final slot, which compute predictions and the training loss from features.

    `call` returns a dictionary with `"expression"`, float32 `(batch, tasks)` in the assay's units, and any other outputs that `loss`
    requires.

    Attributes:
        has_profile: Whether the outputs include the logits of a profile, `"profile"` `(batch, positions)`. A block with this output
            requires an assay with profiles.
    """

    slot = "final"
    has_profile = False

    @classmethod
    def for_assay(cls, assay: Assay) -> "FinalLayers":
        """Builds the block with the number of outputs that an assay requires."""
        return cls(tasks=len(assay.tasks))

    def fit_scale(self, targets: np.ndarray) -> None:
        """Adapts the scale of the block's outputs to the training targets.

        By default, this method does nothing.

        Args:
            targets: Measured values, float32 `(n, tasks)`, with NaN for missing values.
        """

    def loss(self, targets, outputs, sample_weight=None):
        """Computes the training loss, a scalar.

        Args:
            targets: Measured values in the assay's units, float32 `(batch, tasks)`.
            outputs: The dictionary returned by `call`.
            sample_weight: float32 `(batch,)`. If None, all samples have the same weight.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define loss(targets, outputs, sample_weight).")

    def total_loss(self, truth, outputs, sample_weight=None):
        """Computes the training loss of a block that uses targets other than expression. Defaults to `loss`.

        Args:
            truth: All targets of a batch by name, with the measured values under `"expression"`.
            outputs: The dictionary returned by `call`.
            sample_weight: float32 `(batch,)`. If None, all samples have the same weight.
        """
        return self.loss(truth["expression"], outputs, sample_weight)


SLOTS: dict[str, type[FirstLayers] | type[Core] | type[FinalLayers]] = {base.slot: base for base in (FirstLayers, Core, FinalLayers)}
"""The base class of the blocks in each slot."""

BLOCKS: dict[str, dict[str, type]] = {slot: {} for slot in SLOTS}
"""Classes of the registered blocks, by slot and by name."""


def register_block(name: str):
    """Class decorator that registers a block as `name` in its slot, and with Keras as `module>Class`.

    If a notebook cell runs twice or a module is reloaded, the new definition of the class replaces the earlier one.

    Raises:
        ModelError: The class is not derived from the base class of a slot, or another class has the same name.

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
        raise ModelError(
            f"Cannot register {block_name(block)} as the {slot} block {name!r}: {block_name(owner)} has this name. Choose another name."
        )
    # Each call of a function defines a new class, and the classes of several calls could not be distinguished in a saved model.
    twins = [known for known, other in BLOCKS[slot].items() if known != name and other is not block and _origin(other) == _origin(block)]
    if twins and "<locals>" in block.__qualname__:
        raise ModelError(
            f"The blocks {twins[0]!r} and {name!r} are different classes with the name {block_name(block)}. "
            "Define each class outside of a function."
        )


def _origin(block: type) -> tuple[str, str]:
    return block.__module__, block.__qualname__


def find_block(slot: str | None, name: str) -> Any:
    """Finds the class of a block.

    A class given as `module:Class` is also registered with Keras, so that models with the class can be saved.

    Args:
        slot: The slot of the block. If None, a `module:Class` of any slot is accepted.
        name: A registered name, or `module:Class`. The module can be an installed module or a file in the working folder.

    Raises:
        ModelError: The block does not exist, or belongs in another slot. For an unknown name, the message lists the registered
            blocks.

    Example:
        >>> find_block("first", "dreamkeras.layers.blocks.bhi:BHIFirst").slot
        'first'
    """
    if ":" in name:
        return _import_block(slot, name)
    if slot is None or name not in BLOCKS[slot]:
        known = sorted({name for blocks in BLOCKS.values() for name in blocks} if slot is None else BLOCKS[slot])
        raise ModelError(
            f"Expected a {slot or 'registered'} block among {', '.join(known)}, or a class as module:Class, got {name!r}. "
            "To use a registered name from another package, import the module that registers the name first."
        )
    return BLOCKS[slot][name]


def _import_block(slot: str | None, name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ModelError(f"Expected a block as module:Class, got {name!r}.")
    try:
        block: Any = member(import_module(module), attribute)
    except ModelError as error:
        raise ModelError(f"Expected a block as module:Class, got {name!r}: {error}") from error
    if block is None:
        raise ModelError(f"Expected a block as module:Class, got {name!r}: module {module} has no {attribute}.")
    if not issubclass(block if isinstance(block, type) else object, tuple(SLOTS.values())):
        raise ModelError(
            f"Expected a block, got {name!r}: a block is a subclass of FirstLayers, Core or FinalLayers in dreamkeras.layers.slots."
        )
    if slot and block.slot != slot:
        raise ModelError(f"Expected a {slot} block, got {name!r}, which is a {block.slot} block.")
    return register_with_keras(block)
