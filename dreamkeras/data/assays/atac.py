"""ATAC-seq as an assay: windows of a genome around peaks and away from them, with the reads that begin in them."""

from functools import partial
from typing import NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.nonpeaks import draw_nonpeaks
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import require_file, source_name
from dreamkeras.genome.bed import Bed, read_bed
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Regions
from dreamkeras.genome.signal import Signal

__all__ = ["atac_assay", "read", "read_ids"]


def atac_assay(layout: AtacLayout) -> Assay:
    """The assay of the peaks of this genome and signal.

    Example:
        >>> atac_assay(AtacLayout("genome.fa", "coverage.bw")).profile
        1000
    """
    return Assay(
        "atac",
        layout.construct(),
        ("log_counts",),
        ("ln(1 + reads)",),
        partial(read, layout),
        profile=layout.profile_length,
        read_ids=partial(read_ids, layout),
    )


class Windows(NamedTuple):
    """The windows of a genome that a file of peaks stands for.

    Args:
        regions: Those around peaks and, after them, non-peaks.
        peaks: How many are peaks.
        remarks: Sentences on how they were chosen.
    """

    regions: Regions
    peaks: int
    remarks: tuple[str, ...]

    @property
    def is_peak(self) -> np.ndarray:
        """bool (n,)."""
        return np.arange(len(self.regions.contigs)) < self.peaks


def read(layout: AtacLayout, path: str) -> Examples:
    """The windows around the peaks of a file and, after them, non-peaks on the same chromosomes.

    Two files of peaks on different chromosomes thus share no non-peak either. Windows that are not on their contig as a whole, and
    second ones of the same place, are left out.

    Args:
        layout: The genome, its reads, the non-peaks and the windows.
        path: The peaks, BED or narrowPeak, plain or gzip.

    Returns:
        Examples with profiles, `is_peak`, a margin of `layout.jitter` and ids such as `chr1:1000-3114`, the window that the model sees.
        Their remarks say what windows are centred on, and how many were left out.

    Raises:
        InputError: A file cannot be read, is of another genome, or leaves no window.
        MissingPackageError: pyBigWig is not installed.
    """
    genome, signal = Genome(layout.genome), Signal(layout.signal)
    bed = read_bed(path, genome, layout.summits)
    signal.check_genome({name: genome.lengths[name] for name in bed.regions.contigs}, genome.path)
    found = _find_windows(layout, genome, bed)
    contigs, starts, margin = found.regions.contigs, found.regions.starts, layout.jitter
    letters = genome.windows(contigs, starts - margin, layout.length + 2 * margin)
    before_profile = (layout.length - layout.profile_length) // 2
    profiles = signal.windows(contigs, starts + before_profile - margin, layout.profile_length + 2 * margin)
    reads = profiles[:, margin : margin + layout.profile_length].sum(axis=1, dtype=np.float64)
    return _examples(layout, found, letters, profiles, reads, margin)


def read_ids(layout: AtacLayout, path: str) -> Examples:
    """As `read`, without letters and reads, which take the longest: what tells windows apart and divides them.

    Raises:
        InputError: A file cannot be read, is of another genome, or leaves no window.
    """
    genome = Genome(layout.genome)
    windows = _find_windows(layout, genome, read_bed(path, genome, layout.summits))
    count = len(windows.is_peak)
    windows = windows._replace(remarks=())
    return _examples(layout, windows, np.zeros((count, 0), np.uint8), np.zeros((count, 0), np.float32), np.zeros(count), 0)


def _find_windows(layout: AtacLayout, genome: Genome, bed: Bed) -> Windows:
    peaks = _on_contigs(bed, layout.length, genome)
    if not layout.nonpeak_ratio:
        return peaks
    others = _nonpeaks(layout, genome, bed)
    return Windows(Regions.joined([peaks.regions, others.regions]), peaks.peaks, peaks.remarks + others.remarks)


def _on_contigs(bed: Bed, length: int, genome: Genome) -> Windows:
    """The windows around regions that are on their contig as a whole, each once."""
    windows = bed.regions.windows(length)
    on, first = windows.on(genome.lengths), windows.first_of_each()
    kept, path = on & first, source_name(bed.path)
    if not kept.any():
        raise InputError(f"Expected a region with a window of {length} letters on its contig, got none of {len(on)} in {path}.")
    left_out = {f"whose windows of {length} letters reach beyond their contig": ~on, "with the window of another": on & ~first}
    reasons = " and ".join(f"{rows.sum():,} {reason}" for reason, rows in left_out.items() if rows.any())
    read = f"Read {len(kept):,} regions of {path}{f'; left out {reasons}' if reasons else ''}."
    return Windows(windows.select(kept), int(kept.sum()), (read, bed.about_middles))


def _nonpeaks(layout: AtacLayout, genome: Genome, peaks: Bed) -> Windows:
    """The windows of the file of non-peaks that lie on the peaks' contigs, or drawn ones."""
    if layout.nonpeaks is None:
        count = max(1, round(layout.drawn * len(peaks.regions.contigs)))
        drawn = draw_nonpeaks(genome, peaks.regions, count, layout.length, layout.seed)
        return Windows(drawn, 0, (f"{len(drawn.contigs):,} non-peaks were drawn from {genome.path}.",))
    require_file(layout.nonpeaks, "it is read for each file of peaks, and again when the model is evaluated")
    bed = read_bed(layout.nonpeaks, genome, False if layout.summits is False else None)  # True is about the peaks
    beside = np.isin(bed.regions.contigs, peaks.regions.contigs)
    if not beside.any():
        raise InputError(f"Expected non-peaks on the chromosomes of the peaks in {peaks.path}, got none in {layout.nonpeaks}.")
    return _on_contigs(bed._replace(regions=bed.regions.select(beside)), layout.length, genome)


def _examples(layout: AtacLayout, found: Windows, letters: np.ndarray, profiles: np.ndarray, reads: np.ndarray, margin: int) -> Examples:
    return Examples(
        ids=found.regions.names,
        letters=letters,
        targets=np.log1p(reads)[:, None].astype(np.float32),
        flags=np.zeros((len(letters), 0), np.float32),
        lengths=np.full(len(letters), layout.length, np.int32),
        construct=layout.construct(),
        profiles=profiles,
        is_peak=found.is_peak,
        margin=margin,
        remarks=found.remarks,
    )
