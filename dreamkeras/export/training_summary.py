"""Summary of a training run for the exported model, read from the run folder's config.json and metrics.json."""

import json
from pathlib import Path
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.models.names import model_in

__all__ = ["OPTIONS", "read_training_summary"]

CHOICES = ("assay", "model", "strategy", "backend", "precision", "epochs", "batch_size", "learning_rate", "seed")
"""Fields of config.json that go into the summary; of the data's path, only the name does."""

OPTIONS = (
    *("optimizer", "loss", "ema", "mask", "detect_mutations", "slide", "jitter", "balance", "test_shifts", "steps"),
    *("init_from", "freeze", "body_rate", "bias"),
)
"""Fields that are told of where they were chosen: neither none, nor 0, nor false."""

ORIGIN = ("source", "sha256")
"""Fields instead of the data's where the weights are published ones."""


def read_training_summary(folder: Path) -> dict[str, Any]:
    """The choices of a run, and its validation figures under `validation`; whatever of it the folder holds.

    Raises:
        ModelError: A file is no JSON object.
    """
    config, metrics = (_read_object(folder / name) for name in ("config.json", "metrics.json"))
    summary = {name: config[name] for name in (*CHOICES, *ORIGIN) if config.get(name) is not None}
    if "model" in summary:
        summary["model"] = model_in(config)
    summary |= {name: config[name] for name in OPTIONS if config.get(name)}
    summary |= {name: Path(summary[name]).name for name in ("init_from", "bias") if name in summary}
    if config and "source" not in config:
        summary["data"] = Path(config["data"]).name if config.get("data") else "simulated"
    return {**summary, "validation": metrics} if metrics else summary


def _read_object(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelError(f"Expected JSON in {path}, got text that is none ({error}).") from None
    if not isinstance(fields, dict):
        raise ModelError(f"Expected a JSON object in {path}, got a {type(fields).__name__}.")
    return fields
