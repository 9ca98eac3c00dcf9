"""Compares attribution methods with mutagenesis: recovery of planted sites, completeness, and time.

    python benchmarks/attribution.py RUN [--held-out 200] [--seed 0]

The promoters are those of benchmarks/explain.py. Each has one planted site that contains its most important base according to the
simulator. The output lists, for each method, the fraction of promoters whose most important base is in the planted site, Pearson's r with
mutagenesis over all bases, the mean completeness error and the mean difference from the baselines, and the time for each promoter. The time
excludes the first promoter, for which the network is compiled.
"""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from explain import as_records, held_out
from machine import provenance

from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.scoring.predictor import load
from dreamkeras.training.backend import choose_backend


def top_letters(found):
    size = np.abs(found.importance()[:, 0])
    return np.array([size[first:last].argmax() for first, last in itertools.pairwise(found.inserts.offsets)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend")
    options = parser.parse_args()
    planted, _ = held_out(options.held_out, options.seed + 1_000_000)
    records = as_records(planted.sequences)
    print(provenance(), flush=True)
    print(f"{len(records.ids)} promoters, Keras on {choose_backend(options.backend)}")

    from dreamkeras.export.onnx_file import find_model
    from dreamkeras.export.tracing import load_network
    from dreamkeras.models.gradients import BASELINES, METHODS, Attributor

    predictor = load(options.run)
    begun = time.perf_counter()
    mutants = mutagenesis(records, predictor)
    show("mutagenesis", planted, mutants, mutants, time.perf_counter() - begun)
    network = load_network(find_model(options.run))
    for method, baseline in itertools.product(METHODS, BASELINES):
        attributor = Attributor(network, method, baseline=baseline)
        attributor.attribute(records.select(np.arange(1)))
        begun = time.perf_counter()
        found = attributor.attribute(records)
        seconds = time.perf_counter() - begun
        show(f"{method}, {baseline}", planted, mutants, found, seconds)
        error, difference = np.abs(found.completeness_error()).mean(), np.abs(found.reference - found.baseline).mean()
        print(f"    completeness error {error:.4f} of {difference:.3f}", flush=True)


def show(name, planted, mutants, found, seconds) -> None:
    top = top_letters(found)
    inside = ((planted.start <= top) & (top < planted.end)).mean()
    r = np.corrcoef(mutants.importance()[:, 0], found.importance()[:, 0])[0, 1]
    print(
        f"{name:20} in the site {inside:.3f}   r with mutagenesis {r:.3f}   {1000 * seconds / len(found.ids):7.1f} ms per promoter",
        flush=True,
    )


if __name__ == "__main__":
    main()
