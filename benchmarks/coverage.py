"""Measures the coverage of the conformal prediction intervals of a model, on sequences that were not used for calibration.

    python benchmarks/coverage.py [RUN] [--sequences 5000] [--seed 12345]

RUN is a run folder of `dreamkeras train` on a library written by `dreamkeras simulate`. Coverage is measured on newly simulated sequences
with another seed. The validation sequences of the run, which selected the epoch and calibrated the intervals, are not used.

Without RUN, coverage is measured on the validation sequences of the packaged model: random halves of them calibrate the intervals, and the
other halves measure the coverage. The benchmark also reports the fraction of unusual sequences of each kind. The data is read from the
folder `data` in $DREAMKERAS_DATA.
"""

import argparse
import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import provenance

from dreamkeras.confidence.familiarity import REASONS, Familiarity
from dreamkeras.confidence.intervals import Intervals, measure_intervals
from dreamkeras.confidence.run_file import read_calibration
from dreamkeras.data.assays.registry import ASSAYS
from dreamkeras.data.simulation.library import simulate
from dreamkeras.data.splits.hold_out import split
from dreamkeras.data.splits.names import LEGACY
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
FIFTHS = 5
HALVINGS = 1000
MIDDLE = 80


def _middle(text: str) -> str:
    first = (len(text) - MIDDLE) // 2
    return text[first : first + MIDDLE]


KINDS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "random": ("yeast_gpra/test_subsets/all_random_seqs.csv", "sequence", str),
    "yeast": ("yeast_gpra/test_subsets/yeast_seqs.csv", "sequence", str),
    "human": ("human_lentimpra/test.tsv", "seq", _middle),
    "fly": ("drosophila_starrseq/test.tsv", "Sequence", _middle),
}
"""Files by kind of sequence, each with its column and a function that selects the part to use. Only the first 1,000 human and fly sequences
are used."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--sequences", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=12345)
    arguments = parser.parse_args()
    print(provenance())
    if arguments.run:
        simulated(arguments.run, arguments.sequences, arguments.seed)
    else:
        packaged(Path(os.environ["DREAMKERAS_DATA"]) / "data")


def simulated(run: Path, sequences: int, seed: int) -> None:
    """Prints the coverage of the intervals of a run on newly simulated promoters."""
    model = load(run)
    calibration = dict(model.calibration) or read_calibration(run, model.tasks)
    intervals = Intervals.from_json(calibration["intervals"], model.tasks)
    library = simulate(sequences, seed)
    predicted = model.score_letters(YEAST.windows(library.sequences))
    counts = {task: found.n for task, found in intervals.residuals.items()}
    r = np.corrcoef(predicted[:, 0], library.values)[0, 1]
    print(f"{sequences:,} new promoters, seed {seed}; r {r:.3f}; calibrated on {counts}\n")
    print("level  half width  inside   by fifths of the prediction, lowest first")
    fifth = (FIFTHS * np.argsort(np.argsort(predicted[:, 0]))) // len(predicted)
    for level in LEVELS:
        low, high = (bound[:, 0] for bound in intervals.bounds(predicted, level))
        inside = (library.values >= low) & (library.values <= high)
        parts = " ".join(f"{inside[fifth == part].mean():.3f}" for part in range(FIFTHS))
        print(f"{level:5.2f}  {intervals.half_widths(level)[0]:10.3f}  {inside.mean():.4f}   {parts}")
    if "familiarity" in calibration:
        print("\n" + _unusual(Familiarity.from_json(calibration["familiarity"]), library.sequences))


def packaged(folder: Path) -> None:
    """Prints the coverage of the packaged model's intervals on halves of its validation sequences, and the unusual sequences."""
    model, random = load(), np.random.default_rng(0)
    _, held_out = split(ASSAYS["yeast"].read(folder / "yeast_gpra" / "train.tsv"), 0.1, 0, LEGACY)
    measured, predicted = held_out.targets, model.score_letters(held_out.letters)
    inside = []
    for _ in range(HALVINGS):
        one, other = np.array_split(random.permutation(len(measured)), 2)
        low, high = measure_intervals(measured[one], predicted[one], model.tasks).bounds(predicted[other], 0.95)
        inside.append(((measured[other] >= low) & (measured[other] <= high)).mean())
    print(f"{len(measured)} validation sequences, {HALVINGS} halvings: {np.mean(inside):.4f} inside (sd {np.std(inside):.4f})")
    for kind, (name, column, cut) in KINDS.items():
        with (folder / name).open(newline="") as file:
            rows = csv.DictReader(file, delimiter="," if name.endswith("csv") else "\t")
            texts = [cut(row[column]) for row in rows][: 1000 if cut is not str else None]
        print(f"{kind}: {len(texts):,}; {_unusual(Familiarity.of(model), Ragged.from_strings(texts))}")


def _unusual(familiarity: Familiarity, sequences: Ragged) -> str:
    codes = familiarity.codes(YEAST.inserts(sequences))
    flagged = ", ".join(f"{reason} {(codes >> bit & 1).mean():.2%}" for bit, reason in enumerate(REASONS))
    return f"unusual: {(codes > 0).mean():.2%} ({flagged})"


if __name__ == "__main__":
    main()
