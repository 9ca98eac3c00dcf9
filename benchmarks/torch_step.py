"""Functions for benchmarks of plain torch networks: the networks by preset name, their input and their loss."""

import importlib

import torch
from torch.nn import functional

from dreamkeras.sequence.alphabet import ONE_HOT

NETWORKS = (("torch_dream_cnn", "DreamCNN"), ("torch_dream_rnn", "DreamRNN"), ("torch_dream_attn", "DreamAttn"))
"""Module and class of each network. WIDTHS in the module has the arguments by preset name."""

TABLE, EDGES = torch.tensor(ONE_HOT), torch.arange(1, 18)


def plain_torch(preset):
    """Builds the plain torch network of a preset."""
    for module_name, class_name in NETWORKS:
        module = importlib.import_module(module_name)
        if preset in module.WIDTHS:
            return getattr(module, class_name)(module.WIDTHS[preset])
    raise SystemExit(f"No plain torch network in benchmarks/ for the model {preset!r}.")


def channels(letters, flags):
    """Encodes letters uint8 `(batch, length)` and flags `(batch, flags)` as float32 `(batch, 4 + flags, length)`."""
    rows = TABLE[letters.int()]
    return torch.cat([rows, flags[:, None].expand(-1, letters.shape[1], -1)], dim=2).transpose(1, 2)


def divergence(logits, targets):
    """Computes the Kullback-Leibler divergence between logits and soft labels of targets `(batch, 1)`, with standard deviation 0.5."""
    below = torch.special.ndtr((EDGES - targets - 0.5) / 0.5)
    labels = torch.diff(below, dim=1, prepend=torch.zeros_like(targets), append=torch.ones_like(targets))
    return functional.kl_div(functional.log_softmax(logits, dim=1), labels, reduction="batchmean")
