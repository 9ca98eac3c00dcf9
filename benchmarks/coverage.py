"""How many measurements of fresh sequences fall into the conformal intervals of a model that was trained on a simulated library.

    python benchmarks/coverage.py RUN [--sequences 5000] [--seed 12345]

RUN is a run folder of `dreamkeras train` on what `dreamkeras simulate` wrote with another seed. Its epoch was chosen by the same validation
sequences that its intervals are made of; those here played no part in anything.
"""

import argparse
from pathlib import Path

import numpy as np
from machine import provenance

from dreamkeras.analysis.conformal import Calibration
from dreamkeras.analysis.familiarity import REASONS, Familiarity
from dreamkeras.data.simulate import simulate
from dreamkeras.export.held_against import read_yardstick
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
FIFTHS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sequences", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=12345)
    arguments = parser.parse_args()
    print(provenance())
    model = load(arguments.run)
    yardstick = dict(model.yardstick) or read_yardstick(arguments.run, model.tasks)
    calibration = Calibration.from_json(yardstick["calibration"], model.tasks)
    library = simulate(arguments.sequences, arguments.seed)
    predicted = model.score_letters(YEAST.windows(library.sequences))
    counts = {task: found.n for task, found in calibration.residuals.items()}
    r = np.corrcoef(predicted[:, 0], library.values)[0, 1]
    print(f"{arguments.sequences:,} fresh promoters, seed {arguments.seed}; r {r:.3f}; calibrated on {counts}\n")
    print("level  half width  inside   by fifths of the prediction, lowest first")
    fifth = (FIFTHS * np.argsort(np.argsort(predicted[:, 0]))) // len(predicted)
    for level in LEVELS:
        low, high = (bound[:, 0] for bound in calibration.intervals(predicted, level))
        inside = (library.values >= low) & (library.values <= high)
        parts = " ".join(f"{inside[fifth == part].mean():.3f}" for part in range(FIFTHS))
        print(f"{level:5.2f}  {calibration.half_widths(level)[0]:10.3f}  {inside.mean():.4f}   {parts}")
    if "training" in yardstick:
        codes = Familiarity.from_json(yardstick["training"]).codes(_inserts(library.sequences))
        flagged = ", ".join(f"{reason} {(codes >> bit & 1).mean():.2%}" for bit, reason in enumerate(REASONS))
        print(f"\nunusual: {(codes > 0).mean():.2%} ({flagged})")


def _inserts(sequences: Ragged) -> Ragged:
    starts, lengths = YEAST.inserts(sequences)
    return Ragged.from_lengths(
        np.concatenate([sequences.flat[first : first + size] for first, size in zip(starts, lengths, strict=True)]), lengths
    )


if __name__ == "__main__":
    main()
