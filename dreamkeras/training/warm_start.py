"""Warm start: a network that begins with the weights of another one, under a head of its own where they measure different things."""

import json
from pathlib import Path

import keras

from dreamkeras.errors import ModelError
from dreamkeras.export.onnx_file import find_model
from dreamkeras.export.tracing import load_network
from dreamkeras.layers.saved_blocks import block_name
from dreamkeras.models.names import BODY, model_in
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["body_variables", "freeze", "take_weights"]


def take_weights(network: PrixFixe, source: Path) -> bool:
    """Copies the weights of another network: of its first and core block, and of its final block if tasks and units are the same.

    Args:
        network: Of the same first and core block.
        source: A run folder, trained or imported, or a `.keras` file.

    Returns:
        Whether the head came along.

    Raises:
        ModelError: There is no such model, or a block differs in kind or in shape; the message names both.
    """
    other = load_network(find_model(source))
    for slot in BODY:
        ours, theirs = getattr(network, slot), getattr(other, slot)
        if difference := _difference(ours, theirs):
            whose = f"the {slot} block of {source}{_model_of(source)}"
            raise ModelError(f"Expected {whose}, {block_name(type(theirs))}, got {block_name(type(ours))}: {difference}.")
    same_head = (other.tasks, other.units) == (network.tasks, network.units) and not _difference(network.final, other.final)
    for slot in (*BODY, "final") if same_head else BODY:
        for ours, theirs in zip(getattr(network, slot).weights, getattr(other, slot).weights, strict=True):
            ours.assign(theirs)
    return same_head


def freeze(network: PrixFixe, slots: tuple[str, ...]) -> None:
    """Keeps blocks as they are in training: no weight moves, and no statistics of normalisations.

    Args:
        network: Not compiled yet.
        slots: Among `BODY`.
    """
    for slot in slots:
        getattr(network, slot).trainable = False


def body_variables(network: PrixFixe) -> list[keras.Variable]:
    """What is trained of the first and the core block."""
    return [variable for slot in BODY for variable in getattr(network, slot).trainable_variables]


def _difference(ours: keras.layers.Layer, theirs: keras.layers.Layer) -> str:
    """Why weights cannot go from one block to the other; empty if they can."""
    if type(ours) is not type(theirs):
        return "another kind of block"
    settings = [{**block.get_config(), "name": "", "dtype": "", "trainable": True} for block in (ours, theirs)]
    what = "window and flags" if settings[0] == settings[1] else "width and depth"
    if len(ours.weights) != len(theirs.weights):
        return f"expected one of the same {what}, {len(theirs.weights)} weights there, {len(ours.weights)} here"
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        if one.shape != other.shape:
            return f"expected one of the same {what}, {one.path} {tuple(other.shape)} there, {tuple(one.shape)} here"
    return ""


def _model_of(source: Path) -> str:
    """The option that a run's network was chosen by, in brackets; empty where no `config.json` tells it."""
    path = source / "config.json" if source.is_dir() else source.with_name("config.json")
    try:
        return f" (--model {model_in(json.loads(path.read_text()))})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
