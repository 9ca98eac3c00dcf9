"""What the benchmarks' plain torch contestants share: the networks by preset, their input and their loss."""

import importlib

import torch
from torch.nn import functional

from dreamkeras.sequence.alphabet import ONE_HOT

NETWORKS = (("torch_dream_cnn", "DreamCNN"), ("torch_dream_rnn", "DreamRNN"), ("torch_dream_attn", "DreamAttn"))
"""Module and class; the module's WIDTHS has the arguments by preset."""

TABLE, EDGES = torch.tensor(ONE_HOT), torch.arange(1, 18)


def plain_torch(preset):
    """The plain torch network of a preset."""
    for module_name, class_name in NETWORKS:
        module = importlib.import_module(module_name)
        if preset in module.WIDTHS:
            return getattr(module, class_name)(module.WIDTHS[preset])
    raise SystemExit(f"Expected a model with a plain torch network beside this file, got {preset!r}.")


def channels(letters, flags):
    """float32 `(batch, 4 + flags, length)` of letters uint8 `(batch, length)` and flags `(batch, flags)`."""
    rows = TABLE[letters.int()]
    return torch.cat([rows, flags[:, None].expand(-1, letters.shape[1], -1)], dim=2).transpose(1, 2)


def divergence(logits, targets):
    """The Kullback-Leibler divergence from the bins' share under a normal of deviation 0.5; targets `(batch, 1)`."""
    below = torch.special.ndtr((EDGES - targets - 0.5) / 0.5)
    labels = torch.diff(below, dim=1, prepend=torch.zeros_like(targets), append=torch.ones_like(targets))
    return functional.kl_div(functional.log_softmax(logits, dim=1), labels, reduction="batchmean")
