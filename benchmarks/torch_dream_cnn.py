"""DREAM-CNN in plain torch, implemented from the description in the paper, as the reference of the training benchmark."""

from itertools import pairwise

import torch
from torch import nn

WIDTHS = {"dream-cnn": (320, 128, 128, 64, 64, 64, 64), "dream-cnn-small": (80, 32, 32, 16)}
"""Output channels of the first block and of each step of the core."""


class BHIFirst(nn.Module):
    def __init__(self, channels, width, kernels=(9, 15)):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(channels, width // 2, kernel, padding=kernel // 2) for kernel in kernels)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return torch.cat([self.dropout(torch.relu(conv(x))) for conv in self.convs], dim=1)


class SqueezeExcite(nn.Module):
    def __init__(self, inner, hidden):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(inner, hidden), nn.SiLU(), nn.Linear(hidden, inner), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x.mean(dim=2)).unsqueeze(2)


def conv_norm_silu(inputs, outputs, kernel, groups=1):
    conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm1d(outputs), nn.SiLU())


class Step(nn.Module):
    def __init__(self, previous, size):
        super().__init__()
        inner = 4 * size
        self.residual = nn.Sequential(
            conv_norm_silu(previous, inner, 1),
            conv_norm_silu(inner, inner, 7, groups=inner // 2),
            SqueezeExcite(inner, previous // 4),
            conv_norm_silu(inner, previous, 1),
        )
        self.resize = conv_norm_silu(2 * previous, size, 7)

    def forward(self, x):
        return self.resize(torch.cat([x, self.residual(x)], dim=1))


class DreamCNN(nn.Module):
    """The network, from encoded sequences `(batch, channels, length)` to logits `(batch, bins)`."""

    def __init__(self, widths, channels=6, bins=18):
        super().__init__()
        pairs = pairwise(widths)
        self.body = nn.Sequential(BHIFirst(channels, widths[0]), *(Step(previous, size) for previous, size in pairs))
        self.head = nn.Conv1d(widths[-1], bins, 1)

    def forward(self, x):
        return self.head(self.body(x)).mean(dim=2)
