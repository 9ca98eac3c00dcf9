"""The manifest beside an analysis's results: with which models, versions and inputs they were made, and by which command."""

import importlib.metadata
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dreamkeras.sequence.digests import file_digest
from dreamkeras.sequence.outputs import open_output

__all__ = ["write_manifest"]

PACKAGES = ("dreamkeras", "numpy", "onnxruntime")


def write_manifest(
    folder: Path,
    command: str,
    models: Iterable[str],
    inputs: Iterable[str],
    *,
    name: str = "manifest.json",
    more: Mapping[str, Any] | None = None,
) -> None:
    """Writes `manifest.json`; it appears whole or not at all.

    Args:
        folder: Where the results are.
        command: What was run.
        models: Model files, or run folders.
        inputs: Files that were read; standard input has no digest.
        name: What it is called, where it stands beside one file among others.
        more: What else there is to say of the results, JSON-able.

    Raises:
        DreamkerasError: It cannot be written.
    """
    content = {
        "command": command,
        "models": {path: _digest(Path(path) / "model.onnx" if Path(path).is_dir() else path) for path in models},
        "inputs": {path: _digest(path) for path in inputs},
        "versions": {"python": sys.version.split()[0], **_versions()},
        **(more or {}),
    }
    with open_output(str(folder / name)) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def _versions() -> dict[str, str]:
    installed = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    return {package: importlib.metadata.version(package) for package in PACKAGES if package in installed}


def _digest(path: str | Path) -> str | None:
    """None of what is no file."""
    return file_digest(path) if Path(path).is_file() else None
