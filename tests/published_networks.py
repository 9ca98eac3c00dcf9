"""The DREAM models in plain torch, with the tensor names of the published state_dicts and random weights."""

import itertools
import math

import numpy as np
import pytest

from dreamkeras.sequence.alphabet import ONE_HOT

torch = pytest.importorskip("torch")  # pytest imports every file to collect doctests
nn, functional = torch.nn, torch.nn.functional


class Scanner(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.conv = nn.Conv1d(channels, 160, size, padding="same")

    def forward(self, features):
        return torch.relu(self.conv(features))


class Scanners(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv_list = nn.ModuleList([Scanner(channels, size) for size in (9, 15)])

    def forward(self, features):
        return torch.cat([scanner(features) for scanner in self.conv_list], dim=1)


class Recurrent(Scanners):
    def __init__(self, channels):
        super().__init__(640)
        self.lstm = nn.LSTM(channels, 320, batch_first=True, bidirectional=True)

    def forward(self, features):
        return super().forward(self.lstm(features.transpose(1, 2))[0].transpose(1, 2))


def conv_norm(inputs, outputs, size, groups=1):
    return nn.Conv1d(inputs, outputs, size, padding="same", bias=False, groups=groups), nn.BatchNorm1d(outputs), nn.SiLU()


class Gate(nn.Module):
    def __init__(self, inner, hidden):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(inner, hidden), nn.SiLU(), nn.Linear(hidden, inner), nn.Sigmoid())

    def forward(self, features):
        return features * self.fc(features.mean(2))[:, :, None]


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        widths = [channels, 128, 128, 64, 64, 64, 64]
        self.seqextractor = nn.ModuleDict()
        for i, (before, after) in enumerate(itertools.pairwise(widths)):
            inner = 4 * after
            step = (*conv_norm(before, inner, 1), *conv_norm(inner, inner, 7, inner // 2), Gate(inner, before // 4))
            self.seqextractor[f"inv_res_blc{i}"] = nn.Sequential(*step, *conv_norm(inner, before, 1))
            self.seqextractor[f"resize_blc{i}"] = nn.Sequential(*conv_norm(2 * before, after, 7))

    def forward(self, features):
        for i in range(6):
            mixed = self.seqextractor[f"inv_res_blc{i}"](features)
            features = self.seqextractor[f"resize_blc{i}"](torch.cat([features, mixed], dim=1))
        return features


class Normed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = nn.Sequential(*conv_norm(channels, 256, 7))

    def forward(self, features):
        return self.block(features)


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.layernorm = nn.LayerNorm(256, eps=1e-6)
        self.linear1, self.linear2 = nn.Linear(256, 1024, bias=False), nn.Linear(512, 256, bias=False)

    def forward(self, features):
        values, gate = self.linear1(self.layernorm(features)).chunk(2, dim=-1)
        return self.linear2(values * functional.silu(gate))


class Conformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.ff1, self.ff2 = FeedForward(), FeedForward()
        self.layernorm1, self.layernorm2 = nn.LayerNorm(256, eps=1e-6), nn.LayerNorm(256, eps=1e-6)
        along = nn.Conv1d(256, 256, 15, padding="same", groups=256, bias=False)
        self.conv = nn.Sequential(along, nn.Conv1d(256, 256, 1), nn.ReLU())
        self.attn = nn.MultiheadAttention(256, 4, batch_first=True)

    def forward(self, features):
        features = features + self.ff1(features) / 2
        normed = self.layernorm1(features)
        features = features + normed + self.conv(normed.transpose(1, 2)).transpose(1, 2)
        features = self.layernorm2(features)
        features = features + self.attn(features, features, features, need_weights=False)[0]
        return features + self.ff2(features) / 2


class Attention(nn.Module):
    def __init__(self, channels, length):
        super().__init__()
        self.blocks = nn.ModuleList([Conformer() for _ in range(4)])
        self.pos_embedding = nn.Embedding(length, channels)

    def forward(self, features):
        features = features.transpose(1, 2) + self.pos_embedding.weight
        for block in self.blocks:
            features = block(features)
        return features.transpose(1, 2)


class Regression(nn.Module):
    """Regression head. Its layers are named mapper and linear for one task, and mapper1, linear1, mapper2 and linear2 for two tasks."""

    def __init__(self, channels, tasks):
        super().__init__()
        self.numbers = [""] if tasks == 1 else [str(i + 1) for i in range(tasks)]
        for number in self.numbers:
            self.add_module(f"mapper{number}", nn.Conv1d(channels, 256, 1))
            self.add_module(f"linear{number}", nn.Sequential(nn.Linear(256, 1)))

    def forward(self, features):
        branches = [(getattr(self, f"mapper{number}"), getattr(self, f"linear{number}")) for number in self.numbers]
        return torch.cat([linear(mapper(features).mean(2)) for mapper, linear in branches], dim=1)


class Bins(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.mapper = nn.Sequential(nn.Conv1d(channels, 18, 1))
        self.register_buffer("bins", torch.arange(18))

    def forward(self, features):
        return (self.mapper(features).mean(2).softmax(1) * self.bins).sum(1, keepdim=True)


def published_network(model, assay, seed=0):
    """Builds a DREAM model for an assay in evaluation mode."""
    construct, channels = assay.construct, 4 + len(assay.construct.flags)
    width = {"dream-cnn": 64, "dream-rnn": 320, "dream-attn": 256}[model]
    network = nn.Module()
    network.first = Normed(channels) if model == "dream-attn" else Scanners(channels)
    network.core = {
        "dream-cnn": lambda: Residual(320),
        "dream-rnn": lambda: Recurrent(320),
        "dream-attn": lambda: Attention(256, construct.length),
    }[model]()
    network.final = Bins(width) if assay.bins else Regression(width, len(assay.tasks))
    torch.manual_seed(seed)
    for name, values in network.state_dict().items():
        if values.is_floating_point():
            _draw(name, values)
    return network.eval()


def _draw(name, values):
    """Draws scales around 1, and kernels large enough that changing one base changes the prediction noticeably."""
    is_scale = name.endswith("weight") and values.ndim == 1
    if is_scale or name.endswith("running_var"):
        values.uniform_(0.5, 1.5)
    elif values.ndim < 2:
        values.normal_(0, 0.1)
    else:
        values.normal_(0, 1.3 / math.sqrt(values[0].numel()))


def answer(network, letters, flags):
    """Returns the predictions for windows uint8 (n, length) with flags float32 (n, flags)."""
    bases = ONE_HOT[letters][:, :, [0, 2, 1, 3]]  # A G C T
    channels = np.concatenate([bases, np.repeat(flags[:, None], letters.shape[1], axis=1)], axis=-1)
    features = torch.tensor(channels.astype(np.float32)).transpose(1, 2)
    with torch.no_grad():
        return network.final(network.core(network.first(features))).numpy()
