"""The three slots of a Prix Fixe network: what a block has to be to fill one, and the table of those that do."""

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np

from dreamkeras.data.assay import Assay
from dreamkeras.errors import ModelError

__all__ = ["BLOCKS", "Core", "FinalLayers", "FirstLayers", "find_block", "import_modules", "modules_of", "register_block"]


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


SLOTS = (FirstLayers, Core, FinalLayers)

BLOCKS: dict[str, dict[str, type]] = {"first": {}, "core": {}, "final": {}}
"""Blocks by slot and name; `register_block` adds to it."""


def register_block(name: str):
    """Class decorator that makes a block known by `name` in its slot, and to Keras's saving.

    Raises:
        ModelError: The class is no subclass of a slot, or the name is taken.

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
        if name in BLOCKS[slot]:
            raise ModelError(f"Expected a new name for {block.__name__}, got {name!r}, which is {BLOCKS[slot][name].__name__}.")
        BLOCKS[slot][name] = block
        return keras.saving.register_keras_serializable(package="dreamkeras")(block)

    return register


def find_block(slot: str | None, name: str) -> Any:
    """The class registered as `name` in `slot`, or the class that `module:Class` names, which Keras's saving knows from then on.

    Args:
        slot: Where it is to go; None for wherever a `module:Class` belongs.
        name: A registered name, or `module:Class` with a module that Python finds, or that lies in the working folder.

    Raises:
        ModelError: There is none, or it belongs in another slot; the message lists those that there are.

    Example:
        >>> find_block("first", "dreamkeras.layers.bhi:BHIFirst").slot
        'first'
    """
    if ":" in name:
        return _import_block(slot, name)
    if slot is None or name not in BLOCKS[slot]:
        known = sorted({name for blocks in BLOCKS.values() for name in blocks} if slot is None else BLOCKS[slot])
        raise ModelError(f"Expected a {slot or 'registered'} block among {', '.join(known)}, or module:Class, got {name!r}.")
    return BLOCKS[slot][name]


def _import_block(slot: str | None, name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        block = getattr(_import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(f"Expected module:Class of a block, got {name!r}: {error}.") from error
    if not (isinstance(block, type) and issubclass(block, SLOTS)):
        raise ModelError(f"Expected a block, got {name!r}: derive it from FirstLayers, Core or FinalLayers of dreamkeras.layers.slots.")
    if slot and block.slot != slot:
        raise ModelError(f"Expected a {slot} block, got {name!r}, of slot {block.slot}.")
    _let_keras_save(block)
    return block


def _let_keras_save(block: type) -> None:
    """Registers a class that its author did not, under its module's name: else no saved model with it could be loaded."""
    if keras.saving.get_registered_object(keras.saving.get_registered_name(block)) is not block:
        keras.saving.register_keras_serializable(package=block.__module__)(block)


def _import_module(name: str) -> ModuleType:
    """Looks in the working folder too, after all that is installed: a file there must not pass for a package."""
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def modules_of(*blocks: keras.layers.Layer) -> list[str]:
    """The modules outside dreamkeras that have to be imported before a saved model with these blocks can be loaded."""
    return sorted({type(block).__module__ for block in blocks if not type(block).__module__.startswith(("dreamkeras.", "__main__"))})


def import_modules(names: Iterable[str]) -> None:
    """Imports the modules that `modules_of` named, and lets Keras, which looks among the classes it has seen, find their blocks.

    Raises:
        ModelError: One cannot be imported.
    """
    for name in names:
        try:
            module = _import_module(name)
        except ImportError as error:
            raise ModelError(f"Expected to import {name}, which holds a block of the model, got: {error}.") from error
        for block in vars(module).values():
            if isinstance(block, type) and issubclass(block, SLOTS) and block.__module__ == name:
                _let_keras_save(block)
