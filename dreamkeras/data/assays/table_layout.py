"""TableLayout: the columns of a user's own table, and the letters around its sequences. JSON-able; reads nothing."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dreamkeras.errors import InputError
from dreamkeras.formats.tables import Column
from dreamkeras.sequence.construct import Construct

__all__ = ["TableLayout"]

COLUMNS = ("sequence_column", "id_column", "weight_column", "variance_column", "fold_column")
"""The fields that are one column."""


@dataclass(frozen=True)
class TableLayout:
    """The columns of a table of measured sequences, and the construct of the sequences.

    A column is a name, in any case, or a position from 0. Digits as text are a name if the header of the data has exactly this name, and
    a position otherwise: `data.assays.table.settled_layout`, with which a run or an evaluation begins, makes them a name or an int.

    Args:
        target_column: Columns of the measured values, one a task.
        sequence_column: By default the one called sequence or seq or, where there is no header, the one that looks like DNA.
        id_column: By default the one called id, seq_id or name; without one, rows are numbered from 1.
        weight_column: How much each row counts in the loss, e.g. its number of barcodes.
        variance_column: The variance of each row's values, in place of weights: a row counts by its inverse.
        replicate_columns: For each task, the columns of the measurements that its values are means of.
        fold_column: The fold of each row, a whole number.
        left_adapter: Constant letters that the sequences begin with, or may be given without.
        right_adapter: Constant letters that they end with.
        left_flank: Letters before each measured sequence that are not in the table.
        right_flank: Letters after it.
        length: Letters in the window that the model sees; None takes the longest sequence with the letters around it.
        reverse_mark: A part of the ids of sequences measured in reverse; the flag `is_reverse` is 1 for them.
        both_strands: Whether a value belongs to both strands, so that either is trained on and the answer is their mean.

    Raises:
        InputError: Columns are missing or named twice, or choices exclude one another.
    """

    target_column: tuple[Column, ...]
    sequence_column: Column | None = None
    id_column: Column | None = None
    weight_column: Column | None = None
    variance_column: Column | None = None
    replicate_columns: tuple[tuple[Column, ...], ...] = ()
    fold_column: Column | None = None
    left_adapter: str = ""
    right_adapter: str = ""
    left_flank: str = ""
    right_flank: str = ""
    length: int | None = None
    reverse_mark: str | None = None
    both_strands: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_column", tuple(self.target_column))
        object.__setattr__(self, "replicate_columns", tuple(tuple(columns) for columns in self.replicate_columns))
        if not self.target_column or len(set(self.tasks)) < len(self.tasks):
            raise InputError(f"Expected one or more different columns as target_column, got {', '.join(self.tasks) or 'none'}.")
        for one, other in (("weight_column", "variance_column"), ("reverse_mark", "both_strands")):
            if all(value not in (None, "") and value is not False for value in (getattr(self, one), getattr(self, other))):
                raise InputError(f"Expected one of {one} and {other}, got both.")
        self._check_replicates()
        if self.length is not None and not self.length > 0:
            raise InputError(f"Expected length above 0, got {self.length}.")

    def _check_replicates(self) -> None:
        if self.replicate_columns and len(self.replicate_columns) != len(self.target_column):
            raise InputError(f"Expected replicate_columns for each of {len(self.tasks)} targets, got {len(self.replicate_columns)}.")
        for columns in self.replicate_columns:
            if len(set(columns)) < len(columns) or len(columns) < 2:
                raise InputError(f"Expected two or more different replicate columns, got {', '.join(map(str, columns))}.")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The name of each target: its column's."""
        return tuple(column if isinstance(column, str) else f"column_{column}" for column in self.target_column)

    def construct(self) -> Construct:
        """The construct of the sequences: between adapters and flanks, in a window that begins with the left flank's first letter.

        Raises:
            InputError: The length is open, or too short, or adapters and flanks are no DNA.
        """
        if self.length is None:
            raise InputError("Expected a table's layout with the length of its windows, got None.")
        return Construct(
            name="table",
            length=self.length,
            left_adapter=self.left_adapter,
            right_adapter=self.right_adapter,
            left_flank=self.left_flank + self.left_adapter,
            right_flank=self.right_flank,
            alignment="left",
            strands="both" if self.both_strands else "given",
            flags=("is_reverse",) if self.reverse_mark else (),
        )

    def construct_of_run(self, stored: dict[str, Any] | None) -> Construct:
        """The construct of a run that has begun, from its `config.json`.

        None in runs of older versions, whose networks have a flag for the strand.

        Raises:
            InputError: As `construct` and `Construct.from_json`.
        """
        if stored is not None:
            return Construct.from_json(stored)
        return dataclasses.replace(self.construct(), flags=("is_reverse",)) if self.both_strands else self.construct()

    def require_fit(self, construct: Construct) -> None:
        """Checks what the layout says of flanks, window and strands, where it does, against the construct of a model.

        Raises:
            InputError: Something differs; the message gives the model's value.
        """
        left = construct.left_flank.removesuffix(construct.left_adapter)
        found: dict[str, Any] = {name: getattr(construct, name) for name in ("left_adapter", "right_adapter", "right_flank", "length")}
        found |= {"left_flank": left, "both_strands": construct.strands == "both"}
        for name, value in found.items():
            if (given := getattr(self, name)) and given != value:
                raise InputError(f"Expected {name} {value!r}, which the model was trained with, got {given!r}: it may be left out.")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "TableLayout":
        """The layout whose `dataclasses.asdict` JSON gives back.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise InputError(f"Expected the fields of a table's layout, got {json.dumps(fields)[:200]} ({error}).") from None

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column that is named, by whichever field."""
        single = (getattr(self, name) for name in COLUMNS)
        replicates = (column for columns in self.replicate_columns for column in columns)
        return (*self.target_column, *(column for column in single if column is not None), *replicates)

    def settled(self, choose: Callable[[Any], Any]) -> "TableLayout":
        """The layout whose columns are what `choose` makes of each."""
        single: dict[str, Any] = {name: choose(column) for name in COLUMNS if (column := getattr(self, name)) is not None}
        targets = tuple(map(choose, self.target_column))
        replicates = tuple(tuple(map(choose, columns)) for columns in self.replicate_columns)
        return dataclasses.replace(self, target_column=targets, replicate_columns=replicates, **single)

    def with_length(self, longest: int) -> "TableLayout":
        """The layout whose windows hold inserts of this many letters with all that stands around them, unless it has a length."""
        around = self.left_flank + self.left_adapter + self.right_adapter + self.right_flank
        return self if self.length else dataclasses.replace(self, length=longest + len(around))
