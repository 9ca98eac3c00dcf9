"""Finds the names, versions and files of the models to serve. Does not open the files."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from dreamkeras.errors import InputError, ModelError

__all__ = ["ModelFolder", "check_name", "named_paths", "versions"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
NAME_RULE = "use at most 128 letters, digits, '.', '_' and '-', beginning with a letter or digit"
FILE = "model.onnx"


class ModelFolder:
    """A folder of models: `NAME.onnx`, `NAME/model.onnx` or `NAME/VERSION/model.onnx`. Each method lists the folder again.

    Args:
        path: The folder.

    Raises:
        InputError: The folder does not exist.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise InputError(f"Cannot read models from {path}: it is not a folder.")
        self.path = Path(os.path.realpath(path))

    def models(self) -> dict[str, Path]:
        """Returns the paths of the models by name. Entries with an invalid name are omitted, see `unusable`."""
        named = {_name(entry): entry for entry in self._entries()}
        return {name: entry for name, entry in named.items() if NAME.fullmatch(name)}

    def unusable(self) -> list[str]:
        """Returns a message for each entry that cannot be served: its name is invalid or repeated, or a version has no model file."""
        models, found = self.models(), []
        for entry in self._entries():
            if not NAME.fullmatch(_name(entry)):
                found.append(f"Cannot serve {entry}, because its name is not safe in a URL: {NAME_RULE}.")
            elif (same := models[_name(entry)]) != entry:
                found.append(f"Cannot serve {entry}, because {same.name} has the same model name. Rename one of the two entries.")
            else:
                found += [f"Cannot serve {part}: it has no {FILE}." for part in _numbers(entry) if not (part / FILE).is_file()]
        return found

    def check_inside(self, path: Path) -> None:
        """Raises `ModelError` if a symbolic link leads to a model file outside the folder."""
        file = Path(os.path.realpath(path / FILE if path.is_dir() else path))
        if not file.is_relative_to(self.path):
            raise ModelError(f"Cannot load {path}: it is a link to a file outside the model folder '{self.path}'.")

    def _entries(self) -> list[Path]:
        """Returns the subfolders and the `.onnx` files, except for hidden ones."""
        try:
            entries = sorted(entry for entry in self.path.iterdir() if not entry.name.startswith("."))
        except OSError:  # a deleted folder counts as empty, and loaded models stay loaded
            return []
        return [entry for entry in entries if entry.is_dir() or entry.suffix.lower() == ".onnx"]


def versions(path: Path) -> dict[str, Path]:
    """Returns the paths of a model's versions, in ascending order. A file, or a folder without versions, is version 1."""
    numbers = sorted(int(part.name) for part in _numbers(path) if (part / FILE).is_file())
    return {str(number): path / str(number) for number in numbers} or {"1": path}


def check_name(name: str) -> None:
    """Raises `InputError` for a model name that is not safe in a URL."""
    if not NAME.fullmatch(name):
        raise InputError(f"Invalid model name {name[:80]!r}: {NAME_RULE}.")


def named_paths(texts: Iterable[str]) -> dict[str, Path]:
    """Parses strings `NAME=PATH` or `PATH`. Without NAME, the model is named after the file or folder.

    Returns:
        Paths by model name.

    Raises:
        InputError: A name is invalid or occurs twice.
    """
    found: dict[str, Path] = {}
    for text in texts:
        given, equals, rest = text.partition("=")
        path = Path(rest if equals else text)
        real = Path(os.path.realpath(path))  # Path.resolve would fail for a loop of symbolic links
        name = given if equals else real.stem if path.suffix == ".onnx" else real.name
        check_name(name)
        if name in found:
            raise InputError(f"Two models are named {name!r}: {found[name]} and {path}. Rename one model with -m NAME=PATH.")
        found[name] = path
    return found


def _name(entry: Path) -> str:
    return entry.name if entry.is_dir() else entry.stem


def _numbers(path: Path) -> list[Path]:
    """Returns the subfolders whose names are version numbers."""
    try:
        parts = list(path.iterdir()) if path.is_dir() else []
    except OSError:  # an unreadable folder is reported when the model is opened
        parts = []
    return [part for part in parts if part.name.isdecimal() and part.name.isascii() and not part.name.startswith("0") and part.is_dir()]
