"""DREAM-Attn in plain torch, implemented from the description in the paper, as the reference of the training benchmark."""

import torch
from torch import nn

WIDTHS = {"dream-attn": (256, 4), "dream-attn-small": (64, 2)}
"""Number of channels and of Conformer blocks."""


class FeedForward(nn.Module):
    def __init__(self, channels, expansion=4, dropout=0.1):
        super().__init__()
        inner = expansion * channels // 2
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, 2 * inner, bias=False)
        self.narrow = nn.Linear(inner, channels, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        values, gate = self.widen(self.norm(x)).chunk(2, dim=2)
        return self.dropout(self.narrow(self.dropout(values * nn.functional.silu(gate))))


class Convolution(nn.Module):
    def __init__(self, channels, kernel_size=15, dropout=0.1):
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel_size, padding="same", groups=channels, bias=False)
        self.pointwise = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(torch.relu(self.pointwise(self.depthwise(x.transpose(1, 2))))).transpose(1, 2)


class Conformer(nn.Module):
    def __init__(self, channels, heads=4, dropout=0.1):
        super().__init__()
        self.feed_in = FeedForward(channels, dropout=dropout)
        self.convolution_norm = nn.LayerNorm(channels, eps=1e-6)
        self.convolution = Convolution(channels, dropout=dropout)
        self.attention_norm = nn.LayerNorm(channels, eps=1e-6)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.feed_out = FeedForward(channels, dropout=dropout)

    def forward(self, x):
        x = x + 0.5 * self.feed_in(x)
        normed = self.convolution_norm(x)
        x = self.attention_norm(x + normed + self.convolution(normed))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return x + 0.5 * self.feed_out(x)


class DreamAttn(nn.Module):
    """The network, from encoded sequences `(batch, channels, length)` to logits `(batch, bins)`."""

    def __init__(self, widths, length=150, channels=6, bins=18):
        super().__init__()
        width, blocks = widths
        scan = nn.Conv1d(channels, width, 7, padding=3, bias=False)
        self.first = nn.Sequential(scan, nn.BatchNorm1d(width), nn.SiLU())
        self.positions = nn.Parameter(torch.randn(length, width))
        self.core = nn.Sequential(*(Conformer(width) for _ in range(blocks)))
        self.head = nn.Conv1d(width, bins, 1)

    def forward(self, x):
        x = self.core(self.first(x).transpose(1, 2) + self.positions)
        return self.head(x.transpose(1, 2)).mean(dim=2)
