"""What a run folder says that its model's predictions can be held against, and how much of it goes for an export."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.background import Background
from dreamkeras.confidence.intervals import Calibration, calibrate
from dreamkeras.errors import InputError, ModelError

__all__ = ["YARDSTICK", "read_yardstick", "without_predictions"]

YARDSTICK = "yardstick.json"
"""The file of a run folder that holds `ModelDescription.yardstick`."""

SEQUENCES_ALONE = ("training",)
"""The parts that tell of training sequences, whatever a model makes of them."""

OF_TASKS: dict[str, Callable[[Any, tuple[str, ...]], object]] = {"calibration": Calibration.from_json, "background": Background.from_json}
"""Those that tell of a model's tasks, and what refuses other ones'."""


def read_yardstick(folder: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    """What a run folder tells: its `yardstick.json`, or else the calibration that follows from its `validation.tsv`.

    Args:
        folder: The run folder.
        tasks: The model's.

    Returns:
        Its parts by name; empty where there is neither file.

    Raises:
        ModelError: A file is not as a run leaves it, or tells of other tasks.
    """
    try:
        fields = json.loads((folder / YARDSTICK).read_text())
    except FileNotFoundError:
        return _from_validation(folder / "validation.tsv", tasks)
    except ValueError as error:
        raise ModelError(f"Expected JSON in {folder / YARDSTICK}, got text that is none ({error}).") from None
    if not isinstance(fields, dict):
        raise ModelError(f"Expected a JSON object in {folder / YARDSTICK}, got a {type(fields).__name__}.")
    for part, reader in OF_TASKS.items():
        if part in fields:
            reader(fields[part], tasks)
    return fields


def without_predictions(yardstick: dict[str, Any]) -> dict[str, Any]:
    """What is left of it for a model that answers otherwise."""
    return {part: yardstick[part] for part in SEQUENCES_ALONE if part in yardstick}


def _from_validation(path: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t")
        places = [header.index(f"{kind}_{task}") for kind in ("measured", "predicted") for task in tasks]
        measured, predicted = np.array([[float(row[place]) for place in places] for row in rows]).reshape(-1, 2, len(tasks)).swapaxes(0, 1)
        return {"calibration": calibrate(measured, predicted, tasks).to_json()}
    except (ValueError, IndexError, InputError) as error:
        raise ModelError(
            f"Expected what was measured and predicted of {', '.join(tasks)} in {path}, got something else ({error})."
        ) from None
