"""Measures the speed of reading windows from a genome and a bigWig: dreamkeras compared with pyfaidx, pysam and pybigtools.

Run `python benchmarks/genome.py [WINDOWS]`. Readers that are not installed are skipped. All readers return the same arrays of windows at
random positions. Times are CPU times, the minimum of three runs.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyBigWig
from machine import provenance

from dreamkeras.genome.reference import Genome
from dreamkeras.genome.signal import Signal

CHROMOSOMES = {f"chr{number}": 19_999_980 for number in range(1, 6)}
LETTERS, POSITIONS = 2370, 1256
COLUMNS = 60


def write_genome(path, rng):
    letters = np.frombuffer(b"ACGT", np.uint8)
    with open(path, "wb") as file:
        for name, length in CHROMOSOMES.items():
            lines = np.full((length // COLUMNS, COLUMNS + 1), ord("\n"), np.uint8)
            lines[:, :COLUMNS] = letters[rng.integers(0, 4, (len(lines), COLUMNS))]
            file.write(b">" + name.encode() + b"\n" + lines.tobytes())


def write_signal(path, rng):
    """Writes a bigWig in which a read begins at every tenth position on average, so that a window has about 125 reads."""
    with pyBigWig.open(path, "w") as file:
        file.addHeader(list(CHROMOSOMES.items()))
        for name, length in CHROMOSOMES.items():
            starts = np.flatnonzero(rng.random(length) < 0.1)
            file.addEntries([name] * len(starts), starts, ends=starts + 1, values=np.ones(len(starts)))


def packed(texts):
    return np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, LETTERS)


def with_genome(path, contigs, starts):
    genome = Genome(path)
    return lambda: genome.windows(contigs, starts, LETTERS)


def with_pyfaidx(path, contigs, starts):
    import pyfaidx

    genome = pyfaidx.Fasta(path, as_raw=True)
    return lambda: packed(genome[name][start : start + LETTERS] for name, start in zip(contigs, starts.tolist(), strict=True))


def with_pysam(path, contigs, starts):
    import pysam

    genome = pysam.FastaFile(path)
    return lambda: packed(genome.fetch(name, start, start + LETTERS) for name, start in zip(contigs, starts.tolist(), strict=True))


def with_signal(path, contigs, starts):
    signal = Signal(path)
    return lambda: signal.windows(contigs, starts, POSITIONS)


def with_pybigtools(path, contigs, starts):
    import pybigtools

    signal = pybigtools.open(path)
    places = list(zip(contigs, starts.tolist(), strict=True))
    return lambda: np.array([np.nan_to_num(signal.values(name, start, start + POSITIONS)) for name, start in places], np.float32)


def compare(readers, path, contigs, starts):
    for reader in readers:
        try:
            began = time.process_time()
            look_up = reader(path, contigs, starts)
            opened = time.process_time() - began
        except ImportError as error:
            print(f"  {reader.__name__[5:]:12} skipped: {error}")
            continue
        seconds = []
        for _ in range(3):
            began = time.process_time()
            look_up()
            seconds.append(time.process_time() - began)
        print(f"  {reader.__name__[5:]:12} {len(starts) / min(seconds):9,.0f} windows/s, opened in {opened:.2f} s")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(provenance())
    rng = np.random.default_rng(0)
    contigs = rng.choice(list(CHROMOSOMES), count).tolist()
    starts = rng.integers(0, min(CHROMOSOMES.values()) - LETTERS, count)
    with tempfile.TemporaryDirectory() as folder:
        plain, packed, signal = (str(Path(folder, name)) for name in ("genome.fa", "genome.fa.gz", "reads.bw"))
        write_genome(plain, rng)
        print(f"{LETTERS} bases of a genome of {sum(CHROMOSOMES.values()) / 1e6:.0f} million, plain")
        compare((with_genome, with_pyfaidx, with_pysam), plain, contigs, starts)
        try:
            import pysam
        except ImportError:
            print("bgzip: skipped, because pysam, which compresses the file, is not installed")
        else:
            pysam.tabix_compress(plain, packed)
            print("the same, compressed with bgzip")
            compare((with_genome, with_pysam), packed, contigs, starts)
        write_signal(signal, rng)
        print(f"{POSITIONS} positions of a bigWig")
        compare((with_signal, with_pybigtools), signal, contigs, starts)


if __name__ == "__main__":
    main()
