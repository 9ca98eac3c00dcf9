"""The plain torch DREAM-Attn of the benchmarks, and functions that copy its weights to dreamkeras's blocks."""

import importlib.util
from pathlib import Path

from torch_networks import NORM, kernel


def plain_torch(widths, length, channels=6):
    """Builds the network of benchmarks/torch_dream_attn.py without dropout and with random statistics and scales."""
    import torch

    path = Path(__file__).parents[1] / "benchmarks" / "torch_dream_attn.py"
    spec = importlib.util.spec_from_file_location("torch_dream_attn", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    network = module.DreamAttn(widths, length, channels)
    for name, values in network.state_dict().items():
        if "running" in name or "norm.weight" in name:
            values.uniform_(0.5, 1.5)
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return network


def copy_plain(network, first, core, final):
    """Copies the weights of `plain_torch` to built Keras blocks."""
    state = {name: values.numpy() for name, values in network.state_dict().items()}
    first.scan.convolution.set_weights([kernel(state["first.0.weight"])])
    first.scan.norm.set_weights([state[f"first.1.{name}"] for name in NORM])
    core.positions.assign(state["positions"])
    for i, block in enumerate(core.conformer):
        copy_conformer({name: state[f"core.{i}.{name}"] for name in network.core[i].state_dict()}, block)
    final.mapper.set_weights([state["head.weight"][:, :, 0].T, state["head.bias"]])


def copy_conformer(state, block):
    """Copies the arrays of one `Conformer` to a built ConformerBlock."""
    for name in ("feed_in", "feed_out"):
        feed = getattr(block, name)
        feed.norm.set_weights([state[f"{name}.norm.weight"], state[f"{name}.norm.bias"]])
        feed.widen.set_weights([state[f"{name}.widen.weight"].T])
        feed.narrow.set_weights([state[f"{name}.narrow.weight"].T])
    for name in ("convolution_norm", "attention_norm"):
        getattr(block, name).set_weights([state[f"{name}.weight"], state[f"{name}.bias"]])
    block.convolution.depthwise.set_weights([kernel(state["convolution.depthwise.weight"])])
    block.convolution.pointwise.set_weights([state["convolution.pointwise.weight"][:, :, 0].T, state["convolution.pointwise.bias"]])
    block.attention.ask.set_weights([state["attention.in_proj_weight"].T, state["attention.in_proj_bias"]])
    block.attention.answer.set_weights([state["attention.out_proj.weight"].T, state["attention.out_proj.bias"]])
