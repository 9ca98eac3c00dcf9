"""Describes the input files of a run (formats, records, regions and contigs) as lines for the report of a dry run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import counted, none_of
from dreamkeras.files.decompression import open_source
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.reading import sniff_format
from dreamkeras.genome.bed import read_bed
from dreamkeras.genome.reference import Genome, find_contig, list_contigs
from dreamkeras.sequence.alphabet import IS_BASE
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.records import Records

__all__ = ["Line", "Tally", "describe_contigs", "describe_files", "describe_regions"]


class Line(NamedTuple):
    """Line of a report: a subject and a statement."""

    subject: str
    text: str


class Tally:
    """Counts records while they are read.

    Args:
        constructs: Constructs of the models, which the records have to fit.
    """

    def __init__(self, constructs: Sequence[Construct]) -> None:
        self._constructs = constructs
        self.records, self.letters, self.unknown, self.unfit = 0, 0, 0, 0
        self.reasons: dict[str, int] = {}
        self.first: dict[str, str] = {}

    def watch(self, batches: Iterable[Records]) -> Iterator[Records]:
        """Counts the records of each batch and yields the batch unchanged."""
        for batch in batches:
            self._add(batch)
            yield batch

    def _add(self, batch: Records) -> None:
        self.records += len(batch.ids)
        self.letters += len(batch.sequences.flat)
        self.unknown += int((~IS_BASE[batch.sequences.flat]).sum())
        problems: dict[int, str] = {}
        for construct in self._constructs:
            problems = {**construct.problems(batch.sequences), **problems}
        self.unfit += len(problems)
        for index, problem in sorted(problems.items()):
            kind = problem.partition(", got ")[0]
            self.reasons[kind] = self.reasons.get(kind, 0) + 1
            self.first.setdefault(kind, f"{problem} in {batch.origin(index)}")

    def failure(self, on_error: str) -> str:
        """Returns the error with which `pipeline.score_records` would fail for the counted records, or an empty string."""
        first = next(iter(self.first.values()), "")
        if self.unfit and on_error == "fail":
            return f"{first}."
        if self.unfit and self.unfit == self.records:
            return f"{none_of(self.unfit, 'sequence')} fits the model. The first one: {first}."
        return ""

    def lines(self) -> list[Line]:
        """Returns lines with the counts, and one line for each reason why records do not fit the model."""
        share = 100 * self.unknown / max(self.letters, 1)
        read = f"{self.records:,} with {self.letters:,} bases, {share:.3g} % of them other than A, C, G and T"
        unfit = [Line("Do not fit", f"{count:,}: {self.first[kind]}") for kind, count in self.reasons.items()]
        return [Line("Records", read), Line("Fit", f"{self.records - self.unfit:,} of {self.records:,}"), *unfit]


def describe_files(paths: Iterable[str], *, is_table: bool = False) -> list[Line]:
    """Returns one line for each file, with the format that `read_records` recognises.

    Raises:
        InputError: A file is missing, empty or malformed.
    """
    lines = []
    for path in paths:
        with open_source(path) as source:
            lines.append(Line("Input", f"{source_name(path)}: {sniff_format(source, is_table=is_table)}"))
    return lines


def describe_regions(paths: Iterable[str], genome: Genome) -> list[Line]:
    """Returns lines with the number of regions in BED files, the contigs found in the genome, and the regions beyond the end of a contig.

    Raises:
        InputError: A file cannot be read, or one of its lines is not a region.
    """
    lines = []
    for path in paths:
        bed = read_bed(path)
        counts: dict[str, int] = {}
        for contig in bed.regions.contigs:
            counts[contig] = counts.get(contig, 0) + 1
        lines += [Line("Input", f"{source_name(path)}: {counted(len(bed.lines), 'region')}"), *describe_contigs(counts, genome)]
        limits = [genome.lengths.get(find_contig(name, genome.lengths) or "", np.inf) for name in bed.regions.contigs]
        beyond = np.flatnonzero(bed.regions.ends > np.array(limits))
        if len(beyond):
            first = f"{bed.regions.names[beyond[0]]} in line {bed.lines[beyond[0]]}"
            lines.append(
                Line("Beyond", f"{len(beyond):,} of {len(bed.lines):,} regions end after the end of their contig. The first is {first}")
            )
    return lines


def describe_contigs(counts: Mapping[str, int], genome: Genome) -> list[Line]:
    """Returns a line with the number of contigs found in a genome and, if contigs are missing, a line with their names.

    A contig is found if its name is in the genome with or without `chr`. `counts` has the number of regions or variants of each contig.
    """
    lengths = genome.lengths
    lacking = {name: count for name, count in counts.items() if find_contig(name, lengths) is None}
    lines = [Line("Contigs", f"{len(counts) - len(lacking)} of {len(counts)} contigs were found in {genome.path}")]
    if lacking:
        lines.append(Line("Missing", f"{list_contigs(lacking, lacking)}. The genome contains {list_contigs(lengths)}"))
    return lines
