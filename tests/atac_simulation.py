"""Simulates a small genome with ATAC-seq reads that depend on planted motifs and an enzyme's sequence preference, from a random seed.

The rate of reads at a position is (BACKGROUND + openness from motif sites) * enzyme factor. A network that learns both factors explains the
data completely. The reverse complement of the genome has the same rates in reverse order.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyBigWig

BASES = np.frombuffer(b"ACGT", np.uint8)

MOTIFS = {"TGACTCATCG": 1.0, "TGACGCATCG": 0.4, "CCACGTAGGC": 0.7}
"""Motifs that open the genome on either strand, and their strengths. The second motif is the first with one base changed."""

ENZYME = "CTGACAG"
"""The enzyme's preferred site, which it cuts in the middle. The reverse complement of the site differs only in its middle base."""

TASTE = 0.4
"""Increase of the log rate with each base that matches the enzyme's site. In the middle, A and T both match."""

BACKGROUND = 0.15
OPENING = 1.5
WIDTH = 35
"""Standard deviation in bases of the openness around a site. The site itself and 3 bases on either side are a footprint."""


class Simulation(NamedTuple):
    """The files of a simulation, and the simulated values by chromosome.

    Args:
        genome: Path of a FASTA file with lines of 60 bases.
        signal: Path of a bigWig file with `counts`.
        peaks: Path of a narrowPeak file with summits.
        nonpeaks: Path of a BED file of three columns with positions half-way between two peaks.
        letters: uint8 (length,), the sequence.
        counts: int64 (length,), reads that begin at each position.
        rates: float64 (length,), the expected counts.
        enzyme: float64 (length,), the enzyme factor of the rates.
        summits: int64 (peaks,), the middle of each peak.
    """

    genome: str
    signal: str
    peaks: str
    nonpeaks: str
    letters: dict[str, np.ndarray]
    counts: dict[str, np.ndarray]
    rates: dict[str, np.ndarray]
    enzyme: dict[str, np.ndarray]
    summits: dict[str, np.ndarray]


def simulate_atac(folder, seed=0, *, chromosomes=4, peaks=12, spacing=1000):
    """Simulates chromosomes chr1, chr2, ... and writes the files to a folder.

    Each chromosome has `peaks` peaks, one every `spacing` bases, with a non-peak between two peaks. A peak has one to four sites within 40
    bases of its summit.
    """
    generator = np.random.default_rng(seed)
    names = [f"chr{number}" for number in range(1, chromosomes + 1)]
    letters, summits = {}, {}
    for name in names:
        letters[name] = BASES[generator.choice(4, peaks * spacing, p=(0.29, 0.21, 0.21, 0.29))]
        summits[name] = (np.arange(peaks) * 2 + 1) * spacing // 2 + generator.integers(-spacing // 10, spacing // 10, peaks)
        for summit in summits[name]:
            _plant(letters[name], summit, generator)
    enzyme = {name: enzyme_factors(letters[name]) for name in names}
    rates = {name: (BACKGROUND + openness(letters[name])) * enzyme[name] for name in names}
    counts = {name: generator.poisson(rates[name]) for name in names}
    paths = [str(Path(folder, name)) for name in ("genome.fa", "coverage.bw", "peaks.narrowPeak", "nonpeaks.bed")]
    simulation = Simulation(*paths, letters, counts, rates, enzyme, summits)
    _write(simulation, spacing)
    return simulation


def openness(letters):
    """Returns float64 (length,), the openness from motif sites on either strand, without background and enzyme factor."""
    opened = np.zeros(len(letters))
    for motif, strength in MOTIFS.items():
        for one in (motif, turned(motif)):
            starts = np.flatnonzero((np.lib.stride_tricks.sliding_window_view(letters, len(one)) == codes(one)).all(1))
            distances = np.arange(len(letters)) - (starts[:, None] + (len(one) - 1) / 2)
            shapes = np.exp(-0.5 * (distances / WIDTH) ** 2) * (np.abs(distances) > len(one) / 2 + 3)
            opened += OPENING * strength * shapes.sum(0)
    return opened


def enzyme_factors(letters):
    """Returns float64 (length,), the enzyme factor at each position, which is 1 on average over random sequences."""
    half = len(ENZYME) // 2
    alike = [{letter} for letter in ENZYME]
    alike[half] = {ENZYME[half], turned(ENZYME)[half]}
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(letters, half, constant_values=ord("N")), len(ENZYME))
    matches = sum(np.isin(windows[:, place], codes("".join(liked))) for place, liked in enumerate(alike))
    ordinary = np.prod([1 + len(liked) / 4 * np.expm1(TASTE) for liked in alike])
    return np.exp(TASTE * matches) / ordinary


def turned(text):
    """Returns the reverse complement of a string."""
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def codes(text):
    """Returns the ASCII codes of a string as uint8 (letters,)."""
    return np.frombuffer(text.encode(), np.uint8)


def _plant(letters, summit, generator):
    places = generator.permutation(np.arange(-40, 41, 20))[: generator.integers(1, 5)]
    for place in summit + places + generator.integers(-4, 5, len(places)):
        motif = generator.choice(list(MOTIFS))
        letters[place - 5 : place + 5] = codes(str(motif) if generator.random() < 0.5 else turned(str(motif)))


def _write(simulation, spacing):
    with open(simulation.genome, "w") as fasta:
        for name, letters in simulation.letters.items():
            text = letters.tobytes().decode()
            fasta.write(f">{name} simulated\n" + "".join(text[start : start + 60] + "\n" for start in range(0, len(text), 60)))
    with pyBigWig.open(simulation.signal, "w") as signal:
        signal.addHeader([(name, len(counts)) for name, counts in simulation.counts.items()])
        for name, counts in simulation.counts.items():
            starts = np.flatnonzero(counts)
            signal.addEntries(
                [name] * len(starts), starts.tolist(), ends=(starts + 1).tolist(), values=counts[starts].astype(float).tolist()
            )
    with open(simulation.peaks, "w") as peaks, open(simulation.nonpeaks, "w") as nonpeaks:
        for name, summits in simulation.summits.items():
            for number, summit in enumerate(summits):
                peaks.write(f"{name}\t{summit - 120}\t{summit + 130}\tpeak{number}\t500\t.\t5\t10\t9\t120\n")
                if number:
                    nonpeaks.write(f"{name}\t{spacing * number - 100}\t{spacing * number + 100}\n")
