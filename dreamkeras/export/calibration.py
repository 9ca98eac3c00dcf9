"""Calibrates an exported model without retraining.

The calibration contains the data for prediction intervals, for percentiles (the background distribution), and for the similarity of a
sequence to the training data (the familiarity).
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from dreamkeras.confidence.intervals import measure_intervals
from dreamkeras.confidence.measure import measure_calibration, sample_inserts
from dreamkeras.confidence.run_file import CALIBRATION_FILE
from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.examples import Examples
from dreamkeras.evaluation.run import score_examples
from dreamkeras.export.onnx_file import file_bytes
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.outputs import open_output, write_text
from dreamkeras.scoring.model_file import find_model_file
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.statistics.correlation import task_figures

__all__ = ["calibrate_onnx"]


def calibrate_onnx(
    model: str, output: str | None, assay: Assay, held_out: Examples, training: Examples | None = None
) -> tuple[ModelDescription, dict[str, np.ndarray]]:
    """Writes a model with a new calibration in its description. The graph is unchanged.

    Args:
        model: An `.onnx` file or a run folder.
        output: The file to write. The file is written completely or not at all. If None, the ONNX file of `model` is replaced. If None and
            the model is a run folder, the calibration is also stored in the run folder for later exports.
        assay: The assay of the held-out measurements.
        held_out: Sequences with measured values that were not used for training. The values are in the model's units.
        training: The training sequences, or sequences like them. They are used to compute the background distribution, and the ranges
            within which a sequence counts as familiar. If None, `held_out` is used instead, except that a familiarity that is already
            stored in the model is kept.

    Returns:
        The new description of the model, and the metrics that `task_figures` computes on the held-out sequences.

    Raises:
        ModelError: The model does not predict the assay.
        DreamkerasError: The file cannot be read or written.
    """
    require_packages("onnx", "onnxruntime")
    import onnx

    scorer, file = load(model, device="cpu"), find_model_file(Path(model))
    predicted = score_examples(scorer, assay, held_out)
    inserts = sample_inserts(held_out if training is None else training, scorer.construct)
    calibration = measure_calibration(
        scorer, measure_intervals(held_out.targets, predicted, scorer.tasks, scorer.description.scales), inserts
    )
    if training is None and "familiarity" in scorer.calibration:
        calibration["familiarity"] = scorer.calibration["familiarity"]
    description = dataclasses.replace(scorer.description, calibration=calibration)
    content = file_bytes(onnx.load_model(file), description)
    with open_output(output or str(file)) as stream:
        stream.write(content)
    if output is None and Path(model).is_dir():
        write_text(Path(model) / CALIBRATION_FILE, json.dumps(calibration, indent=2) + "\n")
    return description, task_figures(held_out.targets, predicted)
