"""The plain torch DREAM-CNN of the benchmarks, and functions that copy its weights to dreamkeras's blocks."""

import importlib.util
from pathlib import Path

import numpy as np

SUBLAYERS = {"widen": "residual.0", "mix": "residual.1", "narrow": "residual.3", "resize": "resize"}
"""Sublayers of a Keras step, and the corresponding modules in a step of the benchmarks' network."""

NORM = ("weight", "bias", "running_mean", "running_var")


def plain_torch(widths, channels=6):
    """Builds the network of benchmarks/torch_dream_cnn.py without dropout and with random statistics and scales."""
    import torch

    path = Path(__file__).parents[1] / "benchmarks" / "torch_dream_cnn.py"
    spec = importlib.util.spec_from_file_location("torch_dream_cnn", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    network = module.DreamCNN(widths, channels)
    for name, values in network.state_dict().items():
        if "running" in name or ".1.weight" in name:
            values.uniform_(0.5, 1.5)
    network.body[0].dropout.p = 0.0
    return network


def copy_plain(network, first, core, final):
    """Copies the weights of `plain_torch` to built Keras blocks."""
    state = {name: values.numpy() for name, values in network.state_dict().items()}
    for i, convolution in enumerate(first.convolutions):
        convolution.set_weights([kernel(state[f"body.0.convs.{i}.weight"]), state[f"body.0.convs.{i}.bias"]])
    for i, step in enumerate(core.steps, start=1):
        for name, place in SUBLAYERS.items():
            _copy_conv_norm(state, f"body.{i}.{place}", getattr(step, name))
        _copy_gate(state, f"body.{i}.residual.2.gate", step.gate)
    _copy_mapper(state, "head", final)


def kernel(weight):
    """Converts a kernel (outputs, inputs, taps) of torch to (taps, inputs, outputs) of Keras."""
    return np.ascontiguousarray(weight.transpose(2, 1, 0))


def _copy_conv_norm(state, place, layer):
    layer.convolution.set_weights([kernel(state[f"{place}.0.weight"])])
    layer.norm.set_weights([state[f"{place}.1.{name}"] for name in NORM])


def _copy_gate(state, place, gate):
    for number, dense in ((0, gate.squeeze), (2, gate.excite)):
        dense.set_weights([state[f"{place}.{number}.weight"].T, state[f"{place}.{number}.bias"]])


def _copy_mapper(state, place, final):
    final.mapper.set_weights([state[f"{place}.weight"][:, :, 0].T, state[f"{place}.bias"]])
