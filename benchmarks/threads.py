"""Compares one ONNX Runtime session whose threads share every operator with separate threads that each score a part of the batch.

    python benchmarks/threads.py MODEL... [--batch-size 64] [--rows 2048] [--turns 7]

The two run alternately.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from machine import provenance

from dreamkeras.scoring.cpus import available_cpus
from dreamkeras.scoring.predictor import PACKAGED_MODEL, OnnxPredictor, load
from dreamkeras.scoring.session import open_session


def rate(score: Callable[[], object], rows: int) -> float:
    begun = time.perf_counter()
    score()
    return rows / (time.perf_counter() - begun)


def compare(model: str, options: argparse.Namespace) -> None:
    divided = load(model, "cpu")
    shared = OnnxPredictor(open_session(model, "cpu"), divided.description)
    random = np.random.default_rng(0)
    windows = [np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, (options.rows, divided.construct.length))]]
    np.testing.assert_array_equal(shared.score_windows(windows, options.batch_size), divided.score_windows(windows, options.batch_size))
    ways = [lambda way=way: way.score_windows(windows, options.batch_size) for way in (shared, divided)]
    turns = [[rate(way, options.rows) for way in ways] for _ in range(options.turns)]
    first, second = (statistics.median(column) for column in zip(*turns, strict=True))
    ratio = statistics.median(after / before for before, after in turns)
    print(f"{divided.name:24}{first:8,.0f} per second shared, {second:8,.0f} divided: {ratio:.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[str(PACKAGED_MODEL)])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    print(f"{provenance()}\n{available_cpus()} threads, batches of {options.batch_size} windows")
    for model in options.models:
        compare(model, options)


if __name__ == "__main__":
    main()
