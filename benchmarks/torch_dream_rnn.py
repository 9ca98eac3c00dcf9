"""DREAM-RNN in plain torch, implemented from the description in the paper, as a reference for the training benchmark and the tests."""

from torch import nn
from torch_dream_cnn import BHIFirst

WIDTHS = {"dream-rnn": (320, 320, 320), "dream-rnn-small": (64, 64, 64)}
"""Number of channels of the first block, of LSTM units in each direction, and of channels of the core."""


class BHICore(nn.Module):
    def __init__(self, channels, units, width):
        super().__init__()
        self.lstm = nn.LSTM(channels, units, batch_first=True, bidirectional=True)
        self.scanners = BHIFirst(2 * units, width)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        read, _ = self.lstm(x.transpose(1, 2))
        return self.dropout(self.scanners(read.transpose(1, 2)))


class DreamRNN(nn.Module):
    """The network, from encoded sequences `(batch, channels, length)` to logits `(batch, bins)`."""

    def __init__(self, widths, channels=6, bins=18):
        super().__init__()
        first, units, core = widths
        self.body = nn.Sequential(BHIFirst(channels, first), BHICore(first, units, core))
        self.head = nn.Conv1d(core, bins, 1)

    def forward(self, x):
        return self.head(self.body(x)).mean(dim=2)
