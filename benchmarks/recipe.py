"""autosome's recipe as a plain torch loop on yeast promoters: the validation r that dreamkeras has to reach in as many steps.

    python benchmarks/recipe.py promoters.tsv [--model dream-cnn-small] [--steps 1000] [--seeds 0,1,2]

Splits as `dreamkeras train` does with the same split seed, and validates as it does: the mean of both strands, after each
epoch, the best epoch counts. Network, initial weights, order, loss and optimiser are torch's own.
"""

import argparse
import math
import statistics
import time

import numpy as np
import torch
from machine import provenance
from torch.nn import functional
from torch_dream_cnn import WIDTHS as CNN
from torch_dream_cnn import DreamCNN
from torch_dream_rnn import WIDTHS as RNN
from torch_dream_rnn import DreamRNN

from dreamkeras.data import yeast
from dreamkeras.data.examples import split
from dreamkeras.sequence.alphabet import ONE_HOT, reverse_complement

TABLE, EDGES = torch.tensor(ONE_HOT), torch.arange(1, 18)


def build(name):
    return DreamCNN(CNN[name]) if name in CNN else DreamRNN(RNN[name])


def encoded(letters, reverse, single):
    """Channels `(batch, 6, length)` of letters, read on one strand."""
    flags = torch.stack([torch.as_tensor(reverse, dtype=torch.float32), torch.as_tensor(single, dtype=torch.float32)], dim=1)
    rows = TABLE[torch.tensor(letters).int()]
    return torch.cat([rows, flags[:, None].expand(-1, letters.shape[1], -1)], dim=2).transpose(1, 2)


def divergence(logits, targets):
    below = torch.special.ndtr((EDGES - targets[:, None] - 0.5) / 0.5)
    labels = torch.diff(below, dim=1, prepend=torch.zeros(len(targets), 1), append=torch.ones(len(targets), 1))
    return functional.kl_div(functional.log_softmax(logits, dim=1), labels, reduction="batchmean")


@torch.no_grad()
def validation_r(model, examples):
    model.eval()
    bins, total = torch.arange(18.0), torch.zeros(len(examples))
    none = np.zeros(len(examples))
    for reverse, letters in ((none, examples.letters), (none + 1, reverse_complement(examples.letters))):
        total += torch.softmax(model(encoded(letters, reverse, none)), dim=1) @ bins
    model.train()
    return float(np.corrcoef(total, examples.targets[:, 0])[0, 1])


def train(options, training, validation, seed):
    torch.manual_seed(seed)
    generator, model, count = np.random.default_rng(seed), build(options.model), len(training)
    per_epoch = math.ceil(2 * count / options.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.rate, total_steps=options.steps)
    single = training.targets[:, 0] == np.round(training.targets[:, 0])
    best, done = -1.0, 0
    while done < options.steps:
        order = np.array_split(generator.permutation(2 * count), per_epoch)
        for index in order[: options.steps - done]:
            rows, turned = index % count, index >= count
            letters = training.letters[rows]
            letters[turned] = reverse_complement(letters[turned])
            loss = divergence(model(encoded(letters, turned, single[rows])), torch.tensor(training.targets[rows, 0]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1
        best = max(best, validation_r(model, validation))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model", default="dream-cnn-small", choices=[*CNN, *RNN])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split-seed", type=int, default=0)
    options = parser.parse_args()
    print(provenance())
    training, validation = split(yeast.read(options.data), 0.1, options.split_seed)
    found = []
    for seed in map(int, options.seeds.split(",")):
        started = time.perf_counter()
        found.append(train(options, training, validation, seed))
        print(f"{options.model}, {options.steps} steps, seed {seed}: validation r {found[-1]:.4f}, {time.perf_counter() - started:.0f} s")
    print(f"mean of {len(found)} seeds: {statistics.mean(found):.4f}, sd {statistics.stdev(found):.4f}" if found[1:] else "")


if __name__ == "__main__":
    main()
