"""Writes a simulated library to two files: one in the layout of the yeast training data, one with the true expression."""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np

from dreamkeras.data.simulation.library import Library
from dreamkeras.errors import InputError
from dreamkeras.files.outputs import naming_output, open_text

__all__ = ["write_library"]

CHUNK = 8192


def write_library(library: Library, path: str, truth: str | None = None) -> None:
    """Writes a library in the layout of the yeast data. Each line consists of a sequence, a tab and a value.

    The file has no header.

    Args:
        library: The simulated library.
        path: Output file, which is compressed if the name ends in .gz.
        truth: Second output file, which has a header. The columns of this file are the row number (from 1), the expression without noise,
            and the occupancy of each factor. If None, the second file is not written.

    Raises:
        InputError: The two paths are equal, or a name ends with the suffix of a compressed format other than gzip.
        DreamkerasError: A file cannot be written.
    """
    if path == truth:
        raise InputError(f"The library and its true expression cannot be written to the same file {path!r}. Choose two different files.")
    written = [(path, _rows(library))] + ([(truth, _truth_rows(library))] if truth is not None else [])
    with ExitStack() as stack:
        files = [stack.enter_context(open_text(name)) for name, _ in written]
        for file, (name, rows) in zip(files, written, strict=True):
            for text in rows:
                with naming_output(name):
                    file.write(text.encode("ascii"))


def _rows(library: Library) -> Iterator[str]:
    sequences, values = library.sequences, library.values.tolist()
    for start in range(0, len(values), CHUNK):
        rows = range(start, min(start + CHUNK, len(values)))
        # As in the published files, values have 15 significant digits, and integers have no decimal point.
        yield "".join(f"{sequences[row]}\t{values[row]:.15g}\n" for row in rows)


def _truth_rows(library: Library) -> Iterator[str]:
    yield "\t".join(["id", "expression", *library.factors]) + "\n"
    template = "\t".join(["%d", "%.8g"] + ["%.6g"] * len(library.factors)) + "\n"
    for start in range(0, len(library.truth), CHUNK):
        rows = slice(start, start + CHUNK)
        numbers = np.arange(start + 1, start + 1 + len(library.truth[rows]))
        table = np.column_stack([numbers, library.truth[rows], library.occupancy[rows]])
        yield "".join(template % tuple(row) for row in table.tolist())
