"""Executes a training run: reads the data, builds the network, trains it and writes the run folder.

The configuration is a `RunConfig`, which does not depend on the command line.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dreamkeras.data.examples import fingerprint
from dreamkeras.data.splits.division import HELD_OUT
from dreamkeras.errors import InputError, ModelError
from dreamkeras.export.keras_settings import pinned_settings
from dreamkeras.export.onnx_file import find_model
from dreamkeras.export.tracing import load_network
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.folders import claim, require_held
from dreamkeras.files.inputs import file_name, full_path, rereadable
from dreamkeras.layers.saved_blocks import block_name, is_importable
from dreamkeras.models.combinations import lasting_name
from dreamkeras.models.presets import build_model
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.training.backend import computing_in, running_backend
from dreamkeras.training.batches.dataset import training_batches
from dreamkeras.training.changes import LENGTH, LIMITS, changed
from dreamkeras.training.config import RunConfig
from dreamkeras.training.epochs.callbacks import (
    AveragedWeights,
    Checkpoint,
    EpochSeed,
    History,
    LastStep,
    Recorder,
    Validation,
    predict_letters,
)
from dreamkeras.training.epochs.checkpoint import TrainingState, assign_weights, read_checkpoint, read_progress
from dreamkeras.training.epochs.metrics import PearsonR
from dreamkeras.training.epochs.profiles import peaks_or_all
from dreamkeras.training.epochs.progress import Progress
from dreamkeras.training.epochs.selection import describe_undefined, target_variances
from dreamkeras.training.run_data import RunData, assay_of, read_begun, read_data, require_files, require_same_data, with_window
from dreamkeras.training.run_folder.contents import write_results
from dreamkeras.training.run_folder.new_folder import new_folder, remove_unfinished
from dreamkeras.training.strategy.losses import find_loss
from dreamkeras.training.strategy.plan import Done, Plan, make_plan
from dreamkeras.training.warm_start import body_variables, freeze, take_weights

__all__ = ["resume", "train"]

CHECKPOINT = Path("checkpoint") / "state.npz"


@pinned_settings()
def train(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Trains a network and writes a new run folder.

    Args:
        config: Configuration of the run. If the configuration names a backend, Keras must use this backend.
        folder: Run folder, which must be new or empty.

    Returns:
        The metrics that `run_folder.contents.write_results` returns, such as the validation metrics of the best epoch and the duration of
        training.

    Raises:
        DreamkerasError: The data, the configuration or the folder cannot be used, and nothing is written. The error is also raised if the
            loss is not finite or the model cannot be exported. If the error occurs during training or export, the folder keeps the results
            up to that point.
    """
    if config.ensemble:
        raise InputError(f"A single run has no ensemble, got ensemble={config.ensemble}. Use training.ensemble.train.train_ensemble.")
    require_packages()  # checked before the training, because the export requires these packages
    with new_folder(folder):
        config = dataclasses.replace(config, backend=running_backend(config.backend))
        with rereadable(config.data, config.valid):
            config = with_window(config)
            data = read_data(config)
        if data.common:
            sys.stderr.write(f"Warning: {data.common}\n")
        model, plan = _prepare(config, data)
        _take_weights(config, model)
        config = _recorded_choices(config, plan, data)
        config.write(folder / "config.json")
        return _fit(config, plan, folder, data, model, TrainingState())


@pinned_settings()
def resume(folder: Path, backend: str | None = None, **changes: Any) -> dict[str, Any]:
    """Resumes the run in a folder from its last checkpoint. Without changes, the result is the same as of an uninterrupted run.

    Args:
        folder: Run folder of a run that `train` started.
        backend: Backend that Keras must use. If None, Keras must use the backend that the run was started with.
        **changes: Changes to the configuration, with names in `changes.CHANGEABLE`. Files may have moved, but must contain the same data.
            With another number of epochs or steps, the schedule of the learning rate is computed for this number, and the run continues at
            the step of its checkpoint. The changes are stored in the run folder.

    Returns:
        The metrics that `train` would return.

    Raises:
        DreamkerasError: The folder does not contain a run, the run was started with another backend, or its data have changed. The error is
            also raised if the data were a stream, which can be read only once, or if a change does not fit the run.
    """
    begun = read_begun(folder / "config.json")
    config = changed(begun, changes)
    if config.backend != running_backend(backend):
        raise InputError(f"Expected backend {config.backend}, because the run in {folder} was started with it, got {running_backend()}.")
    require_files(config, folder)
    with claim(folder):
        remove_unfinished(folder)
        data = read_data(config)
        require_same_data(data.training, data.validation, config, begun, folder)
        checkpoint, state = folder / CHECKPOINT, TrainingState()
        done = Done(*read_progress(checkpoint), begun.steps) if checkpoint.exists() else Done()
        model, plan = _prepare(config, data, done)
        if checkpoint.exists():
            state = read_checkpoint(checkpoint, model)
            state.steps = plan.begun
        else:
            _take_weights(config, model)
        if len(state.rows) < plan.epochs:
            config = _continued(config, begun, state, folder)
        if config != begun:
            config.write(folder / "config.json")
        return _fit(config, plan, folder, data, model, state)


def _continued(config: RunConfig, begun: RunConfig, state: TrainingState, folder: Path) -> RunConfig:
    """Returns the configuration of a run to which epochs may be added. If the length or a limit differs, the run is no longer finished."""
    different = {name for name in (*LENGTH, *LIMITS) if getattr(config, name) != getattr(begun, name)}
    if different:
        (folder / "metrics.json").unlink(missing_ok=True)  # without metrics.json, the run is not finished
    if different.isdisjoint(LENGTH):
        return config
    _warn_of_limits(config, state, folder)
    return dataclasses.replace(config, extended_after=tuple(dict.fromkeys((*config.extended_after, len(state.rows)))))


def _warn_of_limits(config: RunConfig, state: TrainingState, folder: Path) -> None:
    """Prints a warning if the run to resume has ended early, so that no epochs are added."""
    for name in LIMITS:
        if state.has_ended(**{"patience": None, name: getattr(config, name)}):
            sys.stderr.write(
                f"Warning: no epochs are added to the run in {folder}, because it ended by --{name} {getattr(config, name):g}. "
                f"Increase --{name}.\n"
            )


def _recorded_choices(config: RunConfig, plan: Plan, data: RunData) -> RunConfig:
    """Returns the configuration to store in the run folder, with all defaults filled in and absolute paths."""
    chosen: dict[str, Any] = {name: getattr(plan.strategy, name) for name in ("learning_rate", "mask", "loss")}
    chosen |= {"model": lasting_name(config.model), "strategy": plan.strategy.name}
    chosen |= {"batch_size": plan.batch_size, "epochs": None if config.steps else plan.epochs}
    if config.valid is None and config.valid_fold is None and config.valid_fraction is None:
        chosen["valid_fraction"] = HELD_OUT
    chosen |= {"split_seed": config.seed_of_split, "fingerprint": fingerprint(data.training, data.validation)}
    return dataclasses.replace(config.with_files(full_path), **chosen)


def _prepare(config: RunConfig, data: RunData, done: Done = Done()) -> tuple[PrixFixe, Plan]:  # noqa: B008  # immutable
    """Returns the compiled network and the training plan. The weights are drawn with the seed of the run."""
    keras.utils.set_random_seed(config.seed)
    with computing_in(config.precision):
        model = build_model(config.model, assay_of(config))
        _check_exportable(model, config.backend)
        plan = make_plan(config, model, data.training, done)
        bias = load_network(find_model(Path(config.bias))) if config.bias else None
        if plan.augmentation.truths or config.test_shifts or bias:
            model = model.with_options(plan.augmentation.truths, config.test_shifts, bias)
    if bias and data.training.is_peak is not None:
        quiet = data.training.select(~data.training.is_peak).centred()
        model.bias.fit_level(quiet.letters, quiet.targets)
    model.final.fit_scale(data.training.targets[peaks_or_all(data.training)])
    freeze(model, config.freeze)
    optimizer = plan.strategy.make_optimizer(plan.steps, config.ema)
    if config.body_rate is not None:
        optimizer.slow_down(body_variables(model), config.body_rate)
    model.compile(
        optimizer,
        loss=find_loss(plan.strategy.loss) if plan.strategy.loss else None,
        metrics=[PearsonR.for_targets(data.training.targets)],
        jit_compile=config.backend == "jax",  # TensorFlow does not use XLA; see benchmarks/train_step.py
    )
    model.optimizer.build(model.trainable_variables)  # otherwise, TensorFlow would trace the first step twice
    return model, plan


def _check_exportable(model: PrixFixe, backend: str | None) -> None:
    """Raises an error if the separate process that exports the model cannot import a block."""
    hidden = [block_name(type(block)) for block in (model.first, model.core, model.final) if not is_importable(type(block))]
    if hidden and backend != "tensorflow":
        raise ModelError(
            f"With backend {backend}, the model is exported by a separate process, which cannot import block {hidden[0]}. "
            "Move the class of the block into a module, or use the backend tensorflow."
        )


def _take_weights(config: RunConfig, model: PrixFixe) -> None:
    if config.init_from:
        head = "including its final block" if take_weights(model, Path(config.init_from)) else "with a new final block"
        sys.stderr.write(f"Starting from {config.init_from}, {head}.\n")


def _fit(config: RunConfig, plan: Plan, folder: Path, data: RunData, model: PrixFixe, state: TrainingState) -> dict[str, Any]:
    """Trains the remaining epochs, and writes the results of the best epoch."""
    predictor, progress = model.predictor(), Progress(plan.epochs, plan.steps, state)
    average = [] if config.ema is None else [AveragedWeights()]
    callbacks = [
        EpochSeed(config.seed),
        LastStep(plan.steps, state),
        *average,
        Validation(predictor, data.validation, plan.batch_size, model.tasks, target_variances(data.training.targets), state),
        Recorder(state, config.patience, config.minutes),
        *average,
        Checkpoint(folder / CHECKPOINT, state),
        History(folder / "history.csv", state),
        progress,
    ]
    begin = len(state.rows)
    if begin < plan.epochs and not state.has_ended(config.patience, config.minutes):
        sys.stderr.writelines(f"{line}\n" for line in filter(None, data.read))
        sys.stderr.write(plan.describe(len(data.training), len(data.validation), running_backend()) + "\n")
        if undefined := describe_undefined(data.validation.targets, model.tasks):
            sys.stderr.write(f"Warning: {undefined}\n")
        batches = training_batches(data.training, plan.epoch_steps, config.seed, plan.augmentation, first_epoch=begin)
        options = {"steps_per_epoch": plan.epoch_steps, "initial_epoch": begin, "epochs": plan.epochs, "shuffle": False, "verbose": 0}
        try:
            model.fit(batches, callbacks=callbacks, **options)
        finally:
            progress.close()
    assign_weights(model.variables, state.best_weights, folder)
    counts = {"examples": len(data.training), "validation_examples": len(data.validation), "common": data.common}
    extended = tuple(epoch for epoch in config.extended_after if epoch < len(state.rows))  # a limit may prevent further epochs
    config = dataclasses.replace(config.with_files(file_name), extended_after=extended)  # the results contain file names without folders
    summary = {**dataclasses.asdict(config), **counts}
    if state.best_predicted is None:  # the best epoch was trained by an earlier process
        state.best_predicted = predict_letters(predictor, data.validation.letters, plan.batch_size)
    require_held(folder)

    def predict(letters: np.ndarray) -> np.ndarray:
        return predict_letters(predictor, letters, min(plan.batch_size, len(letters)))

    return write_results(folder, summary, model, state.best_predicted, data.validation, state, data.training, predict)
