"""Finds the contigs of regions in a genome. Regions on other contigs raise an error or are skipped."""

from collections import Counter

import numpy as np

from dreamkeras.errors import InputError, OnError, none_of
from dreamkeras.files.inputs import source_name
from dreamkeras.genome.reference import Genome, find_contig, list_contigs, match_contigs
from dreamkeras.genome.regions import Bed

__all__ = ["placed"]


def placed(bed: Bed, genome: Genome, on_error: OnError = "fail") -> Bed:
    """Returns regions whose contigs have their names in the genome.

    Args:
        bed: The regions of a file.
        genome: Reference genome.
        on_error: Action for a region whose contig is not in the genome: `"fail"` raises an error, and `"skip"` skips the region.

    Raises:
        InputError: A contig is not in the genome. The message names file and line. If `on_error` is `"skip"`, no contig is in the genome.
    """
    bed = _without_lacking(bed, genome) if on_error == "skip" else bed
    first = dict(zip(reversed(bed.contigs), reversed(bed.lines.tolist()), strict=True))
    places = {contig: f"{source_name(bed.path)}, line {line}" for contig, line in first.items()}
    names = match_contigs(bed.contigs, genome.lengths, genome.path, places)
    return bed._replace(regions=bed.regions._replace(contigs=[names[contig] for contig in bed.contigs]))


def _without_lacking(bed: Bed, genome: Genome) -> Bed:
    """Removes the regions whose contig is not in the genome.

    Raises:
        InputError: No region is left.
    """
    lengths = genome.lengths
    counts = {name: count for name, count in Counter(bed.contigs).items() if find_contig(name, lengths) is None}
    if not counts:
        return bed
    some = list_contigs(counts, counts)
    lacking = f"of the {len(bed.lines):,} regions in {source_name(bed.path)}"
    if sum(counts.values()) == len(bed.lines):
        raise InputError(
            f"{none_of(len(bed.lines), 'region')} in {source_name(bed.path)} is on a contig of '{genome.path}'. "
            f"The contigs of the regions are {some}."
        )
    about = f"Skipped {sum(counts.values()):,} {lacking}, because {genome.path} lacks their contigs: {some}."
    return bed.select(np.array([contig not in counts for contig in bed.contigs], bool))._replace(about_lacking=about)
