"""Small networks with random weights, saved as in training."""

from pathlib import Path

import numpy as np

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.sequence.alphabet import BASES


def build_small_network(construct=None, seed: int = 0):
    """Builds `dream-cnn-small` for yeast with random weights and batch statistics."""
    import keras

    from dreamkeras.models.presets import build_model

    keras.utils.set_random_seed(seed)
    assay = find_assay("yeast")
    network = build_model("dream-cnn-small", assay._replace(construct=construct or assay.construct))
    scramble(network, seed)
    return network


def scramble(network, seed: int = 0) -> None:
    """Changes the weights so that every layer has an effect and predictions vary over several bins."""
    random = np.random.default_rng(seed)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(random.uniform(0.5, 2, weight.shape))
        elif any(part in weight.path for part in ("mean", "beta", "bias")):
            weight.assign(random.normal(0, 0.3, weight.shape))
    letters = random.choice(np.frombuffer(BASES.encode(), np.uint8), (64, network.construct.length))
    flags = np.zeros((64, len(network.construct.flags)), np.float32)
    logits = network.predict({"letters": letters, "flags": flags}, verbose=0)["logits"]
    scale = 1 / logits.std(0).mean()
    kernel, bias = network.final.mapper.get_weights()
    network.final.mapper.set_weights([kernel * scale, (bias - logits.mean(0)) * scale])


def save_small_network(path, **options) -> Path:
    """Saves a small network and returns the path."""
    build_small_network(**options).save(path)
    return Path(path)
