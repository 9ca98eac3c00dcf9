"""Compares the speed of `dreamkeras mutagenesis` with `dreamkeras predict` on a file of the same mutants. The commands run alternately.

    python benchmarks/mutagenesis.py [-m MODEL] [--promoters 1000] [--turns 3] [--profile]

The file has promoters of 80 bases and all their mutants, 240 for each promoter. MODEL defaults to the packaged model. With `--profile`, the
benchmark profiles mutagenesis in this process instead.
"""

import argparse
import cProfile
import pstats
import statistics
import tempfile
from pathlib import Path

import numpy as np
from machine import provenance
from predict import COMMAND, Run, run

from dreamkeras.explain.effect_files import open_effects, write_effects
from dreamkeras.explain.mutagenesis import mutate_records
from dreamkeras.formats.reading import read_files
from dreamkeras.scoring.predictor import PACKAGED_MODEL, load

LENGTH = 80


def write_promoters(path: Path, number: int) -> np.ndarray:
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, (number, LENGTH))]
    path.write_text("".join(f">p{row}\n{text.tobytes().decode()}\n" for row, text in enumerate(letters)))
    return letters


def write_mutants(path: Path, letters: np.ndarray) -> int:
    """Writes each promoter and all its single mutants as FASTA, and returns the number of sequences."""
    count = 0
    with path.open("w") as file:
        for row, promoter in enumerate(letters):
            text = promoter.tobytes().decode()
            changed = [text[:place] + base + text[place + 1 :] for place in range(LENGTH) for base in "ACGT" if base != text[place]]
            file.writelines(f">p{row}_{number}\n{mutant}\n" for number, mutant in enumerate([text, *changed]))
            count += 1 + len(changed)
    return count


def show(name: str, runs: list[Run], sequences: int) -> None:
    seconds, processor = (statistics.median(getattr(one, field) for one in runs) for field in ("seconds", "processor"))
    megabytes = max(one.megabytes for one in runs)
    print(f"{name:12} {seconds:7.1f} s, {sequences / seconds:8,.0f} per second, {processor:7.1f} s of CPU time, peak {megabytes:6.1f} MB")


def compare(model: str, number: int, turns: int, folder: Path) -> None:
    letters = write_promoters(folder / "promoters.fa", number)
    sequences = write_mutants(folder / "mutants.fa", letters)
    print(f"{number:,} promoters, {sequences:,} sequences including mutants; medians of {turns} turns")
    commands = {
        "predict": (*COMMAND, "predict", str(folder / "mutants.fa"), "-m", model, "-o", str(folder / "predicted.tsv")),
        "mutagenesis": (*COMMAND, "mutagenesis", str(folder / "promoters.fa"), "-m", model, "-o", str(folder / "effects.tsv")),
    }
    runs = [{name: run(*command) for name, command in commands.items()} for _ in range(turns)]
    for name in commands:
        show(name, [one[name] for one in runs], sequences)
    clock = sorted(one["mutagenesis"].seconds / one["predict"].seconds for one in runs)
    processor = sorted(one["mutagenesis"].processor / one["predict"].processor for one in runs)
    for name, ratios in (("wall time", clock), ("CPU time", processor)):
        print(f"{name} of mutagenesis relative to predict: {statistics.median(ratios):.3f} (from {ratios[0]:.3f} to {ratios[-1]:.3f})")


def profile(model: str, number: int, folder: Path) -> None:
    write_promoters(folder / "promoters.fa", number)
    predictor = load(model)
    profiler = cProfile.Profile()
    profiler.enable()
    with open_effects(str(folder / "effects.tsv"), predictor.tasks) as sink:
        write_effects(mutate_records(read_files([str(folder / "promoters.fa")]), predictor), [sink])
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default=str(PACKAGED_MODEL))
    parser.add_argument("--promoters", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    print(provenance())
    with tempfile.TemporaryDirectory() as folder:
        if options.profile:
            profile(options.model, options.promoters, Path(folder))
        else:
            compare(options.model, options.promoters, options.turns, Path(folder))


if __name__ == "__main__":
    main()
