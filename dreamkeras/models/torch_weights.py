"""Tables that map the torch tensors of the published DREAM models to the variables of the networks in this package.

`torch_files` reads the files.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal, AutosomeFirst
from dreamkeras.layers.blocks.bhi import BHICore, BHIFirst
from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.layers.blocks.unlockdna import UnlockDNACore
from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["assign_state_dict"]

COUNTERS = ".num_batches_tracked"
"""Suffix of the keys of batch counters. Predictions do not depend on these counters."""

BINS = "final.bins"


class TorchWeight(NamedTuple):
    """Variable of the network and the torch tensor that contains its values.

    Args:
        variable: Path of the variable in the network. `{i}` stands for the index of a repeated part.
        key: Name of the torch tensor. `{i}` stands for the index of a repeated part.
        turn: Function that converts the tensor to the values of the variable.
    """

    variable: str
    key: str
    turn: Callable[..., np.ndarray]


def same(values):
    """Returns the values unchanged."""
    return values


def kernel(weight):
    """Converts a convolution kernel `(outputs, inputs, taps)` to `(taps, inputs, outputs)`."""
    return weight.transpose(2, 1, 0)


def letter_kernel(weight):
    """Converts the kernel of a convolution over encoded bases: transposes it and reorders its channels from A G C T to A C G T."""
    return kernel(weight[:, [0, 2, 1, *range(3, weight.shape[1])]])


def pointwise(weight):
    """Converts the kernel of a convolution with one tap, `(outputs, inputs, 1)`, to a dense kernel `(inputs, outputs)`."""
    return weight.squeeze(2).T


def dense(weight):
    """Transposes a dense kernel `(outputs, inputs)` to `(inputs, outputs)`.

    The kernels of an LSTM are not reordered, because torch and Keras store the gates in the same order.
    """
    return weight.T


def conv_norm(variable: str, convolution: str, norm: str, turn: Callable[..., np.ndarray] = kernel) -> list[TorchWeight]:
    """Returns the table rows for a convolution without bias and the following batch normalisation, including its statistics."""
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    rows = [TorchWeight(f"{variable}.norm.{ours}", f"{norm}.{theirs}", same) for ours, theirs in names.items()]
    return [TorchWeight(f"{variable}.convolution.kernel", f"{convolution}.weight", turn), *rows]


def with_bias(
    variable: str, key: str, turn: Callable[..., np.ndarray], kernel_name: str = "kernel", bias_name: str = "bias"
) -> list[TorchWeight]:
    """Returns the table rows for the kernel and bias of a layer."""
    return [TorchWeight(f"{variable}.{kernel_name}", f"{key}.weight", turn), TorchWeight(f"{variable}.{bias_name}", f"{key}.bias", same)]


def direction(number: int, suffix: str) -> list[TorchWeight]:
    """Returns the table rows for one direction of the LSTM: kernel, recurrent kernel, bias and recurrent bias."""
    turns = {"weight_ih": dense, "weight_hh": dense, "bias_ih": same, "bias_hh": same}
    return [
        TorchWeight(f"core.lstm.directions.{number}.{i}", f"core.lstm.{key}_l0{suffix}", turn)
        for i, (key, turn) in enumerate(turns.items())
    ]


def feed_forward(name: str, key: str) -> list[TorchWeight]:
    """Returns the table rows for one of the two feed-forward layers of a Conformer block."""
    ours, theirs = f"core.conformer.{{i}}.{name}", f"core.blocks.{{i}}.{key}"
    return [
        *with_bias(f"{ours}.norm", f"{theirs}.layernorm", same, "gamma", "beta"),
        TorchWeight(f"{ours}.widen.kernel", f"{theirs}.linear1.weight", dense),
        TorchWeight(f"{ours}.narrow.kernel", f"{theirs}.linear2.weight", dense),
    ]


BHI_FIRST = [row for i in (0, 1) for row in with_bias(f"first.convolutions.{i}", f"first.conv_list.{i}.conv", letter_kernel)]

AUTOSOME_FIRST = conv_norm("first.scan", "first.block.0", "first.block.1", letter_kernel)

BHI_CORE = [
    *direction(0, ""),
    *direction(1, "_reverse"),
    *(row for i in (0, 1) for row in with_bias(f"core.scanners.convolutions.{i}", f"core.conv_list.{i}.conv", kernel)),
]

RESIDUAL, RESIZE = "core.seqextractor.inv_res_blc{i}", "core.seqextractor.resize_blc{i}"

AUTOSOME_STEP = [
    *conv_norm("core.steps.{i}.widen", f"{RESIDUAL}.0", f"{RESIDUAL}.1"),
    *conv_norm("core.steps.{i}.mix", f"{RESIDUAL}.3", f"{RESIDUAL}.4"),
    *with_bias("core.steps.{i}.gate.squeeze", f"{RESIDUAL}.6.fc.0", dense),
    *with_bias("core.steps.{i}.gate.excite", f"{RESIDUAL}.6.fc.2", dense),
    *conv_norm("core.steps.{i}.narrow", f"{RESIDUAL}.7", f"{RESIDUAL}.8"),
    *conv_norm("core.steps.{i}.resize", f"{RESIZE}.0", f"{RESIZE}.1"),
]

POSITIONS = TorchWeight("core.positions", "core.pos_embedding.weight", same)

CONFORMER, BLOCK = "core.conformer.{i}", "core.blocks.{i}"

UNLOCKDNA_BLOCK = [
    *feed_forward("feed_in", "ff1"),
    *with_bias(f"{CONFORMER}.convolution_norm", f"{BLOCK}.layernorm1", same, "gamma", "beta"),
    TorchWeight(f"{CONFORMER}.convolution.depthwise.kernel", f"{BLOCK}.conv.0.weight", kernel),
    *with_bias(f"{CONFORMER}.convolution.pointwise", f"{BLOCK}.conv.1", pointwise),
    *with_bias(f"{CONFORMER}.attention_norm", f"{BLOCK}.layernorm2", same, "gamma", "beta"),
    TorchWeight(f"{CONFORMER}.attention.ask.kernel", f"{BLOCK}.attn.in_proj_weight", dense),
    TorchWeight(f"{CONFORMER}.attention.ask.bias", f"{BLOCK}.attn.in_proj_bias", same),
    *with_bias(f"{CONFORMER}.attention.answer", f"{BLOCK}.attn.out_proj", dense),
    *feed_forward("feed_out", "ff2"),
]

BINS_FINAL = with_bias("final.mapper", "final.mapper.0", pointwise)


def branch(i: int, number: str) -> list[TorchWeight]:
    """Returns the table rows for one task's branch of autosome's regression block.

    `number` is the suffix of the branch in the reference implementation.
    """
    mapper, linear = f"final.mapper{number}", f"final.linear{number}.0"
    return [*with_bias(f"final.mappers.{i}", mapper, pointwise), *with_bias(f"final.linears.{i}", linear, dense)]


TABLES: dict[type, Callable[[Any], list[TorchWeight]]] = {
    BHIFirst: lambda _: BHI_FIRST,
    AutosomeFirst: lambda _: AUTOSOME_FIRST,
    BHICore: lambda _: BHI_CORE,
    AutosomeCore: lambda block: counted(AUTOSOME_STEP, len(block.steps)),
    UnlockDNACore: lambda block: [POSITIONS, *counted(UNLOCKDNA_BLOCK, len(block.conformer))],
    AutosomeFinal: lambda _: BINS_FINAL,
    AutosomeRegressionFinal: lambda block: branch(0, "") if block.tasks == 1 else branch(0, "1") + branch(1, "2"),
}
"""Maps each class of block with published weights to the function that returns the table rows of the class."""


def counted(rows: Sequence[TorchWeight], count: int) -> list[TorchWeight]:
    """Repeats the table rows for `count` parts with the same layers."""
    return [TorchWeight(row.variable.format(i=i), row.key.format(i=i), row.turn) for i in range(count) for row in rows]


def assign_state_dict(model: PrixFixe, state: Mapping[str, np.ndarray]) -> None:
    """Assigns the published weights of the reference implementation to a network with the same blocks.

    Args:
        model: A network whose blocks are all in `TABLES`. The network stays unchanged if the weights do not fit.
        state: Tensors by name, as returned by `torch_files.read_state_dict`.

    Raises:
        ModelError: A tensor is missing, unknown, of the wrong shape or not finite, or the weights have other sorting bins than the network.
            The message names the tensor.
    """
    rows = _rows(model)
    _check_keys(model, rows, state)
    if isinstance(model.final, AutosomeFinal) and not np.array_equal(state[BINS], np.arange(model.final.bins)):
        raise ModelError(f"Expected {BINS} to be 0 to {model.final.bins - 1}, got {np.ravel(state[BINS])[:20].tolist()}.")
    values = [(_variable(model, row.variable), _values(model, row, state)) for row in rows]
    for variable, array in values:
        variable.assign(array)


def _rows(model: PrixFixe) -> list[TorchWeight]:
    blocks = (model.first, model.core, model.final)
    for block in blocks:
        if type(block) not in TABLES:
            raise ModelError(f"No weights are published for the block {type(block).__name__} of {model.name}.")
    return [row for block in blocks for row in TABLES[type(block)](block)]


def _check_keys(model: PrixFixe, rows: list[TorchWeight], state: Mapping[str, np.ndarray]) -> None:
    wanted = [row.key for row in rows] + ([BINS] if isinstance(model.final, AutosomeFinal) else [])
    missing = [key for key in wanted if key not in state]
    unknown = [key for key in state if key not in wanted and not key.endswith(COUNTERS)]
    if missing or unknown:
        came = [f"{what} {_listed(keys)}" for what, keys in (("missing", missing), ("unexpected", unknown)) if keys]
        raise ModelError(f"The weights are not those of {model.name} for {model.construct.name}: {'; '.join(came)}.")


def _values(model: PrixFixe, row: TorchWeight, state: Mapping[str, np.ndarray]) -> np.ndarray:
    tensor, wanted = np.asarray(state[row.key], np.float32), tuple(_variable(model, row.variable).shape)
    try:
        values = row.turn(tensor)
    except (ValueError, IndexError):  # the tensor has a different number of dimensions
        values = np.empty(0)
    if values.shape != wanted:
        raise ModelError(f"The tensor {row.key} of shape {tensor.shape} does not fit the variable {row.variable} of shape {wanted}.")
    if not np.isfinite(values).all():
        raise ModelError(f"The tensor {row.key} contains {'NaN' if np.isnan(values).any() else 'an infinite value'}.")
    return values


def _variable(model: PrixFixe, place: str) -> Any:
    """Returns the variable at a path such as `core.steps.0.widen.norm.gamma`."""
    found: Any = model
    for name in place.split("."):
        found = found[int(name)] if name.isdecimal() else getattr(found, name)
    return found


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(map(repr, keys[:3])) + more
