"""Writes the results of a training run into its run folder."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.run_file import CALIBRATION_FILE
from dreamkeras.data.examples import Examples
from dreamkeras.data.weights import effective_number
from dreamkeras.errors import DreamkerasError, ExportError, counted
from dreamkeras.export.onnx_file import export_onnx
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.files.outputs import naming_output, write_text
from dreamkeras.formats.writers import open_writer
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.models.sizes import trainable_parameters
from dreamkeras.plots.learning_curve import plot_learning_curve
from dreamkeras.plots.style import draw_plots
from dreamkeras.plots.training import plot_history
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training.baseline import BASELINE_TABLE, compare, describe_behind, fit_baseline
from dreamkeras.training.epochs.checkpoint import TrainingState, write_history
from dreamkeras.training.epochs.profiles import final_figures
from dreamkeras.training.learning_curve import Stage, curve_figures, curve_table, describe_curve
from dreamkeras.training.run_data import RunData
from dreamkeras.training.run_folder.model_card import model_card
from dreamkeras.training.run_folder.phases import show_phases
from dreamkeras.training.run_folder.sample_size import sample_size
from dreamkeras.training.run_folder.test_set import write_test
from dreamkeras.training.run_folder.validation import calibration_of, prediction_plots, validation_metrics, without_nan, write_validation

__all__ = ["Trained", "export_run", "write_results"]

PHASES = 4
"""Number of phases of the progress bar after training: export, comparison, calibration and plots."""


class Trained(NamedTuple):
    """A trained network.

    Args:
        model: Network with the weights of the epoch that is saved.
        state: State of the run, with its history.
        predicted: Predictions of the network for the validation examples, float32 (n, tasks). If the network predicts a profile, additional
            columns contain the probabilities of the positions.
        predict: Function that returns the predictions of the network for windows, with the columns of `predicted`.
    """

    model: PrixFixe
    state: TrainingState
    predicted: np.ndarray
    predict: Callable[[np.ndarray], np.ndarray]

    @property
    def values(self) -> np.ndarray:
        """Predictions for the validation examples without the columns of a profile, float32 (n, tasks)."""
        return self.predicted[:, : len(self.model.tasks)]


def write_results(
    folder: Path, config: Mapping[str, Any], trained: Trained, data: RunData, smaller: Sequence[Stage] = ()
) -> dict[str, Any]:
    """Writes `history.csv`, `metrics.json`, `validation.tsv`, `plots/`, `model.keras`, `model.onnx`, `calibration.json` and `README.md`.

    The predictions of the baseline for the validation examples are written to `baseline.tsv`. If the network is behind its baseline, a
    warning is written to standard error. With a test set, `test.tsv` is also written, and with a learning curve, `learning_curve.tsv`.

    Args:
        folder: Run folder.
        config: Configuration of the run.
        trained: Trained network.
        data: Data of the run.
        smaller: Predictions after training on smaller numbers of examples, for the learning curve. Empty without a learning curve.

    Returns:
        The metrics in `metrics.json`. Each metric is the mean over the tasks for which it is defined. With several tasks, the metrics of
        each task are under `tasks`. Undefined metrics are NaN in the returned dictionary and null in the file.

    Raises:
        DreamkerasError: A file cannot be written.
        ExportError: The ONNX file cannot be written, or its predictions differ from those of the network. After this error, the run folder
            has no ONNX file and no `calibration.json`.
    """
    model, state, validation = trained.model, trained.state, data.validation
    _save_model(folder / "model.keras", model)  # the model is saved first, so that a later error cannot lose the model
    metrics = _metrics(trained, data)
    if data.test is not None:
        metrics["test"] = write_test(folder, data.test, trained.predict(data.test.letters), model.tasks, model.scales, data.test_in_units)
    baseline = fit_baseline(data.training, validation, model.construct.strands == "both", model.scales, config.get("split_seed") or 0)
    metrics["baseline"] = compare(baseline, validation.targets, trained.values, model.tasks, model.scales)
    if behind := describe_behind(metrics):
        sys.stderr.write(f"Warning: {behind}\n")
    if smaller:
        stages = [*smaller, Stage(len(data.training), trained.values, baseline.predicted)]
        curve = metrics["learning_curve"] = curve_figures(stages, validation.targets, model.tasks)
        sys.stderr.write(f"{describe_curve(metrics)}\n")
        write_text(folder / "learning_curve.tsv", curve_table(curve))
    write_history(folder / "history.csv", state.rows)
    write_text(folder / "metrics.json", json.dumps(without_nan(metrics), indent=2) + "\n")
    write_validation(folder / "validation.tsv", validation, trained.values, model.tasks)
    with open_writer(str(folder / BASELINE_TABLE), [f"predicted_{task}" for task in model.tasks], "tsv") as writer:
        writer.write(validation.ids, baseline.predicted)
    _export(folder, {**config, **data.facts()}, trained, data, metrics)
    return metrics


def _export(folder: Path, summary: Mapping[str, Any], trained: Trained, data: RunData, metrics: Mapping[str, Any]) -> None:
    """Exports and calibrates the model, and writes the model card and the plots."""
    model, history = trained.model, trained.state.rows
    sequences = sample_size(metrics["parameters"], model.construct.length)
    with show_phases(PHASES) as start:
        start("Exporting the model to ONNX")
        options: dict[str, Any] = {
            "sequences": sequences,
            # With precision float32, the predictions of the exported model are compared with those of the network on the running backend.
            "reference": _reference(trained.predict, start) if summary["precision"] == "float32" else None,
            "calibration": calibration_of(data.validation, trained.values, data.training, sequences, start, model.scales),
        }
        try:
            description = export_run(folder, model, metrics, history, summary, **options)
            write_text(folder / CALIBRATION_FILE, json.dumps(description.calibration, indent=2) + "\n")
            write_text(folder / "README.md", model_card(description, metrics, history, summary))
        finally:  # plots are also made if the export fails, and are the last files because they are the least important
            start("Drawing the plots")
            _plot(folder / "plots", trained, data.validation, metrics.get("learning_curve"))


def export_run(
    folder: Path,
    model: PrixFixe,
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    name: Path | None = None,
    **options: Any,
) -> ModelDescription:
    """Exports the `model.keras` of a run folder to ONNX.

    If the export fails, the model card is still written, and then the error is raised.

    Args:
        folder: Run folder.
        model: Network of the run.
        metrics: See `model_card`.
        history: See `model_card`.
        config: See `model_card`.
        name: Path of the run folder in the error message. Defaults to `folder`.
        **options: Options of `export_onnx`.

    Returns:
        Description of the exported model.

    Raises:
        ExportError: The export failed. The message contains the reason and the command for another attempt.
    """
    try:
        return export_onnx(folder, **options)
    except DreamkerasError as error:
        description = replace(model.describe(), training=read_training_summary(folder))
        write_text(folder / "README.md", model_card(description, metrics, history, config))
        called = name or folder
        raise ExportError(
            f"The model is saved in {called} as model.keras, but its export to model.onnx failed: {error} "
            f"Try again with: dreamkeras export {called}"
        ) from error


def _metrics(trained: Trained, data: RunData) -> dict[str, Any]:
    """Returns the metrics of the network on the validation examples, and numbers that describe the run."""
    model, state = trained.model, trained.state
    metrics = validation_metrics(data.validation, trained.values, data.training, model.tasks, model.scales)
    if data.validation.profiles is not None:
        metrics |= final_figures(model, data.validation, trained.predicted)
    metrics |= {"best_epoch": state.best_epoch, "seconds": round(state.seconds, 1)}
    if state.kept:
        metrics |= {"epoch": state.kept.epoch, "kept": str(state.kept)}
    metrics["examples"] = len(data.training)
    if data.hold_out:
        metrics["holdout"] = data.hold_out.to_json()
    if data.training.weights is not None:
        metrics["effective_examples"] = round(effective_number(data.training.weights), 1)
    metrics["parameters"] = trainable_parameters(model)
    metrics["steps"] = int(model.optimizer.iterations)
    return metrics


def _reference(predict: Callable[[np.ndarray], np.ndarray], start: Callable[[str], None]) -> Callable[[np.ndarray], np.ndarray]:
    """Returns `predict` as a function that starts a phase of the progress bar."""

    def reference(letters: np.ndarray) -> np.ndarray:
        start(f"Comparing the ONNX file with Keras on {counted(len(letters), 'sequence')}")
        return predict(letters)

    return reference


def _plot(folder: Path, trained: Trained, validation: Examples, curve: Mapping[str, Any] | None = None) -> None:
    """Draws the history, the predictions and, if there is one, the learning curve."""
    model, state, history = trained.model, trained.state, folder / "history.png"
    epoch = state.kept.epoch if state.kept else state.best_epoch
    plots: dict[Path, Callable[[], None]] = {history: partial(plot_history, state.rows, history, epoch)}
    if curve:
        path = folder / "learning_curve.png"
        plots[path] = partial(plot_learning_curve, curve["stages"], curve["expected"], path, len(model.tasks))
    plots |= prediction_plots(folder, model.tasks, model.units, validation, trained.values)
    with naming_output(str(folder)):
        folder.mkdir(exist_ok=True)
    draw_plots(plots)


def _save_model(path: Path, model: PrixFixe) -> None:
    """Saves the network without the optimiser.

    The optimiser is omitted, because its state may belong to a later epoch than the weights, and is twice as large as the weights.
    """
    network = PrixFixe.from_config(model.get_config())
    network.set_weights(model.get_weights())
    beside = path.with_name(f".{path.stem}.tmp.keras")  # Keras determines the file format from the suffix
    with naming_output(str(path)):
        try:
            network.save(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
