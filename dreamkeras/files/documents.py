"""Reads complete TOML and JSON files. Errors name the file, and the kind of a file that is not TOML or JSON."""

import json
import tomllib
from pathlib import Path
from typing import Any

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.inputs import open_bytes, source_name
from dreamkeras.files.kinds import HEAD, JSON, TO_UTF8, TOML, Expected, require_kind

__all__ = ["read_json", "read_toml"]


def read_toml(path: str | Path) -> dict[str, Any]:
    """Reads a TOML file. `-` reads standard input.

    Raises:
        InputError: The file does not exist, cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(_read_text(path, TOML, InputError))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"Cannot read {source_name(str(path))} as TOML: {error}.") from None


def read_json(path: Path, error: type[DreamkerasError] = InputError) -> Any:
    """Reads a JSON file.

    Raises:
        DreamkerasError: The file does not exist, cannot be read, or is not JSON. The exception has the class `error`.
    """
    try:
        return json.loads(_read_text(path, JSON, error))
    except json.JSONDecodeError as reason:
        raise error(f"Cannot read {path} as JSON: {reason}.") from None


def _read_text(path: str | Path, expected: Expected, error: type[DreamkerasError]) -> str:
    name = source_name(str(path))
    try:
        with open_bytes(str(path)) as file:
            content = file.read()
    except FileNotFoundError:
        raise error(f"File not found: {name}.") from None
    except OSError as reason:
        raise error(f"Cannot read {name}: {reason.strerror or reason}.") from None
    require_kind(content[:HEAD], name, expected, error)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise error(f"Expected UTF-8 text, got the byte 0x{content[reason.start]:02x} in {name}. {TO_UTF8}") from None
