"""ATAC-seq models of a simulated genome: trains a bias model, a model with that bias, and removes the bias again, all by the command line.

    python benchmarks/atac.py [--folder DIR] [--peaks 200] [--epochs 5] [--bias-epochs 3] [--backend tensorflow]

Reads are simulated from planted motifs and from the enzyme's sequence preference (tests/atac_simulation.py), so that the truth is known.
The last chromosome is held out. The response to the enzyme is the log ratio of the predicted fraction of reads at the middle of the
enzyme's preferred site, with and without the site in the sequence, averaged over random sequences.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import provenance

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

LENGTH, POSITIONS, JITTER = 400, 200, 50
CHROMOSOMES = 6
SEQUENCES = 500


def dreamkeras(*arguments):
    """Runs a command and returns its duration in seconds."""
    command = [sys.executable, "-c", "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')", *map(str, arguments)]
    print("dreamkeras", *arguments, flush=True)
    began = time.perf_counter()
    subprocess.run(command, check=True, stderr=sys.stdout)
    return time.perf_counter() - began


def response(model, letters, site):
    """Returns the mean log ratio of the profile at the middle of the window with and without the site there."""
    changed = letters.copy()
    first = (letters.shape[1] - len(site)) // 2
    changed[:, first : first + len(site)] = site
    middle = first + len(site) // 2 - (letters.shape[1] - POSITIONS) // 2
    return float(np.log(model(changed)[:, middle] / model(letters)[:, middle]).mean())


def responses(models):
    """Returns the response to the enzyme's site for each model and for the simulation."""
    from atac_simulation import ENZYME, codes, enzyme_factors, openness

    def truth(windows):
        inside = slice((LENGTH - POSITIONS) // 2, (LENGTH + POSITIONS) // 2)
        rates = np.stack([(0.15 + openness(row)) * enzyme_factors(row) for row in windows])[:, inside]
        return rates / rates.sum(axis=1, keepdims=True)

    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(1).integers(0, 4, (SEQUENCES, LENGTH))]
    predictors = {"truth": truth, **{name: model.score_profiles for name, model in models.items()}}
    return {name: response(predictor, letters, codes(ENZYME)) for name, predictor in predictors.items()}


def run(folder, options):
    from atac_simulation import simulate_atac

    import dreamkeras as package

    simulation = simulate_atac(folder, seed=0, chromosomes=CHROMOSOMES, peaks=options.peaks, spacing=1000)
    genome = ["--assay", "atac", "--genome", simulation.genome, "--signal", simulation.signal, "--length", LENGTH]
    genome += ["--profile-length", POSITIONS, "--region-jitter", JITTER, "--valid-fold", f"chr{CHROMOSOMES}", "--backend", options.backend]
    quiet = [simulation.nonpeaks, *genome, "--nonpeak-ratio", 0, "--model", "bpnet-bias", "--epochs", options.bias_epochs]
    open_ = [simulation.peaks, *genome, "--nonpeaks", simulation.nonpeaks, "--model", "bpnet-small", "--epochs", options.epochs]
    seconds = {
        "bias": dreamkeras("train", *quiet, "--out", folder / "bias"),
        "plain": dreamkeras("train", *open_, "--out", folder / "plain"),
        "factorised": dreamkeras("train", *open_, "--bias", folder / "bias", "--out", folder / "factorised"),
    }
    dreamkeras("export", folder / "factorised", "--without-bias", "-o", folder / "free.onnx")
    for name, taken in seconds.items():
        metrics = json.loads((folder / name / "metrics.json").read_text())
        figures = ("r", "peaks_r", "profile_jsd", "profile_jsd_shuffled", "profile_jsd_average")
        print(f"{name:<11} {taken:4.0f} s  " + "  ".join(f"{figure} {metrics[figure]:.3f}" for figure in figures))
    models = {name: package.load(folder / name) for name in seconds} | {"bias-free": package.load(folder / "free.onnx")}
    for name, value in responses(models).items():
        print(f"response to the enzyme's site, {name:<11} {value:+.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="Folder for all files. Defaults to a temporary folder.")
    parser.add_argument("--peaks", type=int, default=200, help="Number of peaks on each of the 6 chromosomes.")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--bias-epochs", type=int, default=3)
    parser.add_argument("--backend", default="tensorflow")
    options = parser.parse_args()
    print(provenance())
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        run(options.folder or Path(temporary), options)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"total {time.perf_counter() - began:.0f} s, {spent.ru_utime + spent.ru_stime:.0f} s of CPU time")


if __name__ == "__main__":
    main()
