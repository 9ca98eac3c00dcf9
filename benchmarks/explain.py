"""Tests whether mutagenesis recovers planted sites in held-out promoters, with a network trained on a simulated library.

    python benchmarks/explain.py [--run RUN] [--promoters 50000] [--sites 2] [--epochs 4] [--held-out 200] [--seed 0]

A held-out promoter is a random promoter of another seed with one perfect site of one factor, planted at a random position and strand. Only
promoters are used in which mutagenesis of the simulator, without noise, has the most important base inside the planted site. The benchmark
prints the fraction of these promoters in which the network's most important base is inside the planted site, too. The training library has
`--sites` planted sites in each promoter. With `--sites 0`, it is the library of `dreamkeras simulate`, where sites occur by chance.
"""

import argparse
import itertools
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import provenance

from dreamkeras.data.simulation.files import write_library
from dreamkeras.data.simulation.library import LENGTHS, Library, expression, simulate
from dreamkeras.data.simulation.motifs import YEAST_FACTORS
from dreamkeras.data.simulation.occupancy import occupancy
from dreamkeras.data.simulation.sorting import measure
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.scoring.predictor import load
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.alphabet import BASES, IUPAC, N, reverse_complement
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

GIVEN = Construct(
    "simulated",
    length=len(YEAST.left_adapter) + max(LENGTHS) + 40 + len(YEAST.right_adapter),
    left_adapter=YEAST.left_adapter,
    right_adapter=YEAST.right_adapter,
)
"""The construct of the simulator, which includes the adapters but no flanks."""


class Simulator(Scorer):
    """A scorer that returns the simulator's expression without noise."""

    name, constructs, tasks, units, has_spread = "simulator", (GIVEN,), ("expression",), ("bins",), False

    def score_windows(self, windows, batch_size=64, progress=None):
        (letters,) = windows
        first = (letters != N).argmax(1)
        inside = np.arange(letters.shape[1]) >= first[:, None]
        return expression(occupancy(Ragged.from_lengths(letters[inside], inside.sum(1))))[:, None].astype(np.float32)


class Planted(NamedTuple):
    """Promoters with planted sites: the factor, and the start and end in the insert, of the last planted site, int64 (n,)."""

    sequences: Ragged
    factor: np.ndarray
    start: np.ndarray
    end: np.ndarray


def plant(sequences: Ragged, sites: int, generator: np.random.Generator) -> Planted:
    """Plants `sites` perfect sites of random factors in each promoter, at random positions and strands. Sites can overwrite others."""
    flat = sequences.flat.copy()
    starts, lengths = YEAST.find_inserts(sequences)[:2]
    last = np.zeros((3, len(sequences)), np.int64)
    for row in np.repeat(np.arange(len(sequences)), sites):
        number = generator.integers(len(YEAST_FACTORS))
        letters = np.frombuffer(
            "".join(generator.choice(list(IUPAC[code] or BASES)) for code in YEAST_FACTORS[number].site).encode(), np.uint8
        )
        if generator.random() < 0.5:
            letters = reverse_complement(letters)
        place = generator.integers(lengths[row] - len(letters) + 1)
        flat[starts[row] + place :][: len(letters)] = letters
        last[:, row] = number, place, place + len(letters)
    return Planted(Ragged(flat, sequences.offsets), *last)


def train(options: argparse.Namespace, folder: Path) -> Path:
    """Trains a network on a simulated library with planted sites and returns the run folder."""
    plain = simulate(options.promoters, options.seed)
    generator = np.random.default_rng(options.seed)
    sequences = plant(plain.sequences, options.sites, generator).sequences
    bound = occupancy(sequences)
    truth = expression(bound)
    write_library(Library(sequences, measure(truth, generator), truth, bound, plain.factors), str(folder / "library.tsv"))
    run = folder / "run"
    command = (sys.executable, "-c", "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')", "train", folder / "library.tsv")
    choices = ("--assay", "yeast", "--model", options.model, "--epochs", options.epochs, "--batch-size", options.batch_size, "--out", run)
    subprocess.run([*map(str, (*command, *choices))], check=True)
    return run


def top_letters(records: Records, scorer: Scorer) -> np.ndarray:
    """Returns int64 (n,), the position of the most important base of each insert, by absolute value."""
    found = mutagenesis(records, scorer)
    size = np.abs(found.importance()[:, 0])
    cuts = found.inserts.offsets
    return np.array([size[first:last].argmax() for first, last in itertools.pairwise(cuts)])


def held_out(number: int, seed: int) -> tuple[Planted, float]:
    """Returns promoters whose planted site contains the most important base of the simulator, and the fraction of such promoters."""
    generator = np.random.default_rng(seed)
    promoters = plant(simulate(4 * number, seed).sequences, 1, generator)
    top = top_letters(as_records(promoters.sequences), Simulator())
    matters = np.flatnonzero((promoters.start <= top) & (top < promoters.end))
    kept = matters[:number]
    if len(kept) < number:
        raise SystemExit(f"Expected {number} promoters with the most important base in the planted site, got {len(kept)}.")
    return Planted(promoters.sequences.select(kept), *(column[kept] for column in promoters[1:])), len(matters) / len(top)


def as_records(sequences: Ragged) -> Records:
    numbers = np.arange(1, len(sequences) + 1)
    return Records(list(map(str, numbers)), sequences, numbers, "simulated")


def report(planted: Planted, top: np.ndarray, share: float) -> None:
    inside = (planted.start <= top) & (top < planted.end)
    chance = ((planted.end - planted.start) / YEAST.find_inserts(planted.sequences).lengths).mean()
    print(f"simulator's most important base in the planted site   {share:.3f} of random promoters; {len(top)} of these are used")
    print(f"network's most important base in the planted site     {inside.mean():.3f}; by chance {chance:.3f}")
    for number, factor in enumerate(YEAST_FACTORS):
        of = planted.factor == number
        print(f"    {factor.name:6} {factor.site:16} {inside[of].sum():3} of {of.sum():3}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="Use this run folder or .onnx file instead of training.")
    parser.add_argument("--folder", type=Path, default=Path("explain"), help="Folder for the run and its library.")
    parser.add_argument("--promoters", type=int, default=50_000)
    parser.add_argument("--sites", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--model", default="dream-cnn-small")
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(provenance(), flush=True)
    planted, share = held_out(options.held_out, options.seed + 1_000_000)
    if not options.run:
        options.folder.mkdir(parents=True, exist_ok=True)
    run = options.run or train(options, options.folder)
    report(planted, top_letters(as_records(planted.sequences), load(run)), share)


if __name__ == "__main__":
    main()
