"""Finds the Keras models of a folder: the model of a run, the seeds of an ensemble, or the folds of a cross-validation."""

from pathlib import Path
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.export.onnx_file import find_model
from dreamkeras.files.documents import read_json

__all__ = ["find_models", "member_runs"]


def find_models(path: Path) -> list[Path]:
    """Returns the `.keras` files of all networks whose predictions a model averages.

    Args:
        path: Folder of an ensemble or of a cross-validation, a run folder, or a `.keras` file. The latter two have a single network.

    Raises:
        ModelError: A file does not exist, or is not a Keras model.
    """
    return [find_model(run) for run in member_runs(path) or [path]]


def member_runs(path: Path) -> list[Path]:
    """Returns the run folders in the folder of an ensemble or of a cross-validation. The list is empty for other paths.

    Raises:
        ModelError: A run of an ensemble has no model, because the ensemble is not finished, or `config.json` is malformed.
    """
    config = path / "config.json"
    if (path / "model.keras").is_file() or not config.is_file():
        return []
    fields: Any = read_json(config, ModelError)
    fields = fields if isinstance(fields, dict) else {}
    if number := fields.get("ensemble"):
        runs = [path / f"seed-{fields.get('seed', 0) + place}" for place in range(number)]
        if missing := [run.name for run in runs if not (run / "model.keras").is_file()]:
            raise ModelError(
                f"The ensemble in {path} is not finished: {missing[0]} has no model. Run: dreamkeras train --resume --out {path}"
            )
        return runs
    if fields.get("folds") is None or fields.get("valid_fold") is not None:
        return []
    return sorted((file.parent for file in path.glob("fold-*/model.keras")), key=_place)


def _place(run: Path) -> tuple[int, str]:
    """Returns a key by which folds with numbers are sorted by number, and other folds by name."""
    fold = run.name.removeprefix("fold-")
    return (int(fold), fold) if fold.isdecimal() else (0, fold)
