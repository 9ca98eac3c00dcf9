"""Executes a training run: reads the data, builds the network, trains it and writes the run folder.

The configuration is a `RunConfig`, which does not depend on the command line.
"""

import dataclasses
import math
import sys
from functools import partial
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
from dreamkeras.training import smaller_runs
from dreamkeras.training.backend import computing_in, running_backend
from dreamkeras.training.batches.dataset import training_batches
from dreamkeras.training.changes import LIMITS, SCHEDULE, changed
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
from dreamkeras.training.epochs.checkpoint import TrainingState, read_checkpoint
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.epochs.kept import keep_epoch
from dreamkeras.training.epochs.metrics import PearsonR
from dreamkeras.training.epochs.profiles import peaks_or_all
from dreamkeras.training.epochs.progress import Progress
from dreamkeras.training.epochs.selection import describe_undefined, target_variances
from dreamkeras.training.epochs.trained_length import CHECKPOINT, read_progress
from dreamkeras.training.fingerprints import require_files, require_same_data, require_same_test, test_fingerprint
from dreamkeras.training.run_data import RunData, assay_of, on_training_scale, read_begun, read_data, with_window
from dreamkeras.training.run_folder.contents import Trained, write_results
from dreamkeras.training.run_folder.new_folder import new_folder, remove_unfinished
from dreamkeras.training.strategy.length import Speed, fitting_steps
from dreamkeras.training.strategy.losses import find_loss
from dreamkeras.training.strategy.plan import Done, Plan, make_plan
from dreamkeras.training.strategy.speed import measure_speed
from dreamkeras.training.warm_start import body_variables, freeze, take_weights

__all__ = ["prepare", "resume", "speed_of", "take_initial_weights", "train"]


@pinned_settings()
def train(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Trains a network and writes a new run folder.

    Args:
        config: Configuration of the run. If the configuration names a backend, Keras must use this backend.
        folder: Run folder, which must be new or empty.

    Returns:
        The metrics that `run_folder.contents.write_results` returns, such as the validation metrics of the saved model and the duration of
        training.

    Raises:
        DreamkerasError: The data, the configuration or the folder cannot be used, and nothing is written. The error is also raised if the
            loss is not finite or the model cannot be exported. If the error occurs during training or export, the folder keeps the results
            up to that point.
    """
    _require_single(config)
    require_packages()  # checked before the training, because the export requires these packages
    with new_folder(folder):
        config = dataclasses.replace(config, backend=running_backend(config.backend))
        with rereadable(*config.files, config.valid, config.test):
            config = with_window(config)
            data = read_data(config)
        for warning in filter(None, (data.common, *data.test_notes)):
            sys.stderr.write(f"Warning: {warning}\n")
        given = config
        model, plan = prepare(config, data)
        if config.minutes is not None:
            config, model, plan = _within_time(config, data, model, plan)
        _take_weights(config, model)
        smaller_runs.begin(given.with_files(full_path), data, folder)
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
    _require_single(begun)
    config = changed(begun, changes)
    if config.backend != running_backend(backend):
        raise InputError(f"Expected backend {config.backend}, because the run in {folder} was started with it, got {running_backend()}.")
    require_files(config, folder)
    with claim(folder):
        remove_unfinished(folder)
        data = read_data(config)
        require_same_data(data.training, data.validation, config, begun, folder)
        require_same_test(data.test, config, begun, folder)
        checkpoint, state = folder / CHECKPOINT, TrainingState()
        done = Done(*read_progress(checkpoint), begun.fitted_steps or begun.steps) if checkpoint.exists() else Done()
        model, plan = prepare(config, data, done)
        if checkpoint.exists():
            state = read_checkpoint(checkpoint, model)
            state.steps = plan.begun
        else:
            _take_weights(config, model)
        if len(state.rows) < plan.epochs:
            config = _continued(config, begun, state, folder)
        smaller_runs.change(changes, folder)
        if config != begun:
            config.write(folder / "config.json")
        return _fit(config, plan, folder, data, model, state)


def _require_single(config: RunConfig) -> None:
    if config.ensemble:
        raise InputError(f"A single run has no ensemble, got ensemble={config.ensemble}. Use training.ensemble.train.train_ensemble.")


def _continued(config: RunConfig, begun: RunConfig, state: TrainingState, folder: Path) -> RunConfig:
    """Returns the configuration of a run to which epochs may be added. If the length or a limit differs, the run is no longer finished."""
    different = {name for name in (*SCHEDULE, *LIMITS) if getattr(config, name) != getattr(begun, name)}
    if different:
        (folder / "metrics.json").unlink(missing_ok=True)  # without metrics.json, the run is not finished
    if different.isdisjoint(SCHEDULE):
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
    chosen |= {"batch_size": plan.batch_size, "epochs": None if config.steps else config.epochs or plan.epochs}
    if config.valid is None and config.valid_fold is None and config.valid_fraction is None:
        chosen["valid_fraction"] = HELD_OUT
    chosen |= {"split_seed": config.seed_of_split, "fingerprint": fingerprint(data.training, data.validation)}
    chosen["test_fingerprint"] = test_fingerprint(data.test)
    return dataclasses.replace(config.with_files(full_path), **chosen)


def _within_time(config: RunConfig, data: RunData, model: PrixFixe, plan: Plan) -> tuple[RunConfig, PrixFixe, Plan]:
    """Shortens the schedule of a new run, if necessary, so that it is expected to end within the time limit.

    The speed is measured with the given network. The returned network is a new one, so that the measurement has no effect on the run.
    """
    speed = speed_of(config, data, model, plan)
    steps = fitting_steps(speed, config.minutes or math.inf, plan.steps, plan.epoch_steps)
    note = f"Expected time: {describe_duration(speed.seconds(steps, plan.epoch_steps))}."
    if steps < plan.steps:
        note += f" The schedule was shortened from {plan.steps:,} steps to end within {config.minutes:g} min."
        config = dataclasses.replace(config, fitted_steps=steps, epochs=None if config.steps else plan.epochs)
    model, plan = prepare(config, data)
    return config, model, plan._replace(note=note)


def speed_of(config: RunConfig, data: RunData, model: PrixFixe, plan: Plan) -> Speed:
    """Measures the speed of a run. The network must not be used afterwards."""
    predictor = model.predictor()
    batches = training_batches(data.training, plan.epoch_steps, config.seed, plan.augmentation)
    predict = partial(predict_letters, predictor, batch_size=plan.batch_size)
    return measure_speed(model, batches, predict, data.validation.letters, plan.batch_size)


def prepare(config: RunConfig, data: RunData, done: Done = Done()) -> tuple[PrixFixe, Plan]:  # noqa: B008  # immutable
    """Returns the compiled network and the training plan. The weights are drawn with the seed of the run.

    Raises:
        DreamkerasError: The configuration does not fit the data or the network.
    """
    keras.utils.set_random_seed(config.seed)
    with computing_in(config.precision):
        model = build_model(config.model, assay_of(config))
        _check_exportable(model, config.backend)
        plan = make_plan(config, model, data.training, done)
        bias = load_network(find_model(Path(config.bias))) if config.bias else None
        scales = assay_of(config).scales
        if plan.augmentation.truths or config.test_shifts or bias or scales:
            model = model.with_options(plan.augmentation.truths, config.test_shifts, bias, scales)
    fitted = on_training_scale(data.training, scales)
    if bias and data.training.is_peak is not None:
        quiet = data.training.select(~data.training.is_peak).centred()
        model.bias.fit_level(quiet.letters, quiet.targets)
    model.fit_scale(fitted.targets[peaks_or_all(data.training)])
    freeze(model, config.freeze)
    optimizer = plan.strategy.make_optimizer(plan.steps, config.ema)
    if config.body_rate is not None:
        optimizer.slow_down(body_variables(model), config.body_rate)
    model.compile(
        optimizer,
        loss=find_loss(plan.strategy.loss) if plan.strategy.loss else None,
        metrics=[PearsonR.for_targets(fitted.targets)],
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


def take_initial_weights(config: RunConfig, model: PrixFixe) -> str:
    """Copies the weights of `init_from`, and returns a sentence about them. Without `init_from`, the text is empty.

    Raises:
        ModelError: See `warm_start.take_weights`.
    """
    if not config.init_from:
        return ""
    head = "including its final block" if take_weights(model, Path(config.init_from)) else "with a new final block"
    return f"Starting from {config.init_from}, {head}."


def _take_weights(config: RunConfig, model: PrixFixe) -> None:
    if sentence := take_initial_weights(config, model):
        sys.stderr.write(f"{sentence}\n")


def _fit_smaller(config: RunConfig, data: RunData, folder: Path) -> np.ndarray:
    """Trains or resumes a run without writing its results. Returns the predictions of the saved epoch for the validation examples."""
    checkpoint, state = folder / CHECKPOINT, TrainingState()
    done = Done(*read_progress(checkpoint), config.fitted_steps or config.steps) if checkpoint.exists() else Done()
    model, plan = prepare(config, data, done)
    if checkpoint.exists():
        state = read_checkpoint(checkpoint, model)
        state.steps = plan.begun
    else:
        if config.minutes is not None:
            config, model, plan = _within_time(config, data, model, plan)
            config.write(folder / "config.json")
        _take_weights(config, model)
    return _train_epochs(config, plan, folder, data, model, state)[1]


def _train_epochs(
    config: RunConfig, plan: Plan, folder: Path, data: RunData, model: PrixFixe, state: TrainingState
) -> tuple[keras.Model, np.ndarray]:
    """Trains the remaining epochs, and assigns the weights of the epoch to save.

    Returns:
        The model for predictions, and its predictions for the validation examples.
    """
    predictor = model.predictor()
    validated = 0 if plan.note else -(-len(data.validation) // plan.batch_size) * (2 * config.test_shifts + 1)
    progress = Progress(plan.epochs, plan.steps, state, validated)
    fitted = on_training_scale(data.training, model.scales)
    average = [] if config.ema is None else [AveragedWeights()]
    callbacks = [
        EpochSeed(config.seed),
        LastStep(plan.steps, state),
        *average,
        Validation(predictor, data.validation, plan.batch_size, model.tasks, target_variances(fitted.targets), state, model.scales),
        Recorder(state, config.patience, config.minutes),
        *average,
        Checkpoint(folder / CHECKPOINT, state),
        History(folder / "history.csv", state),
        progress,
    ]
    begin = len(state.rows)
    if begin < plan.epochs and not state.has_ended(config.patience, config.minutes):
        _print_start(data, plan, model.tasks)
        batches = training_batches(fitted, plan.epoch_steps, config.seed, plan.augmentation, first_epoch=begin)
        options = {"steps_per_epoch": plan.epoch_steps, "initial_epoch": begin, "epochs": plan.epochs, "shuffle": False, "verbose": 0}
        try:
            model.fit(batches, callbacks=callbacks, **options)
        finally:
            progress.close()
    completed = state.steps >= plan.steps
    predicted = keep_epoch(config.keep, completed, model, predictor, data.validation, plan.batch_size, data.training.targets, state, folder)
    if len(state.rows) > 1:
        sys.stderr.write(f"{state.kept}\n")
    return predictor, predicted


def _print_start(data: RunData, plan: Plan, tasks: tuple[str, ...]) -> None:
    """Prints what was read, how the data were divided, the plan of the run, and warnings on the values."""
    weights = f"Weights: {data.weights}." if data.weights else ""
    division = data.hold_out.describe() if data.hold_out else ""
    planned = plan.describe(len(data.training), len(data.validation), running_backend())
    warnings = filter(None, (describe_undefined(data.validation.targets, tasks), data.advice))
    lines = filter(None, (*data.read, weights, division, planned, *(f"Warning: {warning}" for warning in warnings)))
    sys.stderr.writelines(f"{line}\n" for line in lines)


def _fit(config: RunConfig, plan: Plan, folder: Path, data: RunData, model: PrixFixe, state: TrainingState) -> dict[str, Any]:
    """Trains the remaining epochs and the smaller runs of a learning curve, and writes the results of the saved epoch."""
    predictor, predicted = _train_epochs(config, plan, folder, data, model, state)
    smaller = smaller_runs.train_smaller(folder, data, _fit_smaller)
    extended = tuple(epoch for epoch in config.extended_after if epoch < len(state.rows))  # a limit may prevent further epochs
    config = dataclasses.replace(config.with_files(file_name), extended_after=extended)  # the results contain file names without folders

    def predict(letters: np.ndarray) -> np.ndarray:
        return predict_letters(predictor, letters, min(plan.batch_size, len(letters)))

    require_held(folder)
    return write_results(folder, dataclasses.asdict(config), Trained(model, state, predicted, predict), data, smaller)
