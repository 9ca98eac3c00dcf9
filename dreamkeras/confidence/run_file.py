"""Reads the calibration of a run folder, and selects the part that does not depend on the predictions of the model."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.background import Background
from dreamkeras.confidence.intervals import Intervals, measure_intervals
from dreamkeras.errors import InputError, ModelError
from dreamkeras.files.documents import read_json
from dreamkeras.sequence.description import current_parts
from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["CALIBRATION_FILE", "familiarity_alone", "read_calibration"]

CALIBRATION_FILE = "calibration.json"
"""Name of the file in a run folder that contains `ModelDescription.calibration`."""

OLD_FILE = "yardstick.json"
"""Name of the calibration file in run folders of dreamkeras 0.1 and earlier."""


def read_calibration(folder: Path, tasks: tuple[str, ...], scales: tuple[TaskScale, ...] = ()) -> dict[str, Any]:
    """Reads the calibration of a run folder from `calibration.json`.

    If the folder has no calibration file, the prediction intervals are computed from `validation.tsv`.

    Args:
        folder: The run folder.
        tasks: Tasks of the model.
        scales: Kind and transformation of each task, if any.

    Returns:
        Parts of the calibration by name. The dictionary is empty if the folder has neither a calibration nor `validation.tsv`.

    Raises:
        ModelError: A file is malformed, or its tasks differ from `tasks`.
    """
    file = next((folder / name for name in (CALIBRATION_FILE, OLD_FILE) if (folder / name).is_file()), None)
    if file is None:
        return _from_validation(folder / "validation.tsv", tasks, scales)
    fields = read_json(file, ModelError)
    if not isinstance(fields, dict):
        raise ModelError(f"Expected a JSON object in {file}, got a {type(fields).__name__}.")
    if file.name == OLD_FILE:
        fields = current_parts(fields)
    for part, reader in (("intervals", Intervals.from_json), ("background", Background.from_json)):
        if part in fields:
            reader(fields[part], tasks)
    return fields


def familiarity_alone(calibration: dict[str, Any]) -> dict[str, Any]:
    """Returns only the familiarity, the part of a calibration that remains valid if an export changes the predictions."""
    return {part: value for part, value in calibration.items() if part == "familiarity"}


def _from_validation(path: Path, tasks: tuple[str, ...], scales: tuple[TaskScale, ...]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t")
        places = [header.index(f"{kind}_{task}") for kind in ("measured", "predicted") for task in tasks]
        measured, predicted = np.array([[float(row[place]) for place in places] for row in rows]).reshape(-1, 2, len(tasks)).swapaxes(0, 1)
        return {"intervals": measure_intervals(measured, predicted, tasks, scales).to_json()}
    except (ValueError, IndexError, InputError) as error:
        raise ModelError(f"Cannot read measured and predicted values of {', '.join(tasks)} from {path}: {error}.") from None
