"""Trains the default model on other laboratories' libraries, and compares it with gradient boosting and with the published figures.

    python benchmarks/papers.py [--seeds 3] [--only sigma70] [--out FOLDER] [-- --epochs 10]

Each run is `dreamkeras train TABLE --assay table --target-column ...`, followed by the arguments after `--`. The libraries are in the
folder `data/papers` of DREAMKERAS_DATA. The table has r squared (Pearson) of each task on the test rows and on the hold-out of the run,
and minutes with the export. The test rows of yeast5utr have more than 100 reads, so its hold-out counts only such rows too. Gradient
boosting (scikit-learn) uses counts of 1- to 4-mers and the same training rows. With --out, runs are kept, and not repeated. The last
row is the mean of all seeds, with its standard deviation. The rows before it are the means of fewer networks of the same ensembles.
"""

import argparse
import csv
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import provenance

from dreamkeras.data.splits.kmers import kmer_counts
from dreamkeras.scoring.predictor import load

PAPERS = Path(os.environ.get("DREAMKERAS_DATA", "../shared")) / "data" / "papers"


class Library(NamedTuple):
    """A library with training and test rows: its columns of values, further options, and the published r squared of each column.

    Test rows have a value above the limit in the column `counted`, if there is one.
    """

    tasks: tuple[str, ...]
    options: tuple[str, ...]
    published: tuple[float, ...]
    source: str
    counted: tuple[str, float] | None = None


class Run(NamedTuple):
    """Results of a run: r squared on the test rows and on the hold-out, minutes, and test r squared of parts of the ensemble."""

    test: list[float]
    held_out: list[float]
    minutes: float
    parts: dict[str, list[list[float]]]


LIBRARIES = {
    "sigma70": Library(("log_tx",), (), (0.961,), "Urtecho et al. 2019"),
    "jores": Library(("leaf", "proto"), (), (0.717, 0.674), "Jores et al. 2021, about nine times the rows"),
    "yeast5utr": Library(("growth_rate",), ("--weight-column", "t0"), (0.6,), "Cuperus et al. 2017, 489,000 random UTRs", ("t0", 100)),
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


def held_out_r_squared(name: str, folder: Path) -> list[float]:
    """Returns r squared of each task on the hold-out, on the rows that the library would count as test rows."""
    library = LIBRARIES[name]
    with (folder / "validation.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if library.counted:
        column, limit = library.counted
        with (PAPERS / f"{name}_train.tsv").open(newline="") as file:
            counted = {row["id"] for row in csv.DictReader(file, delimiter="\t") if float(row[column]) > limit}
        rows = [row for row in rows if row["id"] in counted]
    predicted, measured = (
        np.array([[float(row[f"{kind}_{task}"] or "nan") for task in library.tasks] for row in rows]) for kind in ("predicted", "measured")
    )
    return r_squared(predicted, measured)


def run(name: str, seed: int, folder: Path, extra: list[str]) -> Run:
    """Trains a model and evaluates it. A finished run in the folder is not repeated."""
    library, program, clock = LIBRARIES[name], str(Path(sys.executable).with_name("dreamkeras")), folder / "minutes.txt"
    if not clock.exists():
        shutil.rmtree(folder, ignore_errors=True)
        columns = [part for task in library.tasks for part in ("--target-column", task)]
        line = [program, "train", str(PAPERS / f"{name}_train.tsv"), "--assay", "table", *columns, *library.options]
        began = time.perf_counter()
        subprocess.run([*line, "--seed", str(seed), "--out", str(folder), *extra], check=True, capture_output=True)
        clock.write_text(str((time.perf_counter() - began) / 60))
    sequences, measured = read(PAPERS / f"{name}_test.tsv", library.tasks)
    members: dict[str, list[np.ndarray]] = defaultdict(list)
    for member in sorted(folder.glob("seed-*")):
        network = json.loads((member / "config.json").read_text())["model"]
        members[network].append(load(str(member)).predict(sequences)[:, : len(library.tasks)])
    test = r_squared(load(str(folder)).predict(sequences)[:, : len(library.tasks)], measured)
    return Run(test, held_out_r_squared(name, folder), float(clock.read_text()), parts_of(members, measured))


def parts_of(members: dict[str, list[np.ndarray]], measured: np.ndarray) -> dict[str, list[list[float]]]:
    """Returns r squared of single networks, of pairs of one kind and of pairs of two kinds, from the predictions of each kind."""
    parts = {}
    for network, predicted in members.items():
        parts[f"one {network}"] = [r_squared(one, measured) for one in predicted]
        parts[f"two {network}"] = [r_squared((one + other) / 2, measured) for one, other in itertools.combinations(predicted, 2)]
    parts["one of each kind"] = [r_squared(np.mean(mixed, 0), measured) for mixed in itertools.product(*members.values()) if len(mixed) > 1]
    return parts


def show(values: list[float]) -> str:
    """Formats r squared of all tasks."""
    return ", ".join(f"{value:.3f}" for value in values)


def show_mean(results: list[list[float]]) -> str:
    """Formats the mean of several results, and their standard deviation in parentheses."""
    means, spreads = np.mean(results, 0), np.std(results, 0, ddof=1) if len(results) > 1 else np.full(len(results[0]), np.nan)
    return ", ".join(f"{mean:.3f} ({spread:.3f})" for mean, spread in zip(means, spreads, strict=True))


def main() -> None:
    """Prints a Markdown table with one row for each run, and one for the mean of each library."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(LIBRARIES), choices=LIBRARIES)
    parser.add_argument("--out", type=Path, help="folder for the runs, which are otherwise deleted")
    parser.add_argument("extra", nargs="*", help="further arguments of dreamkeras train, after --")
    choices = parser.parse_args()
    print(provenance())
    print("\n| library | seed | test r squared | hold-out r squared | minutes | boosting | published |\n|---|---|---|---|---|---|---|")
    for name in choices.only:
        library, found = LIBRARIES[name], []
        with tempfile.TemporaryDirectory() as scratch:
            for seed in range(choices.seeds):
                folder = (choices.out or Path(scratch)) / name / f"run-{seed}"
                folder.parent.mkdir(parents=True, exist_ok=True)
                found.append(run(name, seed, folder, choices.extra))
                test, held_out, minutes, _ = found[-1]
                print(f"| {name} | {seed} | {show(test)} | {show(held_out)} | {minutes:.1f} | | |", flush=True)
        for part in found[0].parts:
            if results := [result for run_result in found for result in run_result.parts[part]]:
                print(f"| {name} | {part} | {show_mean(results)} | | | | |")
        row = [
            show_mean([result.test for result in found]),
            show_mean([result.held_out for result in found]),
            f"at most {max(result.minutes for result in found):.1f}",
            show(boosting(*(read(PAPERS / f"{name}_{part}.tsv", library.tasks) for part in ("train", "test")))),
            f"{show([*library.published])} ({library.source})",
        ]
        print(f"| {name} | mean | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
