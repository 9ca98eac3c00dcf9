"""Initialises a network with the weights of another network.

The final block has new weights if the tasks or units of the networks differ.
"""

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
    """Copies the weights of the first and the core block from another network.

    The weights of the final block are also copied if the final blocks have the same tasks, units, class and shapes.

    Args:
        network: Network that receives the weights. The first and the core block of both networks must have the same class and shapes.
        source: Run folder of a trained or imported model, or a `.keras` file.

    Returns:
        Whether the weights of the final block were copied.

    Raises:
        ModelError: The model does not exist, or a block differs in class or shape. The message names both blocks.
    """
    other = load_network(find_model(source))
    for slot in BODY:
        ours, theirs = getattr(network, slot), getattr(other, slot)
        if difference := _difference(ours, theirs):
            whose = f"{block_name(type(theirs))}, the {slot} block of {source}{_model_of(source)}"
            raise ModelError(f"Cannot copy weights from {whose}, to {block_name(type(ours))}: {difference}.")
    heads = {(model.tasks, model.units, model.scales) for model in (network, other)}
    same_head = len(heads) == 1 and not _difference(network.final, other.final)
    for slot in (*BODY, "final") if same_head else BODY:
        for ours, theirs in zip(getattr(network, slot).weights, getattr(other, slot).weights, strict=True):
            ours.assign(theirs)
    return same_head


def freeze(network: PrixFixe, slots: tuple[str, ...]) -> None:
    """Excludes blocks from training. The weights and the normalisation statistics of the blocks do not change.

    Args:
        network: Network that is not yet compiled.
        slots: Slots of the blocks, a subset of `BODY`.
    """
    for slot in slots:
        getattr(network, slot).trainable = False


def body_variables(network: PrixFixe) -> list[keras.Variable]:
    """Returns the trainable variables of the first and the core block."""
    return [variable for slot in BODY for variable in getattr(network, slot).trainable_variables]


def _difference(ours: keras.layers.Layer, theirs: keras.layers.Layer) -> str:
    """Returns the reason why the weights cannot be copied between two blocks. The reason is empty if the weights can be copied."""
    if type(ours) is not type(theirs):
        return "the classes of the blocks differ"
    settings = [{**block.get_config(), "name": "", "dtype": "", "trainable": True} for block in (ours, theirs)]
    what = "window or the set of flags" if settings[0] == settings[1] else "width or the depth"
    if len(ours.weights) != len(theirs.weights):
        return f"the {what} differs; the file has {len(theirs.weights)} weights, but the network has {len(ours.weights)}"
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        if one.shape != other.shape:
            return f"the {what} differs; {one.path} has shape {tuple(other.shape)} in the file, but {tuple(one.shape)} in the network"
    return ""


def _model_of(source: Path) -> str:
    """Returns the `--model` option of a run in brackets, or an empty string if no `config.json` names the model."""
    path = source / "config.json" if source.is_dir() else source.with_name("config.json")
    try:
        return f" (--model {model_in(json.loads(path.read_text('utf-8')))})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
