"""Construct: how a measured sequence becomes the fixed window of letters that a model sees.

A construct travels with its model, in the `.keras` file's config and in the ONNX file's metadata. Knows nothing about assays' values.
"""

import dataclasses
import functools
import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import N, letter_codes
from dreamkeras.sequence.matching import begins_with, ends_with, illegal_letters
from dreamkeras.sequence.orientation import OTHER_STRAND, has_one_adapter, on_other_strand
from dreamkeras.sequence.ragged import Ragged, pieces
from dreamkeras.sequence.records import Records

__all__ = ["TEMPLATES", "YEAST", "Construct", "InsertPositions"]

TEMPLATES = 128
"""Windows of flanks that are kept, one a length of insert: a batch of few sequences takes longer over those than over its letters."""


class InsertPositions(NamedTuple):
    """The positions of inserts in n sequences.

    Args:
        starts: int64 (n,), the place of each insert's first letter in `sequences.flat`.
        lengths: int64 (n,), its letters.
        one_adapter: bool (n,), whether the sequence has one of the two adapters and not the other.
        other_strand: bool (n,), whether it is a reverse complement, by its adapters.
    """

    starts: np.ndarray
    lengths: np.ndarray
    one_adapter: np.ndarray
    other_strand: np.ndarray


@dataclass(frozen=True)
class Construct:
    """The reporter construct around an insert, and the window of it that a model sees.

    The window is `left_flank + insert + right_adapter + right_flank`, cut to `length` letters. Sequences may be given
    with both adapters, as they were synthesised, or as the bare insert. No letter of an insert is ever lost: one that
    does not fit is an error.

    Args:
        name: For messages.
        length: Letters in the window.
        left_adapter: Constant letters before the insert in the given sequences; the end of `left_flank`, where there is one.
        right_adapter: Constant letters after the insert.
        left_flank: Vector letters up to the insert's first letter, left adapter included.
        right_flank: Vector letters after the right adapter.
        alignment: Which end of the construct the window holds on to: `"right"` ends with the last letter of the right
            adapter, `"left"` begins with the first letter of the left flank, `"center"` centres the insert.
        shortest: Fewest letters an insert may have.
        strands: `"both"`: a prediction is the mean of the two strands of the window; `"given"`: the strand as given.
        flags: Names of the per-sequence channels beside the four bases, in order.

    Raises:
        InputError: A field is out of range, or flanks and adapters disagree.
    """

    name: str
    length: int
    left_adapter: str = ""
    right_adapter: str = ""
    left_flank: str = ""
    right_flank: str = ""
    alignment: Literal["left", "right", "center"] = "right"
    shortest: int = 1
    strands: Literal["both", "given"] = "both"
    flags: tuple[str, ...] = ("is_reverse",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flags", tuple(self.flags))
        for field, allowed in (("alignment", ("left", "right", "center")), ("strands", ("both", "given"))):
            if getattr(self, field) not in allowed:
                raise InputError(f"Expected {field} to be one of {allowed}, got {getattr(self, field)!r} in construct {self.name!r}.")
        for field in ("left_adapter", "right_adapter", "left_flank", "right_flank"):
            if problems := illegal_letters(Ragged.from_strings([getattr(self, field)])):
                raise InputError(f"{problems[0]} in {field} of construct {self.name!r}.")
        if self.left_flank and not self.left_flank.endswith(self.left_adapter):
            raise InputError(f"Expected left_flank to end with left_adapter {self.left_adapter!r} in construct {self.name!r}.")
        if not 1 <= self.shortest <= self.longest:
            raise InputError(f"Expected room for inserts of {self.shortest} letters, got {self.longest} in construct {self.name!r}.")

    @property
    def longest(self) -> int:
        """The most letters an insert may have: what the window holds beside the parts it is aligned to."""
        beside = {"right": self.right_adapter, "left": self.left, "center": ""}[self.alignment]
        return self.length - len(beside)

    @property
    def left(self) -> str:
        """The constant letters to the left of an insert."""
        return self.left_flank or self.left_adapter

    @property
    def right(self) -> str:
        """The constant letters to the right of an insert."""
        return self.right_adapter + self.right_flank

    @property
    def has_surroundings(self) -> bool:
        """Whether constant letters stand around an insert; without them a window of a genome can be longer than what is asked about."""
        return bool(self.left or self.right)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Construct":
        """The construct that `to_json` described.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise InputError(f"Expected the fields of a construct, got {json.dumps(fields)[:200]} ({error}).") from None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-able values."""
        return {**dataclasses.asdict(self), "flags": list(self.flags)}

    def inserts(self, sequences: Ragged) -> Ragged:
        """The inserts of sequences, without the adapters that they are given with."""
        return sequences.cut(*self.find_inserts(sequences)[:2])

    def windows(self, sequences: Ragged) -> np.ndarray:
        """uint8 (n, length): windows of n sequences that fit, each with both adapters or with neither, in any case; `N` beyond the flanks.

        `fit` and `cut` take sequences that may not fit.
        """
        return self._windows(sequences.flat, *self.find_inserts(sequences)[:2])

    def surround(self, inserts: Ragged) -> np.ndarray:
        """The windows of bare inserts that fit, without a look for adapters; uint8 (n, length), as `windows`."""
        return self._windows(inserts.flat, inserts.offsets[:-1], inserts.lengths)

    def first_columns(self, lengths: np.ndarray) -> np.ndarray:
        """int64 (n,): the column of a window at which an insert of each length, int64 (n,), begins."""
        return {
            "right": self.length - len(self.right_adapter) - lengths,
            "left": np.full_like(lengths, len(self.left)),
            "center": (self.length - lengths) // 2,
        }[self.alignment]

    def fit(self, sequences: Ragged) -> tuple[np.ndarray, dict[int, str]]:
        """The windows of sequences, or why they have none.

        Returns:
            As `windows`, of no rows where one does not fit, and as `problems`.
        """
        layout = self.find_inserts(sequences)
        problems = self._problems(sequences, layout)
        rows = slice(0 if problems else None)
        return self._windows(sequences.flat, layout.starts[rows], layout.lengths[rows]), problems

    def problems(self, sequences: Ragged) -> dict[int, str]:
        """Why each unfit sequence does not go into this construct, by its index: letters, adapters or length; empty when all fit."""
        return self._problems(sequences, self.find_inserts(sequences))

    def cut(self, records: Records) -> np.ndarray:
        """The windows of a batch of records.

        Returns:
            uint8 (n, length), letters.

        Raises:
            InputError: A sequence does not fit; the message names the record, the file and the line.
        """
        windows, problems = self.fit(records.sequences)
        if problems:
            index = min(problems)
            raise InputError(f"{problems[index]} in {records.origin(index)}.")
        return windows

    def find_inserts(self, sequences: Ragged) -> InsertPositions:
        """Where inserts stand, with adapters or without; `small_batches` does the same for a few sequences."""
        begins = begins_with(sequences, self.left_adapter)
        # The right adapter counts only behind a left one's letters, so that short sequences are never cut twice.
        ends = ends_with(sequences, self.right_adapter, len(self.left_adapter))
        left, right = begins * len(self.left_adapter), ends * len(self.right_adapter)
        one = has_one_adapter(begins, ends, self.left_adapter, self.right_adapter)
        bare = ~(begins | ends)
        turned = bare & on_other_strand(sequences, self.left_adapter, self.right_adapter) if bare.any() else bare
        return InsertPositions(sequences.offsets[:-1] + left, sequences.lengths - left - right, one, turned)

    def _problems(self, sequences: Ragged, layout: InsertPositions) -> dict[int, str]:
        found = illegal_letters(sequences)
        for index in np.flatnonzero((layout.lengths < self.shortest) | (layout.lengths > self.longest)):
            found.setdefault(int(index), self.wrong_length(int(layout.lengths[index]), int(sequences.lengths[index])))
        for index in np.flatnonzero(layout.one_adapter):
            found[int(index)] = f"Expected both adapters or neither ({self.left_adapter}...{self.right_adapter}), got one of them"
        for index in np.flatnonzero(layout.other_strand):
            found[int(index)] = OTHER_STRAND.format(left=self.left_adapter, right=self.right_adapter)
        return found

    def _windows(self, flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        windows = np.empty((len(starts), self.length), np.uint8)
        of_one_length = (lengths == lengths[:1]).all()
        for length in lengths[:1] if of_one_length else np.unique(lengths):  # a measured library has few: one copy for each
            rows = slice(None) if of_one_length else np.flatnonzero(lengths == length)
            first, template = _template(self, int(length))
            windows[rows] = template
            windows[rows, first : first + length] = pieces(flat, starts[rows], int(length))
        return windows

    def wrong_length(self, insert: int, given: int) -> str:
        """The message about an insert of this length, in a sequence of so many letters."""
        wanted = f"{self.shortest}" if self.shortest == self.longest else f"{self.shortest} to {self.longest}"
        note = f" ({given} with its adapters)" if given != insert else ""
        return f"Expected {wanted} bases for construct {self.name!r}, got {insert}{note}"


@functools.lru_cache(TEMPLATES)
def _template(construct: Construct, length: int) -> tuple[int, np.ndarray]:
    """The column of an insert's first letter, and a window of flanks around an insert of this length; not to be changed."""
    left, right = letter_codes(construct.left), letter_codes(construct.right)
    nothing = np.full(construct.length, N, np.uint8)
    first = int(construct.first_columns(np.array(length)))
    around = np.concatenate([nothing, left, np.full(length, N, np.uint8), right, nothing])
    begin = construct.length + len(left) - first
    template = around[begin : begin + construct.length].copy()
    template.flags.writeable = False
    return first, template


YEAST = Construct(
    name="yeast",
    length=150,
    left_adapter="TGCATTTTTTTCACATC",
    right_adapter="GGTTACGGCTGTT",
    # 150 letters of the reporter plasmid (GEO GSE254493) up to the insert, so that a short insert still fills the window.
    left_flank=(
        "AGTCCACTATTAAAGAACGTGGACTCCAACGTCAAAGGGCGAAAAACCGTCTATCAGGGCGATGGCCCACTACGTGAACCATCACCCTAATCA"
        "AGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAACTGCATTTTTTTCACATC"
    ),
    flags=("is_reverse", "is_singleton"),
)
"""The random promoters of the DREAM challenge, as the autosome team cut them (Rafi et al. 2024)."""
