"""Compares design methods with the same budget: predicted and true expression of simulated promoters before and after the design.

    python benchmarks/design.py RUN [--target max] [--promoters 20] [--calls 2000] [--width 2] [--seed 0] [--backend tensorflow]

RUN is a run folder that was trained on a simulated library. The method "random" selects the best predicted insert from random inserts. The
column "better" counts the promoters whose true expression changed towards the target.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from machine import provenance

from dreamkeras.data.simulation.library import expression
from dreamkeras.data.simulation.occupancy import occupancy
from dreamkeras.design.constraints import Constraints
from dreamkeras.design.goal import Goal, settle_goal
from dreamkeras.design.methods import SearchSettings, design, random_starts
from dreamkeras.design.names import METHODS
from dreamkeras.scoring.insert_length import default_insert_length
from dreamkeras.scoring.predictor import load
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

Values = tuple[np.ndarray, np.ndarray]
"""Predicted and true expression."""


class Timed(Scorer):
    """A scorer that counts the scored windows and measures the time of scoring in seconds."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.windows, self.seconds = scorer, 0, 0.0

    name = property(lambda self: self.scorer.name)
    constructs = property(lambda self: self.scorer.constructs)
    tasks = property(lambda self: self.scorer.tasks)
    units = property(lambda self: self.scorer.units)
    has_spread = property(lambda self: self.scorer.has_spread)

    def score_windows(self, windows, batch_size=64, progress=None):
        started = time.perf_counter()
        values = self.scorer.score_windows(windows, batch_size, progress)
        self.windows, self.seconds = self.windows + len(values), self.seconds + time.perf_counter() - started
        return values


def truth(sequences: Ragged) -> np.ndarray:
    """Returns the simulator's expression without noise for promoters with adapters."""
    return expression(occupancy(sequences))


def best_of_random(starts: Records, model: Scorer, goal: Goal, calls: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the prediction and the truth of the best predicted of `calls` random inserts, for each start."""
    values, true = [], []
    for row in range(len(starts.ids)):
        drawn = random_starts(calls, default_insert_length([model.construct]), Constraints(), model, seed + 1 + row)
        predicted = model.score_letters(model.construct.windows(drawn.sequences))[:, 0]
        best = int(goal.reached(predicted).argmax())
        values.append(predicted[best])
        true.append(truth(drawn.select(np.array([best])).sequences)[0])
    return np.array(values), np.array(true)


def show(method: str, goal: Goal, before: Values, after: Values, model: Timed, seconds: float) -> None:
    """Prints a row of the table.

    The columns are mean predictions and truths before and after the design, with the standard deviation after it; the number of promoters
    with a better truth; windows per promoter; seconds; and the model's share of the time.
    """
    moved = [f"{old.mean():5.2f} -> {new.mean():5.2f} ({new.std():.2f})" for old, new in zip(before, after, strict=True)]
    better = f"{(goal.reached(after[1]) > goal.reached(before[1])).sum()}/{len(after[1])}"
    share = f"{100 * model.seconds / seconds:3.0f} %"
    print(
        f"{method:10} {moved[0]:22} {moved[1]:22} {better:>7} {model.windows / len(after[1]):9,.0f} {seconds:8.1f} {share:>6}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--target", default="max")
    parser.add_argument("--promoters", type=int, default=20)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--width", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend")
    options = parser.parse_args()
    print(provenance())
    model = load(options.run)
    goal = settle_goal(model, options.target if options.target in ("max", "min") else float(options.target))
    starts = random_starts(options.promoters, default_insert_length([model.construct]), Constraints(), model, options.seed)
    before = model.score_letters(model.construct.windows(starts.sequences))[:, 0], truth(starts.sequences)
    print(f"{'method':10} {'prediction':22} {'truth':22} {'better':>7} {'windows':>9} {'seconds':>8} {'model':>6}")
    timed, started = Timed(model), time.perf_counter()
    after = best_of_random(starts, timed, goal, options.calls, options.seed)
    show("random", goal, before, after, timed, time.perf_counter() - started)
    for method in METHODS:
        propose = gradient_edits(options.run, goal, options.backend) if method == "gradient" else None
        settings = SearchSettings(method, steps=1000, calls=options.calls, width=options.width, seed=options.seed)
        timed, started = Timed(model), time.perf_counter()
        found = design(starts, timed, goal, settings=settings, propose=propose)
        show(method, goal, before, (found.values, truth(found.sequences)), timed, time.perf_counter() - started)


def gradient_edits(run: Path, goal, backend: str | None):
    from dreamkeras.training.backend import choose_backend

    choose_backend(backend)

    from dreamkeras.export.onnx_file import find_model
    from dreamkeras.export.tracing import load_network
    from dreamkeras.models.gradient_edits import GradientEdits

    return GradientEdits([load_network(find_model(run))], goal)


if __name__ == "__main__":
    main()
