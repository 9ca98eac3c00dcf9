"""ATAC-seq as an assay: windows of a genome around peaks and away from them, with the reads that begin in them."""

import sys
from functools import partial

import numpy as np

from dreamkeras.data.assay import Assay
from dreamkeras.data.atac_layout import AtacLayout
from dreamkeras.data.examples import Examples
from dreamkeras.data.nonpeaks import draw_nonpeaks
from dreamkeras.data.signal import Signal
from dreamkeras.errors import InputError
from dreamkeras.sequence.genome import Genome
from dreamkeras.sequence.regions import Regions, read_regions

__all__ = ["atac_assay", "read"]


def atac_assay(layout: AtacLayout) -> Assay:
    """The assay of the peaks of this genome and signal.

    Example:
        >>> atac_assay(AtacLayout("genome.fa", "coverage.bw")).profile
        1000
    """
    return Assay("atac", layout.construct(), ("log_counts",), ("ln(1 + reads)",), partial(read, layout), profile=layout.profile_length)


def read(layout: AtacLayout, path: str) -> Examples:
    """The windows around the peaks of a file and, after them, non-peaks on the same chromosomes.

    Two files of peaks on different chromosomes thus share no non-peak either. Windows that are not on their contig as a whole, and
    second ones of the same place, are left out; their number is told on standard error.

    Args:
        layout: The genome, its reads, the non-peaks and the windows.
        path: The peaks, BED or narrowPeak, plain or gzip.

    Returns:
        Examples with profiles, `is_peak`, a margin of `layout.jitter` and ids such as `chr1:1000-3114`, the window that the model sees.

    Raises:
        InputError: A file cannot be read, is of another genome, or leaves no window.
        MissingPackageError: pyBigWig is not installed.
    """
    genome, signal = Genome(layout.genome), Signal(layout.signal)
    peaks = read_regions(path, genome)
    signal.check_genome({name: genome.lengths[name] for name in peaks.contigs}, genome.path)
    windows = [_windows(peaks, layout.length, genome, path)]
    if layout.nonpeak_ratio:
        windows.append(_nonpeaks(layout, genome, peaks, path))
    is_peak = np.repeat([True, False], [len(windows[0].contigs), sum(len(part.contigs) for part in windows[1:])])
    return _examples(layout, genome, signal, Regions.joined(windows), is_peak)


def _windows(regions: Regions, length: int, genome: Genome, path: str) -> Regions:
    """The windows around regions that are on their contig as a whole, each once."""
    windows = regions.windows(length)
    on, first = windows.on(genome.lengths), windows.first_of_each()
    kept = on & first
    if not kept.any():
        raise InputError(f"Expected a region with a window of {length} letters on its contig, got none of {len(on)} in {path}.")
    if not kept.all():
        sys.stderr.write(
            f"{np.sum(~kept):,} of the {len(kept):,} regions in {path} are left out: {np.sum(~on):,} whose windows of {length} letters "
            f"reach beyond their contig, {np.sum(on & ~first):,} that have the window of another.\n"
        )
    return windows.select(kept)


def _nonpeaks(layout: AtacLayout, genome: Genome, peaks: Regions, path: str) -> Regions:
    """The windows of the file of non-peaks that lie on the peaks' contigs, or drawn ones."""
    if layout.nonpeaks is None:
        count = max(1, round(layout.drawn * len(peaks.contigs)))
        return draw_nonpeaks(genome, peaks, count, layout.length, layout.seed)
    regions = read_regions(layout.nonpeaks, genome)
    beside = np.isin(regions.contigs, peaks.contigs)
    if not beside.any():
        raise InputError(f"Expected non-peaks on the chromosomes of the peaks in {path}, got none in {layout.nonpeaks}.")
    return _windows(regions.select(beside), layout.length, genome, layout.nonpeaks)


def _examples(layout: AtacLayout, genome: Genome, signal: Signal, windows: Regions, is_peak: np.ndarray) -> Examples:
    margin, count = layout.jitter, len(windows.contigs)
    before_profile = (layout.length - layout.profile_length) // 2
    letters = genome.windows(windows.contigs, windows.starts - margin, layout.length + 2 * margin)
    profiles = signal.windows(windows.contigs, windows.starts + before_profile - margin, layout.profile_length + 2 * margin)
    reads = profiles[:, margin : margin + layout.profile_length].sum(axis=1, dtype=np.float64)
    return Examples(
        ids=windows.names,
        letters=letters,
        targets=np.log1p(reads)[:, None].astype(np.float32),
        flags=np.zeros((count, 0), np.float32),
        lengths=np.full(count, layout.length, np.int32),
        construct=layout.construct(),
        profiles=profiles,
        is_peak=is_peak,
        margin=margin,
    )
