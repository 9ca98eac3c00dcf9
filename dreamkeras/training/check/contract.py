"""Checks that a block fulfils the contract of its slot, on the running Keras backend.

The module `report` runs these checks on all backends.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from dreamkeras.data.assays.assay import Assay
from dreamkeras.errors import DreamkerasError, InputError, ModelError, OnError, one_line
from dreamkeras.export import export_onnx
from dreamkeras.export.keras_settings import pinned_settings
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal
from dreamkeras.layers.blocks.bhi import BHIFirst
from dreamkeras.layers.parts.auxiliary import KINDS
from dreamkeras.layers.slots import find_block
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.alphabet import BASES, N
from dreamkeras.sequence.construct import Construct
from dreamkeras.training.backend import computing_in
from dreamkeras.training.batches.augmentation import choose_bases

__all__ = ["CHECKS", "Outcome", "check_block"]

Make = Callable[..., PrixFixe]
"""Function that builds a network that contains the block to check, with new random weights."""

STEPS = 3

BESIDE = 20
"""Number of bases by which the window is longer than the profile, in the check of a final block that predicts a profile."""


class Outcome(NamedTuple):
    """Result of one check.

    Args:
        check: Name of the check, a key of `CHECKS`.
        reason: Reason why the block fails the check. The reason is empty if the block passes the check.
    """

    check: str
    reason: str


@pinned_settings()
def check_block(slot: str | None, name: str) -> list[Outcome]:
    """Builds a network from the block and from small blocks of dreamkeras in the other slots, and runs all checks on the network.

    Args:
        slot: `"first"`, `"core"` or `"final"`. If None, the slot of the block's class is used.
        name: Name of a registered block, or `module:Class`.

    Returns:
        The outcome of each check, in the order of `CHECKS`. If the network cannot be built, only the first check has an outcome.

    Raises:
        ModelError: The block does not exist.
    """
    block = find_block(slot, name)
    make = partial(_network, block)
    outcomes = []
    for check, run in CHECKS.items():
        outcomes.append(Outcome(check, _reason(run, make)))
        if outcomes[0].reason:
            break
    return outcomes


def _reason(run: Callable[[Make], None], make: Make) -> str:
    keras.utils.set_random_seed(0)
    try:
        run(make)
    except DreamkerasError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  # if a user's block raises an error, the error is the reason for failure
        return f"{type(error).__name__}: {one_line(error)}"
    return ""


def _network(block: Any, length: int = 40, flags: tuple[str, ...] = ("is_reverse",)) -> PrixFixe:
    construct = Construct("check", length, flags=flags)
    profile = length - BESIDE if getattr(block, "has_profile", False) else None
    assay = Assay("check", construct, ("expression",), ("bins",), read=_refuse, bins=18, profile=profile)
    first = block() if block.slot == "first" else BHIFirst(16)
    core = block() if block.slot == "core" else AutosomeCore((8,))
    final = (block if block.slot == "final" else AutosomeFinal).for_assay(assay)
    network = PrixFixe(construct, first, core, final, name="check")
    return network.with_options(tuple(kind for kind in KINDS if kind in network.output))


def _refuse(path: str, on_error: OnError = "fail") -> Any:  # noqa: ARG001  # the signature is that of a reader of an assay
    raise InputError(f"The check of a block cannot read data, got '{path}'.")


def _batch(network: PrixFixe, size: int = 8) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns random inputs, and targets for every output that a network can be trained to predict.

    Some bases are masked, and some bases are labelled as mutated.
    """
    generator = np.random.default_rng(0)
    letters = generator.choice(np.array([*BASES.encode(), N], np.uint8), (size, network.construct.length))
    flags = generator.integers(0, 2, (size, len(network.construct.flags))).astype(np.float32)
    masked, mutated = (choose_bases(letters, share, generator) for share in (0.2, 0.2))
    expression = generator.uniform(0, 17, (size, 1)).astype(np.float32)
    truths = {"expression": expression, "letters": letters, "masked": masked, "mutated": mutated}
    if network.profile:
        truths["profile"] = generator.poisson(3, (size, network.profile)).astype(np.float32)
    return {"letters": np.where(masked, N, letters), "flags": flags}, truths


def _answer(network: PrixFixe, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return ops.convert_to_numpy(network.predict_on_batch(inputs)["expression"])


def _builds(make: Make) -> None:
    for network in (make(), make(length=61, flags=("is_reverse", "is_singleton"))):
        inputs, truths = _batch(network)
        if (came := _answer(network, inputs).shape) != truths["expression"].shape:
            raise ModelError(
                f"Expected one prediction per sequence, got shape {came} for {len(truths['expression'])} sequences of "
                f"{network.construct.length} bases."
            )


def _answers_rows_alone(make: Make) -> None:
    network = make()
    inputs, _ = _batch(network)
    together = _answer(network, inputs)
    alone = np.concatenate([_answer(network, {name: values[i : i + 1] for name, values in inputs.items()}) for i in range(len(together))])
    if not np.isfinite(together).all():
        raise ModelError("Expected finite predictions, got NaN or infinite values.")
    if not np.allclose(together, alone, rtol=1e-3, atol=1e-3):
        raise ModelError("The prediction of a sequence depends on the other sequences in its batch.")


def _trains(make: Make) -> None:
    network = make()
    before = [ops.convert_to_numpy(weight).copy() for weight in network.trainable_weights]
    _train(network)
    idle = [
        weight.path
        for old, weight in zip(before, network.trainable_weights, strict=True)
        if np.array_equal(old, ops.convert_to_numpy(weight))
    ]
    if idle:
        raise ModelError(f"Expected training to change every trainable weight, got no change in {', '.join(idle[:3])}.")


def _train(network: PrixFixe) -> None:
    network.compile(keras.optimizers.Adam(1e-3), jit_compile=keras.backend.backend() == "jax")
    inputs, targets = _batch(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `_trains` reports weights without a gradient, so the warning of Keras is not needed
        losses = [float(np.max(network.train_on_batch(inputs, targets))) for _ in range(STEPS)]
    if not np.isfinite(losses).all():
        raise ModelError(f"Expected a finite loss, got {losses}.")


def _saves(make: Make) -> None:
    network = make()
    inputs, _ = _batch(network)
    with temporary_folder() as folder:
        network.save(folder / "model.keras")
        again = keras.saving.load_model(folder / "model.keras", compile=False)
    if not np.allclose(_answer(again, inputs), _answer(network, inputs), rtol=1e-4, atol=1e-4):
        raise ModelError(
            "The predictions of the network differ after saving and loading. Check that get_config of the block returns "
            "all arguments of the block."
        )


def _trains_in(precision: str, make: Make) -> None:
    with computing_in(precision):
        _train(make())


def _exports(make: Make) -> None:
    with temporary_folder() as folder:
        make().save(folder / "model.keras")
        export_onnx(folder / "model.keras", training={})


CHECKS: dict[str, Callable[[Make], None]] = {
    "builds at any length": _builds,
    "predicts rows independently": _answers_rows_alone,
    "trains every weight": _trains,
    "saves and loads": _saves,
    "trains in bfloat16": partial(_trains_in, "bfloat16"),
    "trains in float16": partial(_trains_in, "float16"),
    "exports to ONNX": _exports,
}
"""Checks of a block, by name. Each function raises an error if the block fails the check."""
