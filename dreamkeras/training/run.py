"""One training run: data, network, `fit`, and the folder that holds what came of it.

Knows nothing about the command line; the choices come as a RunConfig.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import keras

from dreamkeras.data.assays import find_assay
from dreamkeras.data.examples import Examples, require_examples, split
from dreamkeras.data.simulate import examples as simulated_examples
from dreamkeras.data.simulate import simulate
from dreamkeras.errors import InputError
from dreamkeras.models.presets import build_model
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.outputs import naming_output
from dreamkeras.training.batches import fitting_batch_size, training_batches
from dreamkeras.training.callbacks import Checkpoint, EpochSeed, Recorder, Validation, predict_letters
from dreamkeras.training.config import PRECISIONS, RunConfig
from dreamkeras.training.folder import write_results
from dreamkeras.training.metrics import PearsonR
from dreamkeras.training.progress import Progress
from dreamkeras.training.state import TrainingState, assign_weights, read_checkpoint
from dreamkeras.training.strategies import find_strategy

__all__ = ["resume", "train"]

CHECKPOINT = Path("checkpoint") / "state.npz"


class _Data(NamedTuple):
    """What a run trains and validates on."""

    training: Examples
    validation: Examples


def train(config: RunConfig, folder: Path) -> dict[str, float]:
    """Trains a network and fills a new run folder.

    Args:
        config: The choices of the run.
        folder: Where everything goes; must not hold anything yet.

    Returns:
        The validation figures of the best epoch: r, rho, mse, n, best_epoch, seconds.

    Raises:
        DreamkerasError: The data, the choices or the folder will not do; nothing has been written then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"Expected a new or empty folder, got {folder}: go on with a run in it by --resume, or take another name.")
    data = _read(config)
    config = _settled(config, data)
    model = _build(config)
    with naming_output(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        config.write(folder / "config.json")
    return _fit(config, folder, data, model, TrainingState())


def resume(folder: Path, backend: str) -> dict[str, float]:
    """Goes on with the run in a folder from its last checkpoint, to the same end as if it had never stopped.

    Args:
        folder: A run folder that `train` began.
        backend: The backend Keras runs on; has to be the run's own.

    Returns:
        As `train`.

    Raises:
        DreamkerasError: The folder holds no run, or one of another backend.
    """
    config = RunConfig.read(folder / "config.json")
    if config.backend != backend:
        raise InputError(f"Expected backend {config.backend}, which the run in {folder} began with, got {backend}.")
    data, model = _read(config), _build(config)
    checkpoint = folder / CHECKPOINT
    state = read_checkpoint(checkpoint, model) if checkpoint.exists() else TrainingState()
    return _fit(config, folder, data, model, state)


def _read(config: RunConfig) -> _Data:
    assay = find_assay(config.assay)
    examples = assay.read(config.data) if config.data else simulated_examples(simulate(config.simulated, config.seed))
    if config.valid:
        return _Data(examples, assay.read(config.valid))
    return _Data(*split(examples, config.valid_fraction, config.seed))


def _settled(config: RunConfig, data: _Data) -> RunConfig:
    """The choices, with the strategy's where none was made, and what they amount to on these data."""
    strategy, rows = find_strategy(config.strategy), len(data.training)
    strands = 2 if strategy.reverse_complement else 1
    batch_size = config.batch_size or fitting_batch_size(strands * rows, strategy.batch_size)
    require_examples(data.training, batch_size, "one batch")
    return dataclasses.replace(
        config,
        epochs=config.epochs or strategy.epochs,
        learning_rate=config.learning_rate or strategy.learning_rate,
        batch_size=batch_size,
        steps=-(-strands * rows // batch_size),
        examples=rows,
        validation_examples=len(data.validation),
    )


def _build(config: RunConfig) -> PrixFixe:
    """The compiled network, with the weights that the seed gives."""
    assay, strategy = find_assay(config.assay), find_strategy(config.strategy)
    keras.utils.set_random_seed(config.seed)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[config.precision])
    try:
        model = build_model(config.model, assay)
    finally:
        keras.config.set_dtype_policy(policy)
    optimizer = strategy._replace(learning_rate=config.learning_rate).make_optimizer(config.epochs * config.steps)
    # TensorFlow compiles nothing: with XLA, this network takes minutes to compile and trains no faster on CPU.
    model.compile(optimizer, metrics=[PearsonR(len(assay.tasks))], jit_compile=config.backend == "jax")
    return model


def _fit(config: RunConfig, folder: Path, data: _Data, model: PrixFixe, state: TrainingState) -> dict[str, float]:
    """Trains from where the state stands to the end, then writes the results of the best epoch."""
    predictor, progress = model.predictor(), Progress(config.epochs, config.steps)
    callbacks = [
        EpochSeed(config.seed),
        Validation(predictor, data.validation, config.batch_size),
        Recorder(state, config.patience),
        Checkpoint(folder / CHECKPOINT, state),
        progress,
    ]
    begin = len(state.rows)
    if begin < config.epochs and not state.has_converged(config.patience):
        both = find_strategy(config.strategy).reverse_complement
        batches = training_batches(data.training, config.steps, config.seed, both, first_epoch=begin)
        try:
            model.fit(
                batches,
                steps_per_epoch=config.steps,
                initial_epoch=begin,
                epochs=config.epochs,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
        finally:
            progress.close()
    assign_weights(model.variables, state.best_weights, folder)
    return write_results(
        folder, config, model, predict_letters(predictor, data.validation.letters, config.batch_size), data.validation, state
    )
