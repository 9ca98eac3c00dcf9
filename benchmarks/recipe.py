"""Trains with autosome's recipe in a plain torch loop on yeast promoters, as a reference for the validation r of `dreamkeras train`.

    python benchmarks/recipe.py promoters.tsv [--model dream-cnn-small] [--steps 1000] [--seeds 0,1,2]

The split and the validation are those of `dreamkeras train`: predictions are averaged over both strands after each epoch, and the best
epoch is reported. Network, batch order, loss and optimiser are implemented in torch. Weights are initialised as by the teams' trainers, or
with `--torch-init` by torch's defaults.
"""

import argparse
import math
import statistics
import time

import numpy as np
import torch
from machine import provenance
from torch import nn
from torch_step import channels, divergence, plain_torch

from dreamkeras.data.assays import yeast
from dreamkeras.data.splits.hold_out import split
from dreamkeras.sequence.alphabet import reverse_complement


@torch.no_grad()
def initialise(module):
    """Initialises convolutions by He's rule with the fan-out, dense layers close to zero, and biases to zero."""
    if isinstance(module, nn.Conv1d):
        module.weight.normal_(0, math.sqrt(2 / (module.kernel_size[0] * module.out_channels)))
    elif isinstance(module, nn.Linear):
        module.weight.normal_(0, 0.001)
    if isinstance(module, nn.Conv1d | nn.Linear) and module.bias is not None:
        module.bias.zero_()


@torch.no_grad()
def validation_r(model, examples):
    model.eval()
    bins, total = torch.arange(18.0), torch.zeros(len(examples))
    for reverse, letters in enumerate((examples.letters, reverse_complement(examples.letters))):
        flags = torch.tensor([[reverse, 0.0]]).expand(len(letters), -1)
        total += torch.softmax(model(channels(torch.tensor(letters), flags)), dim=1) @ bins
    model.train()
    return float(np.corrcoef(total, examples.targets[:, 0])[0, 1])


def train(options, training, validation, seed):
    torch.manual_seed(seed)
    generator, model, count = np.random.default_rng(seed), plain_torch(options.model), len(training)
    if not options.torch_init:
        model.apply(initialise)
    per_epoch = math.ceil(2 * count / options.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.rate, total_steps=options.steps)
    single = training.targets[:, 0] % 1 == 0
    best, done = -1.0, 0
    while done < options.steps:
        order = np.array_split(generator.permutation(2 * count), per_epoch)
        for index in order[: options.steps - done]:
            rows, turned = index % count, index >= count
            letters = training.letters[rows]
            letters[turned] = reverse_complement(letters[turned])
            flags = torch.tensor(np.stack([turned, single[rows]], axis=1), dtype=torch.float32)
            loss = divergence(model(channels(torch.tensor(letters), flags)), torch.tensor(training.targets[rows]))
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
    parser.add_argument("--model", default="dream-cnn-small")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--torch-init", action="store_true")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split-seed", type=int, default=0)
    options = parser.parse_args()
    print(provenance())
    training, validation = split(yeast.read(options.data), 0.1, options.split_seed, "auto")
    found = []
    for seed in map(int, options.seeds.split(",")):
        started = time.perf_counter()
        found.append(train(options, training, validation, seed))
        print(f"{options.model}, {options.steps} steps, seed {seed}: validation r {found[-1]:.4f}, {time.perf_counter() - started:.0f} s")
    print(f"mean of {len(found)} seeds: {statistics.mean(found):.4f}, sd {statistics.stdev(found):.4f}" if found[1:] else "")


if __name__ == "__main__":
    main()
