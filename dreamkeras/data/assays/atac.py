"""The ATAC-seq assay: genomic windows around peaks and away from peaks, with the number of reads that begin at each position."""

from functools import partial
from typing import NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.nonpeaks import draw_nonpeaks
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, OnError, counted, none_of
from dreamkeras.files.inputs import require_file, source_name
from dreamkeras.genome.bed import read_bed
from dreamkeras.genome.reference import Genome, list_contigs
from dreamkeras.genome.regions import Bed, Regions
from dreamkeras.genome.signal import Signal

__all__ = ["atac_assay", "read", "read_ids"]


def atac_assay(layout: AtacLayout) -> Assay:
    """Returns the ATAC-seq assay, which reads the files that a layout names, with the window sizes of the layout.

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
    """The windows around the peaks of a file, and the non-peaks that are used together with these peaks.

    Args:
        regions: Windows around peaks, followed by windows away from peaks (non-peaks).
        peaks: Number of windows around peaks.
        remarks: Notes for the model card on how the windows were selected.
    """

    regions: Regions
    peaks: int
    remarks: tuple[str, ...]

    @property
    def is_peak(self) -> np.ndarray:
        """Whether each window is around a peak, bool (n,)."""
        return np.arange(len(self.regions.contigs)) < self.peaks


def read(layout: AtacLayout, path: str, on_error: OnError = "fail") -> Examples:
    """Reads the windows around the peaks of a file, followed by non-peaks on the same chromosomes.

    Non-peaks are selected only on the chromosomes of these peaks. Therefore, two files with peaks on different chromosomes, for example
    for training and validation, share no non-peaks. Windows that extend beyond their contig are omitted, and so are duplicates of a window.
    Contigs that the signal lacks have no reads.

    Args:
        layout: Layout with the files of the genome, the reads and the non-peaks, and with the window sizes.
        path: File of peaks, BED or narrowPeak, plain or gzip.
        on_error: Action for regions whose contig is not in the genome: `"fail"` raises an error, and `"skip"` skips the regions.

    Returns:
        Examples with profiles, `is_peak` and a margin of `layout.jitter`. An id such as `chr1:1000-3114` names the window that the
        model reads. The field `remarks` states whether windows are centred on summits, and how many regions were omitted.

    Raises:
        InputError: A file cannot be read or belongs to another genome, or all windows are omitted.
        MissingPackageError: pyBigWig is not installed.
    """
    genome, signal = Genome(layout.genome), Signal(layout.signal)
    bed = read_bed(path, genome, layout.summits, on_error=on_error)
    lacking = signal.check_genome({name: genome.lengths[name] for name in bed.regions.contigs}, genome.path)
    found = _find_windows(layout, genome, bed, on_error)
    found = found._replace(remarks=(*found.remarks, *_about_lacking(signal, lacking, found.regions)))
    contigs, starts, margin = found.regions.contigs, found.regions.starts, layout.jitter
    letters = genome.windows(contigs, starts - margin, layout.length + 2 * margin)
    before_profile = (layout.length - layout.profile_length) // 2
    profiles = signal.windows(contigs, starts + before_profile - margin, layout.profile_length + 2 * margin)
    reads = profiles[:, margin : margin + layout.profile_length].sum(axis=1, dtype=np.float64)
    return _examples(layout, found, letters, profiles, reads, margin)


def _about_lacking(signal: Signal, lacking: list[str], windows: Regions) -> list[str]:
    """Returns a sentence that counts the windows on contigs that the signal lacks, or an empty list."""
    count = sum(name in lacking for name in windows.contigs)
    if not count:
        return []
    some = f"{count:,} of the {len(windows.contigs):,} windows"
    have, contigs = ("has", "its contig") if count == 1 else ("have", "their contigs")
    return [f"{some} {have} 0 reads, because {signal.path} lacks {contigs}: {list_contigs(lacking)}."]


def read_ids(layout: AtacLayout, path: str, on_error: OnError = "fail") -> Examples:
    """Reads the ids of the windows that `read` returns, but neither their sequences nor their read counts.

    Ids are sufficient to split windows into training and validation data. Reading ids is much faster than reading sequences and signal.

    Raises:
        InputError: A file cannot be read or belongs to another genome, or all windows are omitted.
    """
    genome = Genome(layout.genome)
    windows = _find_windows(layout, genome, read_bed(path, genome, layout.summits, on_error=on_error), on_error)
    count = len(windows.is_peak)
    windows = windows._replace(remarks=())
    return _examples(layout, windows, np.zeros((count, 0), np.uint8), np.zeros((count, 0), np.float32), np.zeros(count), 0)


def _find_windows(layout: AtacLayout, genome: Genome, bed: Bed, on_error: OnError) -> Windows:
    peaks = _on_contigs(bed, layout.length, genome)
    if not layout.nonpeak_ratio:
        return peaks
    others = _nonpeaks(layout, genome, bed, on_error)
    return Windows(Regions.joined([peaks.regions, others.regions]), peaks.peaks, peaks.remarks + others.remarks)


def _on_contigs(bed: Bed, length: int, genome: Genome) -> Windows:
    """Returns the windows around the regions, without duplicates and without windows that extend beyond their contig."""
    windows = bed.regions.windows(length)
    on, first = windows.on(genome.lengths), windows.first_of_each()
    kept, path = on & first, source_name(bed.path)
    if not kept.any():
        raise InputError(f"{none_of(len(on), 'region')} in {path} has a window of {length} bases within its contig.")
    left_out = {f"whose windows of {length} bases extend beyond their contig": ~on, "with the same window as another region": on & ~first}
    reasons = " and ".join(f"{rows.sum():,} {reason}" for reason, rows in left_out.items() if rows.any())
    read = f"Read {counted(len(kept), 'region')} of {path}{f'; skipped {reasons}' if reasons else ''}."
    return Windows(windows.select(kept), int(kept.sum()), tuple(filter(None, (bed.about_lacking, read, bed.about_middles))))


def _nonpeaks(layout: AtacLayout, genome: Genome, peaks: Bed, on_error: OnError) -> Windows:
    """Returns non-peaks on the contigs of the peaks: from the file `layout.nonpeaks` or, if it is None, drawn at random from the genome."""
    if layout.nonpeaks is None:
        count = max(1, round(layout.drawn * len(peaks.regions.contigs)))
        drawn = draw_nonpeaks(genome, peaks.regions, count, layout.length, layout.seed)
        return Windows(drawn, 0, (f"Drew {counted(len(drawn.contigs), 'non-peak')} at random from {genome.path}.",))
    require_file(layout.nonpeaks, "non-peaks are read for each file of peaks, and again when the model is evaluated")
    summits = False if layout.summits is False else None  # `summits=True` applies to the file of peaks only
    bed = read_bed(layout.nonpeaks, genome, summits, on_error=on_error)
    beside = np.isin(bed.regions.contigs, peaks.regions.contigs)
    if not beside.any():
        raise InputError(f"{layout.nonpeaks} has no region on the chromosomes of the peaks in '{peaks.path}'.")
    return _on_contigs(bed.select(beside), layout.length, genome)


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
