"""Reads pairs of sequences from a table, with the reference allele in one sequence and the alternative allele in the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.files.kinds import PAIRS
from dreamkeras.formats.headers import Column, Layout, is_dna
from dreamkeras.formats.reading import OpenTable, id_position, open_table
from dreamkeras.formats.tables import find_column, named_or_placed
from dreamkeras.formats.vcf import is_vcf
from dreamkeras.sequence.alphabet import PLAIN
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import numbered

__all__ = ["ALT_NAMES", "REF_NAMES", "Pairs", "open_pairs"]

REF_NAMES = ("ref", "reference", "ref_sequence", "ref_seq", "reference_sequence")
"""Default names of the column with reference sequences, in lower case and in order of preference."""

ALT_NAMES = ("alt", "alternative", "alt_sequence", "alt_seq", "alternative_sequence")
"""Default names of the column with alternative sequences, in lower case and in order of preference."""


_POSITIONS = {"pos", "position", "start"}
"""Names of columns with genomic positions. A table with such a column contains short alleles instead of complete sequences."""


class Pairs(NamedTuple):
    """A batch of rows of a table with two sequences per row.

    Args:
        ids: Names of the n rows.
        refs: The n reference sequences, unchanged.
        alts: The n alternative sequences, unchanged.
        lines: Line number of each row, counted from 1, int64 (n,).
        malformed: Whether a row has too few or too many cells, bool (n,). Missing cells are empty.
        unit: Unit of `lines`: `"line"`, or `"row"` for Parquet.
    """

    ids: list[str]
    refs: Ragged
    alts: Ragged
    lines: np.ndarray
    malformed: np.ndarray
    unit: str = "line"

    def same(self) -> np.ndarray:
        """Returns whether both sequences of a row are the same, bool (n,). Upper and lower case are equal, and U is equal to T."""
        same = self.refs.lengths == self.alts.lengths
        rows = np.flatnonzero(same & (self.refs.lengths > 0))
        if len(rows):
            refs, alts = self.refs.select(rows), self.alts.select(rows)
            same[rows] = np.logical_and.reduceat(PLAIN[refs.flat] == PLAIN[alts.flat], refs.offsets[:-1])
        return same


@contextmanager
def open_pairs(
    path: str, *, ref_column: Column | None = None, alt_column: Column | None = None, id_column: Column | None = None
) -> Iterator[Iterator[Pairs]]:
    r"""Opens a table of sequence pairs in TSV, CSV or Parquet. TSV and CSV may be compressed with gzip.

    Args:
        path: Path of the table. `-` reads standard input.
        ref_column: Name or position (from 0) of the column with reference sequences. A string of digits is used as a name if a column has
            this name, and as a position otherwise. By default, the first name of `REF_NAMES` that is in the header is used. Without a
            header, the default is the first column with DNA.
        alt_column: Name or position of the column with alternative sequences. By default, the first name of `ALT_NAMES` that
            is in the header is used. Without a header, the default is the second column with DNA.
        id_column: Name or position of the column with names. Defaults to the column named id, seq_id or name. Without such a
            column, rows are numbered from 1.

    Raises:
        InputError: The file does not exist, is empty, is damaged, is a VCF, or lacks a column.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "pairs.tsv")
        >>> _ = file.write_text("id\tref\talt\nsnv\tACGT\tAGGT\n")
        >>> with open_pairs(str(file)) as batches:
        ...     [(pairs.ids, pairs.refs[0], pairs.alts[0]) for pairs in batches]
        [(['snv'], 'ACGT', 'AGGT')]
    """
    with open_table(path, (ref_column, alt_column, id_column), expected=PAIRS) as table:
        if is_vcf(table.source.head):
            raise InputError(f"The VCF {source_name(path)} requires a reference genome. Give it with --genome.")
        ref, alt, name = (named_or_placed(table.layout, column) for column in (ref_column, alt_column, id_column))
        refs, alts = _sequence_positions(table.layout, ref, alt, path)
        yield _pairs(table, refs, alts, id_position(table.layout, name, path))


def _sequence_positions(layout: Layout, ref: Column | None, alt: Column | None, path: str) -> tuple[int, int]:
    looks = [position for position, cell in enumerate(layout.first) if is_dna(cell)] if layout.names is None else []
    if layout.names is None and (ref is None or alt is None) and len(looks) < 2:
        raise InputError(f"Expected two columns of sequences, got {', '.join(layout.first)[:80]} ({layout.place(path)}).")
    named = {name.lower() for name in layout.names or ()}
    if ref is None and alt is None and named & _POSITIONS:
        raise InputError(
            f"Expected complete sequences, got a column with positions of alleles in {layout.place(path)}. "
            "Convert the table to VCF, or name the columns."
        )
    found = []
    for column, names, place in ((ref, REF_NAMES, 0), (alt, ALT_NAMES, 1)):
        if column is None and layout.names is None:
            column = looks[place]
        elif column is None:
            lowered = [name.lower() for name in layout.names or ()]
            column = next((name for name in names if name in lowered), names[0])
        found.append(find_column(layout, column, path))
    return found[0], found[1]


def _pairs(table: OpenTable, ref: int, alt: int, name: int | None) -> Iterator[Pairs]:
    count = 0
    uneven: set[int] = set()
    positions: Sequence[int] = [ref, alt] if name is None else [ref, alt, name]
    for rows in table.rows(positions, uneven):
        ids = numbered([""] * len(rows.lines) if name is None else rows.columns[2], count)
        count += len(ids)
        malformed = np.isin(rows.lines, list(uneven))
        yield Pairs(ids, Ragged.from_strings(rows.columns[0]), Ragged.from_strings(rows.columns[1]), rows.lines, malformed, rows.unit)
        uneven.clear()
