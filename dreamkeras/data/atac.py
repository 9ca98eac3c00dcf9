"""ATAC-seq as an assay: windows of a genome around peaks and non-peaks, with the reads that begin in them."""

from functools import partial

from dreamkeras.data.assay import Assay
from dreamkeras.data.atac_layout import AtacLayout
from dreamkeras.data.examples import Examples

__all__ = ["atac_assay", "read"]


def atac_assay(layout: AtacLayout) -> Assay:
    """The assay of the peaks of this genome and signal.

    Example:
        >>> atac_assay(AtacLayout("genome.fa", "coverage.bw")).profile
        1000
    """
    return Assay("atac", layout.construct(), ("log_counts",), ("ln(1 + reads)",), partial(read, layout), profile=layout.profile_length)


def read(layout: AtacLayout, path: str) -> Examples:
    """The windows around the peaks of a file, and non-peaks on the same chromosomes."""
    raise NotImplementedError
