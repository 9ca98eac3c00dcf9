"""AtacLayout: which files and windows of a genome an ATAC-seq model is trained on. JSON-able; reads nothing."""

import json
from dataclasses import dataclass
from typing import Any

from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

__all__ = ["AtacLayout"]


@dataclass(frozen=True)
class AtacLayout:
    """Where the genome, its reads and its quiet places are, and which windows of them a model sees.

    Args:
        genome: FASTA file of the genome.
        signal: bigWig file of the reads that begin at each position.
        nonpeaks: BED file of windows that are no peaks; None draws them from the genome, see `data.assays.nonpeaks`.
        length: Letters in the window that the model sees.
        profile_length: Positions in the middle of the window whose reads it predicts.
        jitter: How far a training window may be shifted to either side.
        nonpeak_ratio: Non-peaks that an epoch of training has for each peak; 0 reads none.
        drawn: Non-peaks drawn for each peak, where there is no file of them.
        seed: Which of them are drawn; 0 or more.
        summits: Whether column 10 of files of peaks holds summits; None decides by each file, see `genome.bed`.

    Raises:
        InputError: A number is out of range.
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
        """The layout whose `dataclasses.asdict` JSON gives back.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise InputError(f"Expected the fields of an ATAC-seq layout, got {json.dumps(fields)[:200]} ({error}).") from None

    def construct(self) -> Construct:
        """The construct of windows of the genome: letters alone, of either strand.

        Example:
            >>> AtacLayout("genome.fa", "coverage.bw").construct().length
            2114
        """
        return Construct("atac", length=self.length, strands="both", flags=(), alignment="center")
