"""Measures the speed of reading FASTA files of promoters and of a genome: dreamkeras compared with dnaio and pyfastx, on one core.

Run `python benchmarks/read_fasta.py [MB]`. Every reader produces uint8 letters in batches. Readers that are not installed are skipped.
Times are CPU times, the minimum of five runs.
"""

import gzip
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import provenance

from dreamkeras.formats.reading import read_records
from dreamkeras.sequence.records import BATCH_ROWS

REPEATS = 5
SHAPES = {"promoters, 110 bases per record": (110, 110), "genome, 60 columns": (5_000_000, 60)}


def write_fasta(path, megabytes, length, columns):
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)
    with open(path, "wb") as file:
        while file.tell() < megabytes * 1e6:
            text = letters[rng.integers(0, 4, length)].tobytes()
            lines = b"\n".join(text[i : i + columns] for i in range(0, length, columns))
            file.write(b">sequence_%d\n%s\n" % (file.tell(), lines))


def packed(texts):
    """Converts strings to arrays in batches and counts their letters."""
    letters, batch = 0, []
    for text in texts:
        batch.append(text)
        if len(batch) == BATCH_ROWS:
            letters += len(np.frombuffer("".join(batch).encode(), np.uint8))
            batch = []
    return letters + len(np.frombuffer("".join(batch).encode(), np.uint8))


def with_dreamkeras(path):
    return sum(len(records.sequences.flat) for records in read_records(path))


def with_dnaio(path):
    import dnaio

    with dnaio.open(path) as records:
        return packed(record.sequence for record in records)


def with_pyfastx(path):
    import pyfastx

    return packed(text for _, text in pyfastx.Fastx(path))


def processor_seconds(read, path):
    """Returns the minimum CPU time of several runs, which depends less on other load, and the number of letters."""
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        letters = read(path)
        seconds.append(time.process_time() - start)
    return min(seconds), letters


def compare(path, megabytes):
    counts = set()
    for read in (with_dreamkeras, with_dnaio, with_pyfastx):
        try:
            seconds, letters = processor_seconds(read, path)
        except ImportError as error:
            print(f"  {read.__name__[5:]:12} skipped: {error}")
            continue
        counts.add(letters)
        print(f"  {read.__name__[5:]:12} {megabytes / seconds:6.0f} MB/s")
    if len(counts) != 1:
        raise SystemExit(f"The readers disagree on the number of letters: {sorted(counts)}.")


def main():
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    print(provenance())
    with tempfile.TemporaryDirectory() as folder:
        for name, (length, columns) in SHAPES.items():
            plain = Path(folder, "plain.fa")
            write_fasta(plain, megabytes, length, columns)
            size = plain.stat().st_size / 1e6
            print(f"{name}, plain")
            compare(str(plain), size)
            squeezed = Path(folder, "squeezed.fa.gz")
            squeezed.write_bytes(gzip.compress(plain.read_bytes(), 1))
            print(f"{name}, gzip (MB/s of text)")
            compare(str(squeezed), size)


if __name__ == "__main__":
    main()
