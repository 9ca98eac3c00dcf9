"""TableLayout: the columns of a user's own table, and the adapters and flanks of its sequences.

This module opens no files.
"""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dreamkeras.data.names import ALIGNMENTS, RAW, SATURATING, WEIGHTS
from dreamkeras.errors import InputError
from dreamkeras.formats.decimals import LARGEST
from dreamkeras.formats.headers import Column
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["TableLayout"]

COLUMNS = ("sequence_column", "id_column", "weight_column", "variance_column", "fold_column")
"""Fields of `TableLayout` that name a single column."""


@dataclass(frozen=True)
class TableLayout:
    """The columns of a table of sequences with measured values, and the construct of the sequences.

    A column is given as a name, in upper or lower case, or as a position, counted from 0. A text that consists of digits is a name if the
    header has exactly this name, and a position otherwise. Before training and evaluation read the table,
    `data.assays.table.settled_layout` decides this for every text of digits.

    Args:
        target_column: Columns of the measured values, one for each task. If empty, the measured values are the means of
            `replicate_columns`. With `replicate_columns`, a name that is not a column of the table is only the name of a task.
        sequence_column: Column of the sequences. Defaults to the column named sequence or seq. Without a header, the default is the
            column that looks like DNA.
        id_column: Column of the ids. Defaults to the column named id, seq_id or name. Without an id column, rows are numbered
            from 1.
        weight_column: Column with the weight of each row in the loss, for example its number of barcodes.
        variance_column: Column with the variance of each row's values. The weight of a row is the inverse of its variance.
        replicate_columns: For each task, the columns of replicate measurements whose mean is the measured value.
        fold_column: Column with the fold of each row, which is a number or a text such as `train` or `chr8`.
        left_adapter: Constant sequence before each measured sequence. The sequences in the table may have both adapters or neither.
        right_adapter: Constant sequence after each measured sequence.
        left_flank: Constant sequence before the left adapter. The sequences in the table do not include flanks.
        right_flank: Constant sequence after the right adapter. The sequences in the table do not include flanks.
        length: Number of bases in the window that the model reads. If None, the window fits the longest sequence with adapters and flanks.
        reverse_mark: Text in the ids of sequences that were measured in reverse orientation. The flag `is_reverse` is 1 for
            sequences whose id contains this text.
        both_strands: Whether the measured values apply to both strands. If True, both strands are used for training, and predictions
            are averaged over both strands.
        align: Where short sequences are in the window. `"left"`: the window begins with the left flank, and padding follows. `"right"`: the
            window ends with the right flank. `"center"`: the sequences are in the middle. If None, `"left"`.
        weight: How the weights in the column are used. `"saturating"`: a row with weight w has weight w / (w + c) in the loss. `"raw"`: a
            row has the weight in the column.
        weight_half: The weight c at which a row has half of the maximum saturating weight. If None, the median of the weights in the data.
        transform: Transformation of the measured values before training, one of `sequence.names.TRANSFORMS`. Applies to all tasks of the
            kind `"value"`.
        offset: Number that is added to the measured values before the transformation `"log2"`.
        kinds: Kind of each task, from `sequence.names.TASK_KINDS`. A single kind applies to all tasks. By default, all tasks have the kind
            `"value"`.

    Raises:
        InputError: A column is missing or given twice, two arguments cannot be combined, or the length is below 1.
    """

    target_column: tuple[Column, ...] = ()
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
    align: Literal["left", "right", "center"] | None = None
    weight: str = SATURATING
    weight_half: float | None = None
    transform: str = "none"
    offset: float = 0.0
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_column", tuple(self.target_column))
        object.__setattr__(self, "replicate_columns", tuple(tuple(columns) for columns in self.replicate_columns))
        object.__setattr__(self, "kinds", (self.kinds,) if isinstance(self.kinds, str) else tuple(self.kinds))
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise InputError(f"Expected one or more distinct columns as target_column, got {', '.join(self.tasks) or 'none'}.")
        for one, other in (("weight_column", "variance_column"), ("reverse_mark", "both_strands")):
            if all(value not in (None, "") and value is not False for value in (getattr(self, one), getattr(self, other))):
                raise InputError(f"{one} and {other} cannot be combined. Choose one of them.")
        self._check_replicates()
        self._check_weights()
        if self.align not in (None, *ALIGNMENTS):
            raise InputError(f"Expected align to be one of {', '.join(ALIGNMENTS)}, got {self.align!r}.")
        self._check_scales()
        if self.length is not None and not self.length > 0:
            raise InputError(f"Expected length above 0, got {self.length}.")

    def _check_weights(self) -> None:
        if self.weight not in WEIGHTS:
            raise InputError(f"Expected weight to be one of {', '.join(WEIGHTS)}, got {self.weight!r}.")
        if self.weight_half is not None and self.weight == RAW:
            raise InputError(f"weight_half applies to saturating weights. It cannot be combined with weight {RAW!r}.")
        if self.weight_half is not None and not 1 / LARGEST <= self.weight_half <= LARGEST:
            raise InputError(f"Expected weight_half from {1 / LARGEST:g} to {LARGEST:g}, got {self.weight_half}.")

    def _check_replicates(self) -> None:
        if self.replicate_columns and len(self.replicate_columns) != len(self.tasks):
            raise InputError(f"Expected replicate_columns for each of {len(self.tasks)} targets, got {len(self.replicate_columns)}.")
        for columns in self.replicate_columns:
            if len(set(columns)) < len(columns) or len(columns) < 2:
                raise InputError(f"Expected two or more distinct replicate columns, got {', '.join(map(str, columns))}.")

    def _check_scales(self) -> None:
        if len(self.kinds) not in (0, 1, len(self.tasks)):
            raise InputError(f"Expected one kind of task, or one for each of {len(self.tasks)} tasks, got {', '.join(self.kinds)}.")
        TaskScale(transform=self.transform, offset=self.offset)
        if self.transform != "none" and self.kinds and "value" not in self.kinds:
            raise InputError(f"The transformation {self.transform} requires a task of the kind value, got {', '.join(self.kinds)}.")
        _ = self.scales

    @property
    def tasks(self) -> tuple[str, ...]:
        """The name of each task.

        The name is that of the target column. Without target columns, it is the common beginning of the names of the replicate columns.
        """
        if self.target_column:
            return tuple(column if isinstance(column, str) else f"column_{column}" for column in self.target_column)
        return tuple(map(_common_name, self.replicate_columns))

    @property
    def scales(self) -> tuple[TaskScale, ...]:
        """Kind and transformation of each task. Empty if all tasks have the kind `"value"` and no transformation."""
        kinds = self.kinds or ("value",)
        kinds = kinds * len(self.tasks) if len(kinds) == 1 else kinds
        value = TaskScale("value", self.transform, self.offset)
        scales = tuple(value if kind == "value" else TaskScale(kind) for kind in kinds)
        return () if set(scales) == {TaskScale()} else scales

    def has_target(self, task: int, has_column: Callable[[Column], bool]) -> bool:
        """Returns whether a task has a column of measured values. Without this column, its values are the means of its replicates.

        Args:
            task: Index of the task.
            has_column: Function that returns whether the table has a column.
        """
        if not self.target_column:
            return False
        column = self.target_column[task]
        return not self.replicate_columns or isinstance(column, int) or has_column(column)

    def construct(self) -> Construct:
        """Returns the construct of the sequences. Unless `align` is given, its window begins with the first base of the left flank.

        Raises:
            InputError: The length is not set or too short, or an adapter or a flank is not DNA.
        """
        if self.length is None:
            raise InputError("The layout of the table has no window length. Set `length`.")
        return Construct(
            name="table",
            length=self.length,
            left_adapter=self.left_adapter,
            right_adapter=self.right_adapter,
            left_flank=self.left_flank + self.left_adapter,
            right_flank=self.right_flank,
            alignment="end" if self.align == "right" and self.right_flank else self.align or "left",
            strands="both" if self.both_strands else "given",
            flags=("is_reverse",) if self.reverse_mark else (),
        )

    def construct_of_run(self, stored: dict[str, Any] | None) -> Construct:
        """Returns the construct of an existing run.

        Args:
            stored: Construct in the run's `config.json`. None for a run of an older version of dreamkeras. Such a run has the flag
                `is_reverse` if `both_strands` is True.

        Raises:
            InputError: The stored construct or the construct of the layout is invalid.
        """
        if stored is not None:
            return Construct.from_json(stored)
        return dataclasses.replace(self.construct(), flags=("is_reverse",)) if self.both_strands else self.construct()

    def require_fit(self, construct: Construct) -> None:
        """Checks that the adapters, flanks, window length and strands of the layout, if given, match the construct of a model.

        Raises:
            InputError: A field differs from the model's construct. The message gives the model's value.
        """
        left = construct.left_flank.removesuffix(construct.left_adapter)
        found: dict[str, Any] = {name: getattr(construct, name) for name in ("left_adapter", "right_adapter", "right_flank", "length")}
        found |= {"left_flank": left, "both_strands": construct.strands == "both"}
        found["align"] = "right" if construct.alignment == "end" else construct.alignment
        for name, value in found.items():
            if (given := getattr(self, name)) and given != value:
                raise InputError(
                    f"Expected {name} {value!r}, which the model was trained with, got {given!r}. Omit {name} to use the model's value."
                )

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "TableLayout":
        """Creates a layout from a dictionary that `dataclasses.asdict` returned.

        A dictionary without `weight` is from an older version, in which all weights were raw.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**{"weight": RAW, **fields})
        except TypeError as error:
            raise InputError(f"Expected the fields of a table's layout, got {json.dumps(fields)[:200]} ({error}).") from None

    @property
    def saturates(self) -> bool:
        """Whether the rows have saturating weights."""
        return self.weight_column is not None and self.weight == SATURATING

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns that the layout uses."""
        single = (getattr(self, name) for name in COLUMNS)
        replicates = (column for columns in self.replicate_columns for column in columns)
        return (*self.target_column, *(column for column in single if column is not None), *replicates)

    def settled(self, choose: Callable[[Any], Any]) -> "TableLayout":
        """Returns the layout with each column replaced by `choose(column)`."""
        single: dict[str, Any] = {name: choose(column) for name in COLUMNS if (column := getattr(self, name)) is not None}
        targets = tuple(map(choose, self.target_column))
        replicates = tuple(tuple(map(choose, columns)) for columns in self.replicate_columns)
        return dataclasses.replace(self, target_column=targets, replicate_columns=replicates, **single)

    def replaced(self, fields: dict[str, Any]) -> "TableLayout":
        """Returns the layout with other fields.

        A weight column replaces a variance column and vice versa. If the target columns change, the old replicate columns do not apply.

        Example:
            >>> TableLayout(("a",), variance_column="v").replaced({"weight_column": "w"}).variance_column is None
            True
        """
        implied: dict[str, Any] = {}
        for one, other in (("weight_column", "variance_column"), ("variance_column", "weight_column")):
            implied |= {other: None} if fields.get(one) is not None else {}
        implied |= {"replicate_columns": ()} if fields.get("target_column", self.target_column) != self.target_column else {}
        return dataclasses.replace(self, **{**implied, **fields})

    def with_length(self, longest: int) -> "TableLayout":
        """Returns the layout with a window length that fits inserts of up to `longest` bases with adapters and flanks.

        A centred insert has the same number of bases on both sides, so that the longer side determines the length. A layout that already
        has a window length is returned unchanged.
        """
        if self.length:
            return self
        left, right = len(self.left_flank + self.left_adapter), len(self.right_adapter + self.right_flank)
        around = 2 * max(left, right) if self.align == "center" else left + right
        return dataclasses.replace(self, length=longest + around)

    def describe_weights(self) -> str:
        """Returns the weight of a row in the loss as text. The text is empty if rows have no weights.

        Example:
            >>> TableLayout(("a",), weight_column="reads", weight_half=120).describe_weights()
            'w / (w + 120), where w is column `reads`'
        """
        if self.variance_column is not None:
            return f"inverse of column `{self.variance_column}`"
        if self.weight_column is None:
            return ""
        if not self.saturates:
            return f"column `{self.weight_column}`"
        constant = "the median of w" if self.weight_half is None else f"{self.weight_half:.4g}"
        return f"w / (w + {constant}), where w is column `{self.weight_column}`"


def _common_name(columns: tuple[Column, ...]) -> str:
    """Returns the common beginning of column names without separators and digits at its end, or all names, joined by `+`.

    Example:
        >>> _common_name(("leaf_1", "leaf_2")), _common_name(("a", "b")), _common_name((3, 4))
        ('leaf', 'a+b', 'column_3+column_4')
    """
    names = [column if isinstance(column, str) and not column.isdecimal() else f"column_{column}" for column in columns]
    if any(name.startswith("column_") for name in names):
        return "+".join(names)
    same = [len(set(letters)) == 1 for letters in zip(*names, strict=False)]
    common = names[0][: (*same, False).index(False)]
    return common.rstrip("0123456789_-. ") or "+".join(names)
