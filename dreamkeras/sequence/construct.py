"""Construct: the rule by which a sequence is converted to the window of fixed length that a model reads.

The construct of a model is stored in the config of the `.keras` file and in the metadata of the ONNX file.
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
"""Maximum number of cached templates. A template is a window with adapters and flanks for one insert length.

Without the cache, computing templates would take most of the time for small batches.
"""


class InsertPositions(NamedTuple):
    """The positions of inserts in n sequences.

    Args:
        starts: Position of the first base of each insert in `sequences.flat`, int64 (n,).
        lengths: Length of each insert, int64 (n,).
        one_adapter: Whether each sequence has only one of the two adapters, bool (n,).
        other_strand: Whether each sequence is given as its reverse complement, according to its adapters, bool (n,).
    """

    starts: np.ndarray
    lengths: np.ndarray
    one_adapter: np.ndarray
    other_strand: np.ndarray


@dataclass(frozen=True)
class Construct:
    """The adapters and flanks around an insert, and the position of the window that a model reads.

    The window is `left_flank + insert + right_adapter + right_flank`, truncated or padded to `length` bases. Sequences may be given
    with both adapters, or as inserts without adapters. An insert is never truncated. If an insert does not fit into the window, an error
    is raised.

    Args:
        name: Name of the construct, for messages.
        length: Number of bases in the window.
        left_adapter: Constant sequence before the insert. If `left_flank` is given, it must end with the left adapter.
        right_adapter: Constant sequence after the insert.
        left_flank: Vector sequence before the insert, including the left adapter.
        right_flank: Vector sequence after the right adapter.
        alignment: Position of the window. With `"right"`, the window ends with the last base of the right adapter. With `"end"`, the window
            ends with the last base of the right flank. With `"left"`, the window begins with the first base of the left flank. With
            `"center"`, the insert is centred in the window; if the number of other bases is odd, one more base follows the insert.
        shortest: Minimum length of an insert.
        strands: Strand rule. With `"both"`, predictions are averaged over both strands of the window. With `"given"`, predictions are for
            the given strand only.
        flags: Names of additional input channels, which follow the channels of the four bases. Each additional channel has one value per
            sequence.

    Raises:
        InputError: A field has an invalid value, or the left flank does not end with the left adapter.
    """

    name: str
    length: int
    left_adapter: str = ""
    right_adapter: str = ""
    left_flank: str = ""
    right_flank: str = ""
    alignment: Literal["left", "right", "center", "end"] = "right"
    shortest: int = 1
    strands: Literal["both", "given"] = "both"
    flags: tuple[str, ...] = ("is_reverse",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flags", tuple(self.flags))
        for field, allowed in (("alignment", ("left", "right", "center", "end")), ("strands", ("both", "given"))):
            if getattr(self, field) not in allowed:
                raise InputError(f"Expected {field} to be one of {allowed}, got {getattr(self, field)!r} in construct {self.name!r}.")
        for field in ("left_adapter", "right_adapter", "left_flank", "right_flank"):
            if problems := illegal_letters(Ragged.from_strings([getattr(self, field)])):
                raise InputError(f"{problems[0]} in {field} of construct {self.name!r}.")
        if self.left_flank and not self.left_flank.endswith(self.left_adapter):
            raise InputError(f"Expected left_flank to end with left_adapter {self.left_adapter!r} in construct {self.name!r}.")
        if not 1 <= self.shortest <= self.longest:
            raise InputError(
                f"Expected 1 <= shortest <= longest for insert lengths, got shortest {self.shortest} and longest {self.longest} "
                f"in construct {self.name!r}."
            )

    @property
    def longest(self) -> int:
        """Maximum length of an insert, which is the window length minus the adapters and flanks that every window includes."""
        beside = {"right": self.right_adapter, "left": self.left, "center": "", "end": self.right}[self.alignment]
        return self.length - len(beside)

    @property
    def left(self) -> str:
        """Constant sequence before an insert."""
        return self.left_flank or self.left_adapter

    @property
    def right(self) -> str:
        """Constant sequence after an insert."""
        return self.right_adapter + self.right_flank

    @property
    def has_surroundings(self) -> bool:
        """Whether the construct has adapters or flanks.

        Without adapters and flanks, a window can include the genomic sequence around a region.
        """
        return bool(self.left or self.right)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Construct":
        """Creates a construct from a dictionary that `to_json` returned.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise InputError(f"Expected the fields of a construct, got {json.dumps(fields)[:200]} ({error}).") from None

    def to_json(self) -> dict[str, Any]:
        """Returns the fields of the construct as a dictionary that can be written as JSON."""
        return {**dataclasses.asdict(self), "flags": list(self.flags)}

    def inserts(self, sequences: Ragged) -> Ragged:
        """Returns the inserts of sequences, without adapters."""
        return sequences.cut(*self.find_inserts(sequences)[:2])

    def windows(self, sequences: Ragged) -> np.ndarray:
        """Returns the windows of n sequences, uint8 (n, length). Positions beyond the flanks are `N`.

        Sequences may be in any case and may have both adapters or neither. The sequences are not checked: use `fit` or `cut` for
        sequences that may not fit.
        """
        return self._windows(sequences.flat, *self.find_inserts(sequences)[:2])

    def surround(self, inserts: Ragged) -> np.ndarray:
        """Returns the windows of n inserts that are given without adapters, uint8 (n, length).

        The inserts are not searched for adapters, and their letters and lengths are not checked.
        """
        return self._windows(inserts.flat, inserts.offsets[:-1], inserts.lengths)

    def first_columns(self, lengths: np.ndarray) -> np.ndarray:
        """Returns the window column in which an insert of each given length begins, int64 (n,).

        Args:
            lengths: Lengths of inserts, int64 (n,).
        """
        return {
            "right": self.length - len(self.right_adapter) - lengths,
            "left": np.full_like(lengths, len(self.left)),
            "center": (self.length - lengths) // 2,
            "end": self.length - len(self.right) - lengths,
        }[self.alignment]

    def fit(self, sequences: Ragged) -> tuple[np.ndarray, dict[int, str]]:
        """Returns the windows of sequences, and an error message for each sequence that does not fit.

        Returns:
            Two values. The first value is an array of windows, uint8 (n, length), which has no rows if a sequence does not fit. The second
            value is the result of `problems`.
        """
        layout = self.find_inserts(sequences)
        problems = self._problems(sequences, layout)
        rows = slice(0 if problems else None)
        return self._windows(sequences.flat, layout.starts[rows], layout.lengths[rows]), problems

    def problems(self, sequences: Ragged) -> dict[int, str]:
        """Returns a dictionary that maps the index of each sequence that does not fit to an error message.

        A sequence does not fit if its letters, adapters or length are invalid. If all sequences fit, the dictionary is empty.
        """
        return self._problems(sequences, self.find_inserts(sequences))

    def cut(self, records: Records) -> np.ndarray:
        """Returns the windows of a batch of records.

        Returns:
            Windows, uint8 (n, length).

        Raises:
            InputError: A sequence does not fit the construct. The message names record, file and line.
        """
        windows, problems = self.fit(records.sequences)
        if problems:
            index = min(problems)
            raise InputError(f"{problems[index]} in {records.origin(index)}.")
        return windows

    def find_inserts(self, sequences: Ragged) -> InsertPositions:
        """Returns the positions of inserts in sequences with or without adapters.

        The module `small_batches` has a faster implementation for a few sequences.
        """
        begins = begins_with(sequences, self.left_adapter)
        # The right adapter must not overlap the left one, so that no base of a short sequence is removed twice.
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
            found[int(index)] = f"Expected both adapters or neither ({self.left_adapter}...{self.right_adapter}), got only one"
        for index in np.flatnonzero(layout.other_strand):
            found[int(index)] = OTHER_STRAND.format(left=self.left_adapter, right=self.right_adapter)
        return found

    def _windows(self, flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        windows = np.empty((len(starts), self.length), np.uint8)
        of_one_length = (lengths == lengths[:1]).all()
        for length in lengths[:1] if of_one_length else np.unique(lengths):  # a batch has few distinct lengths
            rows = slice(None) if of_one_length else np.flatnonzero(lengths == length)
            first, template = _template(self, int(length))
            windows[rows] = template
            windows[rows, first : first + length] = pieces(flat, starts[rows], int(length))
        return windows

    def wrong_length(self, insert: int, given: int) -> str:
        """Returns the error message for an insert of an invalid length.

        Args:
            insert: Length of the insert.
            given: Length of the sequence before adapters were removed.
        """
        wanted = f"{self.shortest}" if self.shortest == self.longest else f"{self.shortest} to {self.longest}"
        note = f" ({given} with its adapters)" if given != insert else ""
        return f"Expected {wanted} bases for construct {self.name!r}, got {insert}{note}"


@functools.lru_cache(TEMPLATES)
def _template(construct: Construct, length: int) -> tuple[int, np.ndarray]:
    """Returns the first column of an insert in its window, and a read-only window that contains N in place of the insert."""
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
    # The 150 bases that precede the insert in the reporter plasmid (GEO GSE254493). Windows of short inserts thus need no padding.
    left_flank=(
        "AGTCCACTATTAAAGAACGTGGACTCCAACGTCAAAGGGCGAAAAACCGTCTATCAGGGCGATGGCCCACTACGTGAACCATCACCCTAATCA"
        "AGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAACTGCATTTTTTTCACATC"
    ),
    flags=("is_reverse", "is_singleton"),
)
"""Construct of the random promoters of the DREAM challenge, with the window of the autosome team (Rafi et al. 2024)."""
