"""AtacLayout: the files and the window sizes with which an ATAC-seq model is trained. This module opens no files."""

import json
from dataclasses import dataclass
from typing import Any

from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

__all__ = ["AtacLayout"]


@dataclass(frozen=True)
class AtacLayout:
    """The files from which an ATAC-seq model is trained (genome, signal and non-peaks), and the sizes of the windows.

    Args:
        genome: FASTA file of the genome.
        signal: bigWig file with the number of reads that begin at each position.
        nonpeaks: BED file of non-peaks. If None, non-peaks are drawn from the genome, see `data.assays.nonpeaks`.
        length: Number of bases in the window that the model reads.
        profile_length: Number of positions, in the middle of the window, for which read counts are predicted.
        jitter: Maximum shift of a training window in each direction, in bases.
        nonpeak_ratio: Number of non-peaks per peak in each training epoch. If 0, no non-peaks are used.
        drawn: Number of non-peaks to draw per peak if `nonpeaks` is None.
        seed: Random seed for drawing non-peaks, 0 or more.
        summits: Whether column 10 of the file of peaks holds summits. If None, the content of column 10 is detected for each file, see
            `genome.bed`.

    Raises:
        InputError: A number is out of range, or only one of `length` and `profile_length` is even.
    """

    genome: str
    signal: str
    nonpeaks: str | None = None
    length: int = 2114
    profile_length: int = 1000
    jitter: int = 128
    nonpeak_ratio: float = 0.1
    drawn: float = 1.0
    seed: int = 0
    summits: bool | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.profile_length <= self.length:
            raise InputError(f"Expected a profile_length of 1 to {self.length}, the window's length, got {self.profile_length}.")
        if (self.length - self.profile_length) % 2:
            raise InputError(f"Expected length and profile_length both even or both odd, got {self.length} and {self.profile_length}.")
        for field in ("jitter", "nonpeak_ratio", "drawn", "seed"):
            if not getattr(self, field) >= 0:
                raise InputError(f"Expected {field} of 0 or more, got {getattr(self, field)}.")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "AtacLayout":
        """Creates a layout from a dictionary that `dataclasses.asdict` returned.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise InputError(f"Expected the fields of an ATAC-seq layout, got {json.dumps(fields)[:200]} ({error}).") from None

    def construct(self) -> Construct:
        """Returns the construct of genomic windows.

        The construct has no adapters or flanks, and predictions are averaged over both strands.

        Example:
            >>> AtacLayout("genome.fa", "coverage.bw").construct().length
            2114
        """
        return Construct("atac", length=self.length, strands="both", flags=(), alignment="center")
