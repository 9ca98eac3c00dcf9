"""Sources of variants: the records of a VCF with a reference genome, or the pairs of sequences in a table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.vcf import VcfRecords, declared_lengths, open_vcf
from dreamkeras.genome.reference import Genome, find_contig
from dreamkeras.sequence.alphabet import IS_LETTER, PLAIN
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.variants.alleles import Alleles, check_alleles
from dreamkeras.variants.normal_form import NORMAL_FORM, vcf_columns
from dreamkeras.variants.pairs import Pairs, open_pairs
from dreamkeras.variants.scoring import AlleleWindows
from dreamkeras.variants.status import Status
from dreamkeras.variants.windows import Placement, insert_windows

__all__ = ["PairSource", "VcfSource"]


class VcfSource:
    """Alternative alleles of a VCF, in windows of a reference genome.

    Args:
        path: The VCF. `-` is standard input, which can be read only once.
        genome: The reference genome.
        placement: Position of the variants within the inserts.
        constructs: Constructs of the model.
    """

    keys: ClassVar[Mapping[str, type]] = {"chrom": str, "pos": int, "id": str, "ref": str, "alt": str, **NORMAL_FORM}

    def __init__(self, path: str, genome: Genome, placement: Placement, constructs: Sequence[Construct]) -> None:
        self.path, self.genome, self.placement, self.constructs = path, genome, placement, tuple(constructs)
        self._checked: tuple[VcfRecords, Alleles] | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[list[bytes], Iterator[VcfRecords]]]:
        """Opens the VCF and returns its header and batches of records."""
        with open_vcf(self.path) as vcf:
            yield vcf.header, self._of_the_genome(vcf.header, vcf.batches)

    def _of_the_genome(self, header: list[bytes], batches: Iterator[VcfRecords]) -> Iterator[VcfRecords]:
        """Checks that contigs have the same length in the header and in the genome, and yields the batches unchanged.

        Raises:
            InputError: A record is on a contig whose length in the header differs from its length in the genome.
        """
        lengths, declared = self.genome.lengths, declared_lengths(header)
        names = {name: find_contig(name, lengths) for name in declared}
        others = {name for name, own in names.items() if own and declared[name] != lengths[own]}
        for batch in batches:
            for name in others.intersection(batch.contigs):
                wanted = f"{lengths[names[name] or name]:,} bases (its length in {self.genome.path})"
                raise InputError(
                    f"Expected contig {name!r} to have {wanted}, got {declared[name]:,} bases in the header of {source_name(self.path)}. "
                    "Use the reference genome of the variant calls, or remove the variants on this contig."
                )
            yield batch

    def choices(self) -> dict[str, Any]:
        """Returns the placement of the variants, which affects the results."""
        return {"placement": self.placement._asdict()}

    def allele_windows(self, batch: VcfRecords) -> AlleleWindows:
        """Returns the status of each allele, and two sets of windows: with the reference bases and with the alternative bases."""
        alleles = self._alleles(batch)

        def windows(rows: np.ndarray) -> list[np.ndarray]:
            inserts = self.placement.inserts(self.genome, alleles.changes.select(rows))
            return insert_windows(inserts.reshape(-1, self.placement.length), self.constructs)

        return AlleleWindows(alleles.statuses, windows, self.placement.copies)

    def rows(self, batch: VcfRecords) -> np.ndarray:
        """Returns the index of the record of each alternative allele, int64 (rows,)."""
        return batch.records

    def cells(self, batch: VcfRecords) -> list[Sequence[Any]]:
        """Returns the columns of `keys`: contig, position, ID and alleles as in the VCF, and the normal form if the allele has one.

        For a malformed line, the position is missing.
        """
        rows = batch.records.tolist()
        positions = [position if position >= 0 else None for position in batch.positions.tolist()]
        written = [[column[row] for row in rows] for column in (batch.contigs, positions, batch.ids, batch.refs)]
        return [*written, batch.alts, *self._normal_forms(batch)]

    def _normal_forms(self, batch: VcfRecords) -> list[Sequence[Any]]:
        """Returns the columns of `NORMAL_FORM`, with empty cells for alleles without a normal form."""
        alleles = self._alleles(batch)
        rows = np.flatnonzero(alleles.normalised)
        cells: list[list[Any]] = [[empty] * len(alleles.statuses) for empty in (None, "", "")]
        for row, *found in zip(rows.tolist(), *vcf_columns(self.genome, alleles.changes.select(rows)), strict=True):
            for column, cell in zip(cells, found, strict=True):
                column[row] = cell
        return [*cells]

    def _alleles(self, batch: VcfRecords) -> Alleles:
        """Returns the checked alleles of a batch. The alleles of the latest batch are cached, because several methods use them."""
        if self._checked is None or self._checked[0] is not batch:
            self._checked = batch, check_alleles(batch, self.genome, self.placement.fits)
        return self._checked[1]


class PairSource:
    """Rows of a table with one sequence for the reference and one for the alternative allele.

    Args:
        path: The table.
        constructs: Constructs of the model.
        columns: The arguments `ref_column`, `alt_column` and `id_column` of `pairs.open_pairs`.
    """

    keys: ClassVar[Mapping[str, type]] = {"id": str}

    def __init__(self, path: str, constructs: Sequence[Construct], **columns: str | int | None) -> None:
        self.path, self.constructs, self.columns = path, tuple(constructs), columns

    @contextmanager
    def open(self) -> Iterator[tuple[list[bytes], Iterator[Pairs]]]:
        """Opens the table and returns an empty header and batches of rows."""
        with open_pairs(self.path, **self.columns) as batches:
            yield [], batches

    def choices(self) -> dict[str, Any]:
        """Returns the names of the chosen columns, which affect the results."""
        return {"columns": self.columns}

    def allele_windows(self, batch: Pairs) -> AlleleWindows:
        """Returns the statuses of the rows and the windows of both sequences."""
        both = batch.refs.joined(batch.alts)
        defects = _defects(both, self.constructs)
        found = {status: rows.reshape(2, -1).any(axis=0) for status, rows in defects.items()}
        found |= {Status.MALFORMED: batch.malformed, Status.SAME_AS_REF: batch.same()}
        statuses = np.zeros(len(batch.ids), np.uint8)
        for status in sorted(found, reverse=True):  # the lowest status of a row is set last and replaces the other statuses
            statuses[found[status]] = status

        def windows(rows: np.ndarray) -> list[np.ndarray]:
            chosen = both.select(np.concatenate([rows, rows + len(batch.ids)]))
            return [PLAIN[construct.windows(chosen)] for construct in self.constructs]

        return AlleleWindows(statuses, windows)

    def rows(self, batch: Pairs) -> np.ndarray:
        """Returns the index of each row, int64 (n,)."""
        return np.arange(len(batch.ids))

    def cells(self, batch: Pairs) -> list[Sequence[Any]]:
        """Returns the only key column, which contains the names of the rows."""
        return [batch.ids]


def _defects(sequences: Ragged, constructs: Sequence[Construct]) -> dict[Status, np.ndarray]:
    """Checks whether sequences fit all constructs. Returns, for each status of a defect, which sequences have this defect, bool (n,)."""
    illegal = np.zeros(len(sequences), bool)
    illegal[sequences.owner(np.flatnonzero(~IS_LETTER[sequences.flat]))] = True
    found = [(construct, construct.find_inserts(sequences)) for construct in constructs]
    return {
        Status.MISSING: sequences.lengths == 0,
        Status.NOT_LETTERS: illegal,
        Status.ONE_ADAPTER: np.any([inserts.one_adapter for _, inserts in found], axis=0),
        Status.OTHER_STRAND: np.any([inserts.other_strand for _, inserts in found], axis=0),
        Status.TOO_SHORT: np.any([inserts.lengths < construct.shortest for construct, inserts in found], axis=0),
        Status.TOO_LONG: np.any([inserts.lengths > construct.longest for construct, inserts in found], axis=0),
    }
