"""Summarises a training run for the exported model, from config.json and metrics.json in the run folder."""

from pathlib import Path
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.files.documents import read_json
from dreamkeras.files.inputs import listed_files
from dreamkeras.models.names import model_in

__all__ = ["OPTIONS", "read_training_summary"]

CHOICES = ("assay", "model", "strategy", "backend", "precision", "holdout", "epochs", "batch_size", "learning_rate", "seed")
"""Fields of config.json that are included in the summary unless they are null.

The summary also contains the name of the data file, without its folder.
"""

OPTIONS = (
    *("optimizer", "loss", "ema", "mask", "detect_mutations", "slide", "jitter", "balance", "test_shifts", "steps", "ensemble"),
    *("init_from", "freeze", "body_rate", "bias", "extended_after"),
)
"""Fields of config.json that are included in the summary unless they are null, 0, false or empty."""

ORIGIN = ("source", "sha256")
"""Fields that replace the name of the data in the summary of a model with published weights."""


def read_training_summary(folder: Path) -> dict[str, Any]:
    """Returns the options of a run, and its validation metrics under the key `validation`.

    A missing file is treated as an empty JSON object.

    Raises:
        ModelError: A file is not a JSON object.
    """
    config, metrics = (_read_object(folder / name) for name in ("config.json", "metrics.json"))
    summary = {name: config[name] for name in (*CHOICES, *ORIGIN) if config.get(name) is not None}
    if "model" in summary:
        summary["model"] = model_in(config)
    if config.get("alternates"):
        summary["model"] = ", ".join((summary["model"], *config["alternates"]))
    summary |= {name: config[name] for name in OPTIONS if config.get(name)}
    summary |= {name: Path(summary[name]).name for name in ("init_from", "bias") if name in summary}
    if config and "source" not in config:
        summary["data"] = ", ".join(Path(file).name for file in listed_files(config.get("data"))) or "simulated"
    test = {"test": metrics.pop("test")} if "test" in metrics else {}
    return {**summary, "validation": metrics, **test} if metrics else summary


def _read_object(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    fields = read_json(path, ModelError)
    if not isinstance(fields, dict):
        raise ModelError(f"Expected a JSON object in {path}, got a {type(fields).__name__}.")
    return fields
