"""A small genome whose ATAC-seq reads follow from planted motifs and the taste of an enzyme; all by seed.

Reads begin at a rate of (BACKGROUND + what the sites open) * what the enzyme prefers, so that a network that has learnt both parts
has learnt all. Either strand of the genome gives the same rates, turned round.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyBigWig

BASES = np.frombuffer(b"ACGT", np.uint8)

MOTIFS = {"TGACTCATCG": 1.0, "TGACGCATCG": 0.4, "CCACGTAGGC": 0.7}
"""What opens the genome, on either strand, and how much; the second is the first with a letter changed."""

ENZYME = "CTGACAG"
"""What the enzyme cuts in the middle of most readily; its reverse complement differs in the middle alone."""

TASTE = 0.4
"""By how much the log of the rate grows with each letter that is the enzyme's; in the middle A and T are alike."""

BACKGROUND = 0.15
OPENING = 1.5
WIDTH = 35
"""Standard deviation, in letters, of what a site opens around itself; under the site and 3 letters beside it is a footprint."""


class Simulation(NamedTuple):
    """The files, and what lies behind them by chromosome.

    Args:
        genome: FASTA, lines of 60.
        signal: bigWig of `counts`.
        peaks: narrowPeak with summits.
        nonpeaks: BED of three columns: places half-way between two peaks.
        letters: uint8 (length,).
        counts: int64 (length,), reads that begin at each position.
        rates: float64 (length,), their expectation.
        enzyme: float64 (length,), the factor in the rates that is the enzyme's.
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
    """Writes `chromosomes` of `peaks` peaks each, one every `spacing` letters with a non-peak between two, into a folder.

    A peak has one to four sites within 40 letters of its summit. Chromosomes are called chr1, chr2, ...
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
    """float64 (length,): what the motifs' sites on either strand add to the background, before the enzyme."""
    opened = np.zeros(len(letters))
    for motif, strength in MOTIFS.items():
        for one in (motif, turned(motif)):
            starts = np.flatnonzero((np.lib.stride_tricks.sliding_window_view(letters, len(one)) == codes(one)).all(1))
            distances = np.arange(len(letters)) - (starts[:, None] + (len(one) - 1) / 2)
            shapes = np.exp(-0.5 * (distances / WIDTH) ** 2) * (np.abs(distances) > len(one) / 2 + 3)
            opened += OPENING * strength * shapes.sum(0)
    return opened


def enzyme_factors(letters):
    """float64 (length,): how readily the enzyme cuts at each position, 1 on average over random letters."""
    half = len(ENZYME) // 2
    alike = [{letter} for letter in ENZYME]
    alike[half] = {ENZYME[half], turned(ENZYME)[half]}
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(letters, half, constant_values=ord("N")), len(ENZYME))
    matches = sum(np.isin(windows[:, place], codes("".join(liked))) for place, liked in enumerate(alike))
    ordinary = np.prod([1 + len(liked) / 4 * np.expm1(TASTE) for liked in alike])
    return np.exp(TASTE * matches) / ordinary


def turned(text):
    """The other strand of a text."""
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def codes(text):
    """uint8 (letters,): the ASCII codes of a text."""
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
