"""Measures start-up time, wall time and memory of `dreamkeras predict`, compared with a bare loop over ONNX Runtime.

    python benchmarks/predict.py [-m MODEL] [--most 1000000] [--bare 100000] [--batch-sizes 16,64,256]

Each measurement runs in a separate process. MODEL defaults to the packaged model.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import provenance

from dreamkeras.scoring.predictor import PACKAGED_MODEL

COMMAND = (sys.executable, "-c", "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')")
BARE = """
import sys
import numpy as np
from dreamkeras.scoring.predictor import BATCH_SIZE
from dreamkeras.scoring.session import open_session
session = open_session(sys.argv[1], "cpu")
(letters,) = session.get_inputs()
windows = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, (64 * BATCH_SIZE, letters.shape[1]))]
for batch in range(int(sys.argv[2]) // BATCH_SIZE):
    first = batch % 64 * BATCH_SIZE
    session.run(None, {letters.name: windows[first : first + BATCH_SIZE]})
"""
"""A program that only scores random windows, in batches of the size that `predict` uses, with ONNX Runtime's default threads."""

AT_ONCE = 1000
"""Number of promoters generated at a time. It is small because the peak memory of a child process includes that of its parent."""


class Run(NamedTuple):
    """Resources used by a process: wall time in seconds, peak resident memory in MB, and CPU time in seconds."""

    seconds: float
    megabytes: float
    processor: float


def run(*command: str) -> Run:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"The command {' '.join(command[:4])} ... failed with exit code {process.returncode}.")
    return Run(
        time.perf_counter() - started, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2), usage.ru_utime + usage.ru_stime
    )


def median_seconds(*command: str, runs: int) -> float:
    return statistics.median(run(*command).seconds for _ in range(runs))


def write_promoters(path: Path, number: int) -> str:
    """Writes random inserts of 76 to 84 bases as FASTA, with a fixed seed."""
    generator = np.random.default_rng(0)
    with path.open("w") as file:
        for first in range(0, number, AT_ONCE):
            rows = min(AT_ONCE, number - first)
            letters = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, (rows, 84), np.uint8)].tobytes().decode()
            lengths = generator.integers(76, 85, rows)
            file.writelines(f">p{first + i}\n{letters[84 * i : 84 * i + length]}\n" for i, length in enumerate(lengths))
    return str(path)


def show_start(runs: int) -> None:
    click = median_seconds(sys.executable, "-c", "import click", runs=runs)
    shown = median_seconds(*COMMAND, "--help", runs=runs)
    print(f"--help                  {shown:6.3f} s, {shown / click:.2f} times `import click` ({click:.3f} s); median of {runs}")


def show_cold_start(folder: Path, model: str, runs: int) -> None:
    promoters = write_promoters(folder / "thousand.fa", 1000)
    seconds = sorted(run(*COMMAND, "predict", promoters, "-m", model).seconds for _ in range(runs))
    print(f"1,000 promoters, cold   {statistics.median(seconds):6.2f} s (from {seconds[0]:.2f} to {seconds[-1]:.2f}, {runs} runs)")


def show_memory(folder: Path, model: str, numbers: tuple[int, int]) -> None:
    peaks = []
    for number in numbers:
        took = run(*COMMAND, "predict", write_promoters(folder / "many.fa", number), "-m", model, "-o", str(folder / "o.tsv"))
        peaks.append(took.megabytes)
        print(f"{number:9,} promoters     {took.seconds:6.1f} s, {number / took.seconds:9,.0f} per second, peak {took.megabytes:6.1f} MB")
    print(f"growth of the peak      {peaks[1] - peaks[0]:6.1f} MB")


def show_bare(folder: Path, model: str, number: int, turns: int = 3) -> None:
    """Prints the rates of the bare loop and of `predict`, by wall time and by CPU time, which depends less on other load."""
    promoters, output = write_promoters(folder / "bare.fa", number), str(folder / "bare.tsv")
    commands = {
        "bare loop": (sys.executable, "-c", BARE, model, str(number)),
        "predict": (*COMMAND, "predict", promoters, "-m", model, "-o", output),
    }
    rounds = [{name: run(*command) for name, command in commands.items()} for _ in range(turns)]
    best = {name: (min(one[name].seconds for one in rounds), min(one[name].processor for one in rounds)) for name in commands}
    for name, (seconds, processor) in best.items():
        print(f"{name:10} {number:9,}    {seconds:6.1f} s, {number / seconds:9,.0f} per second, {processor:6.1f} s of CPU time")
    ratios = [bare / predict for bare, predict in zip(best["bare loop"], best["predict"], strict=True)]
    print(f"relative to bare loop   {ratios[0]:6.3f} by wall time, {ratios[1]:.3f} by CPU time; best of {turns}")


def show_batch_sizes(folder: Path, model: str, sizes: list[str]) -> None:
    promoters = write_promoters(folder / "batches.fa", 2000)
    for size in sizes:
        took = run(*COMMAND, "predict", promoters, "-m", model, "--batch-size", size)
        print(f"--batch-size {size:>5}      {2000 / took.seconds:6.0f} per second including start-up, peak {took.megabytes:6.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default=str(PACKAGED_MODEL))
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--fewest", type=int, default=10_000)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--bare", type=int, default=100_000, help="Number of promoters for the comparison with the bare loop.")
    parser.add_argument("--batch-sizes", default="")
    options = parser.parse_args()
    print(provenance())
    print(f"model    {Path(options.model).name}, {Path(options.model).stat().st_size / 1e6:.1f} MB")
    show_start(options.runs)
    with tempfile.TemporaryDirectory() as folder:
        show_cold_start(Path(folder), options.model, options.runs)
        show_batch_sizes(Path(folder), options.model, [size for size in options.batch_sizes.split(",") if size])
        show_bare(Path(folder), options.model, options.bare)
        show_memory(Path(folder), options.model, (options.fewest, options.most))


if __name__ == "__main__":
    main()
