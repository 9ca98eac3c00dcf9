"""Weights of a torch DREAM-CNN as those of ours: the plain torch network of the benchmarks, and the published layout."""

import importlib.util
from pathlib import Path

import numpy as np

SUBLAYERS = {  # ours: in a step of the benchmarks' network, in the published state_dict (kind and place)
    "widen": ("residual.0", "inv_res_blc{step}", (0, 1)),
    "mix": ("residual.1", "inv_res_blc{step}", (3, 4)),
    "narrow": ("residual.3", "inv_res_blc{step}", (7, 8)),
    "resize": ("resize", "resize_blc{step}", (0, 1)),
}
NORM = ("weight", "bias", "running_mean", "running_var")


def plain_torch(widths, channels=6):
    """The network of benchmarks/torch_dream_cnn.py, dropout off, statistics and scales off their initial values."""
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
    """Copies the weights of `plain_torch` into our built blocks."""
    state = {name: values.numpy() for name, values in network.state_dict().items()}
    for i, convolution in enumerate(first.convolutions):
        convolution.set_weights([kernel(state[f"body.0.convs.{i}.weight"]), state[f"body.0.convs.{i}.bias"]])
    for i, step in enumerate(core.steps, start=1):
        for name, (place, _, _) in SUBLAYERS.items():
            _copy_conv_norm(state, f"body.{i}.{place}", (0, 1), getattr(step, name))
        _copy_gate(state, f"body.{i}.residual.2.gate", step.gate)
    _copy_mapper(state, "head", final)


def copy_published(state_dict, first, core, final):
    """Copies a state_dict in the layout of the published checkpoints into our built blocks."""
    state = {name: values.numpy() for name, values in state_dict.items()}
    for i, convolution in enumerate(first.convolutions):
        weight = state[f"first.conv_list.{i}.conv.weight"][:, [0, 2, 1, 3, 4, 5]]  # A G C T -> A C G T
        convolution.set_weights([kernel(weight), state[f"first.conv_list.{i}.conv.bias"]])
    for i, step in enumerate(core.steps):
        for name, (_, place, numbers) in SUBLAYERS.items():
            _copy_conv_norm(state, f"core.seqextractor.{place.format(step=i)}", numbers, getattr(step, name))
        _copy_gate(state, f"core.seqextractor.inv_res_blc{i}.6.fc", step.gate)
    _copy_mapper(state, "final.mapper.0", final)


def kernel(weight):
    """torch's (outputs, inputs, taps) as Keras's (taps, inputs, outputs)."""
    return np.ascontiguousarray(weight.transpose(2, 1, 0))


def _copy_conv_norm(state, place, numbers, layer):
    convolution, norm = numbers
    layer.convolution.set_weights([kernel(state[f"{place}.{convolution}.weight"])])
    layer.norm.set_weights([state[f"{place}.{norm}.{name}"] for name in NORM])


def _copy_gate(state, place, gate):
    for number, dense in ((0, gate.squeeze), (2, gate.excite)):
        dense.set_weights([state[f"{place}.{number}.weight"].T, state[f"{place}.{number}.bias"]])


def _copy_mapper(state, place, final):
    final.mapper.set_weights([state[f"{place}.weight"][:, :, 0].T, state[f"{place}.bias"]])
