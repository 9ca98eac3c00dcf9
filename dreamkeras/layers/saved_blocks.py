"""Finds the class of each block of a saved model, by module and name: two packages may have classes of one name."""

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from dreamkeras.errors import ModelError

__all__ = ["block_name", "import_module", "is_importable", "is_ours", "member", "read_block", "register_with_keras"]

OLD_ROOM = re.compile(r"^dreamkeras\.layers\.(?=(autosome|bhi|unlockdna|proformer|legnet|bpnet|heads|profile)$)")
"""Blocks of ours as files of version 0.1.0 name them: in no room of their own."""

SCRIPT = "__main__"
"""The module of a script or a notebook, which Keras leaves out of its files."""


def is_ours(block: type) -> bool:
    """Whether a block is one of dreamkeras."""
    return block.__module__.startswith("dreamkeras.")


def block_name(block: type) -> str:
    """What messages call a block: the class of ours by its name, another as `module:Class`."""
    return block.__name__ if is_ours(block) else f"{block.__module__}:{block.__qualname__}"


def is_importable(block: type) -> bool:
    """Whether another process can import a class: not one of a script, of a notebook or of a function."""
    return block.__module__ != SCRIPT and "<locals>" not in block.__qualname__


def register_with_keras(block: type) -> type:
    """Makes Keras save a block of ours as `dreamkeras>Name`, and any other as `module>Name`; again replaces it."""
    package, name = ("dreamkeras", block.__name__) if is_ours(block) else (block.__module__, block.__qualname__)
    registered: type = keras.saving.register_keras_serializable(package, name)(block)
    return registered


def import_module(name: str) -> ModuleType:
    """A module, looked for in the working folder too, after all that is installed: a file there must not pass for a package.

    Modules of ours are found where they stand today, whatever room a file of an older version names.

    Raises:
        ModelError: It cannot be imported.
    """
    name = OLD_ROOM.sub("dreamkeras.layers.blocks.", name)
    if name not in sys.modules and (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # whatever a stranger's module does
        raise ModelError(f"Module {name} cannot be imported ({' '.join(str(error).split())[:200] or type(error).__name__}).") from error


def member(module: ModuleType, name: str) -> Any:
    """What stands in a module under a qualified name, such as `Outer.Inner`; None if there is nothing."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def read_block(slot: str, base: type, config: Mapping[str, Any]) -> Any:
    """The block that Keras's `serialize_keras_object` made a configuration of.

    Args:
        slot: Where it goes, for messages.
        base: What its class derives from.
        config: The configuration. Its module is imported where it has not been yet.

    Raises:
        ModelError: Its class is not to be had; the message says which module to import.
    """
    block = _find_class(slot, base, config)
    register_with_keras(block)
    with _layers_inside(config["config"]):
        layer = block.from_config(config["config"])
    if config.get("build_config") and not layer.built:
        layer.build_from_config(config["build_config"])
    return layer


def _find_class(slot: str, base: type, config: Mapping[str, Any]) -> Any:
    """The class in the module that the file names.

    Files written before blocks had names of their own have `dreamkeras>Name` for every class, and its module beside it, too.
    """
    module, name, registered = config["module"] or SCRIPT, config["class_name"], config["registered_name"]
    known = keras.saving.get_custom_objects()
    given = None if registered in known else keras.saving.get_registered_object(registered)  # in the caller's custom_objects
    if given is not None:
        return given
    reason, missing = f"{module} has no such block", ""
    try:
        qualified = registered.removeprefix(f"{module}>") if registered.startswith(f"{module}>") else name
        found = member(import_module(module), qualified)
        if isinstance(found, type) and issubclass(found, base):
            return found
    except ModelError as error:
        reason, missing = str(error).rstrip("."), getattr(error.__cause__, "name", None) or ""
    for key in (registered, f"{module}>{name}"):  # a class of a function, or of a module that is gone
        found = known.get(key)
        if found is not None and (found.__module__, found.__name__) == (module, name):
            return found
    advice = "run its cell or script first, or move it into a module that Python can import"
    if module != SCRIPT:
        advice = f"install {module.partition('.')[0]}, or run from the folder that holds it"
    if missing.startswith("dreamkeras."):
        advice = f"change the import in {module}; CHANGELOG.md says which modules have moved"
    raise ModelError(f"The {slot} block of the model is {module}:{name}, which is not found. {reason}: {advice}.")


@contextlib.contextmanager
def _layers_inside(config: Any) -> Iterator[None]:
    """Lets a block's configuration name its own layers, where another package has registered one of the same name since."""
    known = keras.saving.get_custom_objects()
    own = {name: layer for name, layer in _registered_inside(config) if known.get(name) is not layer}
    if not own:
        yield
        return
    kept = {name: known[name] for name in own if name in known}
    known.update(own)
    try:
        with keras.saving.custom_object_scope(own):  # Keras looks into the scope of the model around the block first
            yield
    finally:
        known.update(kept)


def _registered_inside(config: Any) -> Iterator[tuple[str, type]]:
    """The registered name and the class of every layer in a configuration whose module is imported."""
    if isinstance(config, Mapping):
        module, name, registered = (config.get(key) for key in ("module", "class_name", "registered_name"))
        found = getattr(sys.modules.get(str(module or SCRIPT)), str(name), None)
        if isinstance(found, type) and keras.saving.get_registered_name(found) == registered:
            yield registered, found
    parts = config.values() if isinstance(config, Mapping) else config if isinstance(config, (list, tuple)) else ()
    for part in parts:
        yield from _registered_inside(part)
