"""Writes a manifest next to the results of an analysis. The manifest lists the command, models, inputs and package versions."""

import importlib.metadata
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dreamkeras.files.digests import file_digest
from dreamkeras.files.outputs import open_output

__all__ = ["write_manifest"]

PACKAGES = ("dreamkeras", "numpy", "onnxruntime")


def write_manifest(path: Path, command: str, models: Iterable[str], inputs: Iterable[str], more: Mapping[str, Any] | None = None) -> None:
    """Writes a manifest as JSON. The file appears only when it is complete.

    Args:
        path: The file to write.
        command: The command that produced the results.
        models: Model files or run folders.
        inputs: Input files. The digest of standard input is null.
        more: Additional entries.

    Raises:
        DreamkerasError: The manifest cannot be written.
    """
    installed = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    content = {
        "command": command,
        "models": {model: _digest(Path(model) / "model.onnx" if Path(model).is_dir() else model) for model in models},
        "inputs": {name: _digest(name) for name in inputs},
        "versions": {
            "python": sys.version.split()[0],
            **{package: importlib.metadata.version(package) for package in PACKAGES if package in installed},
        },
        **(more or {}),
    }
    with open_output(str(path)) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def _digest(path: str | Path) -> str | None:
    """Returns the digest of a file, or None if the path is not a file."""
    return file_digest(path) if Path(path).is_file() else None
