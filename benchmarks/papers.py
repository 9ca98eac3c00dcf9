"""Trains the default model on other laboratories' libraries, and compares it with gradient boosting and with the published figures.

    python benchmarks/papers.py [--seeds 3] [--only sigma70] [-- --epochs 10]

Each run is `dreamkeras train TABLE --assay table --target-column ...`, followed by the arguments after `--`. The libraries are in the
folder `data/papers` of DREAMKERAS_DATA. The table has r squared on the test rows (Pearson), minutes with the export, and r squared on the
hold-out of the run, which the model card reports. Gradient boosting (scikit-learn) uses counts of 1- to 4-mers and the same training rows.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import provenance

from dreamkeras.data.splits.kmers import kmer_counts
from dreamkeras.scoring.predictor import load

PAPERS = Path(os.environ.get("DREAMKERAS_DATA", "../shared")) / "data" / "papers"


class Library(NamedTuple):
    """A library with training and test rows: its columns of values, further options, and the published r squared of each column."""

    tasks: tuple[str, ...]
    options: tuple[str, ...]
    published: tuple[float, ...]
    source: str


LIBRARIES = {
    "sigma70": Library(("log_tx",), (), (0.961,), "Urtecho et al. 2019"),
    "jores": Library(("leaf", "proto"), (), (0.717, 0.674), "Jores et al. 2021, about nine times the rows"),
    "yeast5utr": Library(("growth_rate",), ("--weight-column", "t0"), (0.6,), "Cuperus et al. 2017, 489,000 random UTRs"),
}


def read(path: Path, tasks: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """Returns the sequences and the values, float (n, tasks), NaN where nothing was measured."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row["sequence"] for row in rows], np.array([[float(row[task] or "nan") for task in tasks] for row in rows])


def r_squared(predicted: np.ndarray, measured: np.ndarray) -> list[float]:
    """Returns the squared Pearson r of each task."""
    found = []
    for values, truth in zip(predicted.T, measured.T, strict=True):
        present = np.isfinite(truth)
        found.append(float(np.corrcoef(values[present], truth[present])[0, 1] ** 2))
    return found


def counts_of(sequences: list[str]) -> np.ndarray:
    """Returns the counts of all 1- to 4-mers, (n, 340)."""
    longest = max(map(len, sequences))
    letters = np.frombuffer("".join(sequence.ljust(longest, "N") for sequence in sequences).encode(), np.uint8)
    return kmer_counts(letters.reshape(len(sequences), longest), 4, both_strands=False)


def boosting(training: tuple[list[str], np.ndarray], test: tuple[list[str], np.ndarray]) -> list[float]:
    """Returns the test r squared of gradient boosting on k-mer counts, for each task."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs, tested = counts_of(training[0]), counts_of(test[0])
    columns = []
    for values in training[1].T:
        present = np.isfinite(values)
        columns.append(HistGradientBoostingRegressor(random_state=0).fit(inputs[present], values[present]).predict(tested))
    return r_squared(np.stack(columns, 1), test[1])


def run(name: str, seed: int, folder: Path, extra: list[str]) -> tuple[list[float], float, float]:
    """Trains a model. Returns the test r squared of each task, r squared on the hold-out, and minutes."""
    library, program = LIBRARIES[name], str(Path(sys.executable).with_name("dreamkeras"))
    columns = [part for task in library.tasks for part in ("--target-column", task)]
    line = [program, "train", str(PAPERS / f"{name}_train.tsv"), "--assay", "table", *columns, *library.options]
    began = time.perf_counter()
    subprocess.run([*line, "--seed", str(seed), "--out", str(folder), *extra], check=True, capture_output=True)
    minutes = (time.perf_counter() - began) / 60
    sequences, measured = read(PAPERS / f"{name}_test.tsv", library.tasks)
    held_out = json.loads((folder / "metrics.json").read_text())["r"] ** 2
    return r_squared(load(str(folder)).predict(sequences), measured), held_out, minutes


def show(values: list[float]) -> str:
    """Formats r squared of all tasks."""
    return ", ".join(f"{value:.3f}" for value in values)


def main() -> None:
    """Prints a Markdown table with one row for each run, and one for the mean of each library."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(LIBRARIES), choices=LIBRARIES)
    parser.add_argument("extra", nargs="*", help="further arguments of dreamkeras train, after --")
    choices = parser.parse_args()
    print(provenance())
    print("\n| library | seed | test r squared | hold-out r squared | minutes | boosting | published |\n|---|---|---|---|---|---|---|")
    for name in choices.only:
        library = LIBRARIES[name]
        tables = [read(PAPERS / f"{name}_{part}.tsv", library.tasks) for part in ("train", "test")]
        boosted, found = boosting(*tables), []
        with tempfile.TemporaryDirectory() as parent:
            for seed in range(choices.seeds):
                found.append(run(name, seed, Path(parent) / str(seed), choices.extra))
                test, held_out, minutes = found[-1]
                print(f"| {name} | {seed} | {show(test)} | {held_out:.3f} | {minutes:.1f} | | |", flush=True)
        mean = show(np.mean([test for test, _, _ in found], 0).tolist())
        minutes = max(minutes for _, _, minutes in found)
        held_out = np.mean([held_out for _, held_out, _ in found])
        row = f"{mean} | {held_out:.3f} | at most {minutes:.1f} | {show(boosted)} | {show(list(library.published))} ({library.source})"
        print(f"| {name} | mean | {row} |", flush=True)


if __name__ == "__main__":
    main()
