"""Finds the class of each block of a saved model by module and name, because different packages can have classes with the same name."""

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from dreamkeras.errors import ModelError, one_line

__all__ = ["block_name", "import_module", "is_importable", "is_ours", "member", "read_block", "register_with_keras"]

OLD_ROOM = re.compile(r"^dreamkeras\.layers\.(?=(autosome|bhi|unlockdna|proformer|legnet|bpnet|heads|profile)$)")
"""Pattern for the old module names of blocks, which are stored in files of dreamkeras 0.1.0. The modules are now in the package
`layers.blocks`."""

SCRIPT = "__main__"
"""The module name of a script or a notebook. Keras does not store this module name in its files."""


def is_ours(block: type) -> bool:
    """Returns whether a block's class is part of dreamkeras."""
    return block.__module__.startswith("dreamkeras.")


def block_name(block: type) -> str:
    """Returns the name of a block for messages: the class name if the block is part of dreamkeras, otherwise `module:Class`."""
    return block.__name__ if is_ours(block) else f"{block.__module__}:{block.__qualname__}"


def is_importable(block: type) -> bool:
    """Returns whether another process can import a class. Classes defined in a script, a notebook or a function cannot be imported."""
    return block.__module__ != SCRIPT and "<locals>" not in block.__qualname__


def register_with_keras(block: type) -> type:
    """Registers a block with Keras, as `dreamkeras>Name` for a block of dreamkeras and as `module>Name` for any other block.

    A class with the same module and name as a registered class replaces that class.
    """
    package, name = ("dreamkeras", block.__name__) if is_ours(block) else (block.__module__, block.__qualname__)
    registered: type = keras.saving.register_keras_serializable(package, name)(block)
    return registered


def import_module(name: str) -> ModuleType:
    """Imports a module by name.

    The working folder is searched last, so that a file in that folder cannot replace an installed package. Module names of older versions
    of dreamkeras are translated to current names.

    Raises:
        ModelError: The module cannot be imported.
    """
    name = OLD_ROOM.sub("dreamkeras.layers.blocks.", name)
    if name not in sys.modules and (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # importing an unknown module can raise any exception
        raise ModelError(f"Module {name} cannot be imported ({one_line(error)}).") from error


def member(module: ModuleType, name: str) -> Any:
    """Returns the object in a module with a qualified name such as `Outer.Inner`, or None if there is no such object."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def read_block(slot: str, base: type, config: Mapping[str, Any]) -> Any:
    """Builds a block from the configuration written by Keras's `serialize_keras_object`.

    Args:
        slot: Slot of the block, for error messages.
        base: The base class of the blocks in this slot.
        config: The configuration. The module named in the configuration is imported if necessary.

    Raises:
        ModelError: The class of the block cannot be found. The message describes how to make the class available.
    """
    block = _find_class(slot, base, config)
    register_with_keras(block)
    with _layers_inside(config["config"]):
        layer = block.from_config(config["config"])
    if config.get("build_config") and not layer.built:
        layer.build_from_config(config["build_config"])
    return layer


def _find_class(slot: str, base: type, config: Mapping[str, Any]) -> Any:
    """Finds the class of a block by the module and the class name stored in the configuration.

    In files of older versions of dreamkeras, every class has the registered name `dreamkeras>Name`, even a class of another package.
    """
    module, name, registered = config["module"] or SCRIPT, config["class_name"], config["registered_name"]
    known = keras.saving.get_custom_objects()
    given = None if registered in known else keras.saving.get_registered_object(registered)  # from the caller's custom_objects
    if given is not None:
        return given
    reason, missing = f"Module {module} does not define {name}", ""
    try:
        qualified = registered.removeprefix(f"{module}>") if registered.startswith(f"{module}>") else name
        found = member(import_module(module), qualified)
        if isinstance(found, type) and issubclass(found, base):
            return found
    except ModelError as error:
        reason, missing = str(error).rstrip("."), getattr(error.__cause__, "name", None) or ""
    for key in (registered, f"{module}>{name}"):  # a registered class can be defined in a function, or in a deleted module
        found = known.get(key)
        if found is not None and (found.__module__, found.__name__) == (module, name):
            return found
    advice = "Run the cell or script that defines the class first, or move the class into a module that Python can import"
    if module != SCRIPT:
        advice = f"Install {module.partition('.')[0]}, or start Python in the folder that contains {module.partition('.')[0]}"
    if missing.startswith("dreamkeras."):
        advice = f"Change the import in {module}; CHANGELOG.md lists the modules that have moved"
    raise ModelError(f"Cannot find {module}:{name}, the {slot} block of the model. {reason}. {advice}.")


@contextlib.contextmanager
def _layers_inside(config: Any) -> Iterator[None]:
    """Temporarily registers the layers named in a block's configuration, in case another package has registered the same names."""
    known = keras.saving.get_custom_objects()
    own = {name: layer for name, layer in _registered_inside(config) if known.get(name) is not layer}
    if not own:
        yield
        return
    kept = {name: known[name] for name in own if name in known}
    known.update(own)
    try:
        with keras.saving.custom_object_scope(own):  # Keras searches the custom object scopes before the global table
            yield
    finally:
        known.update(kept)


def _registered_inside(config: Any) -> Iterator[tuple[str, type]]:
    """Yields the registered name and the class of every layer in a configuration, if the module of the class has been imported."""
    if isinstance(config, Mapping):
        module, name, registered = (config.get(key) for key in ("module", "class_name", "registered_name"))
        found = getattr(sys.modules.get(str(module or SCRIPT)), str(name), None)
        if isinstance(found, type) and keras.saving.get_registered_name(found) == registered:
            yield registered, found
    parts = config.values() if isinstance(config, Mapping) else config if isinstance(config, (list, tuple)) else ()
    for part in parts:
        yield from _registered_inside(part)
