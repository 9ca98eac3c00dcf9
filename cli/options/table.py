"""Options of `--assay table`, which describe a user's own table. The module imports only click, because shell completion imports it."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.data.names import ALIGNMENTS, WEIGHTS
from dreamkeras.sequence.names import TASK_KINDS, TRANSFORMS

from ..hints import note_length
from .numbers import DecimalRange, WholeRange
from .shared import add_options, id_column_option, sequence_column_option

if TYPE_CHECKING:
    from dreamkeras.data.assays.table_layout import TableLayout

__all__ = ["OPTIONS", "chosen_layout", "given_fields", "table_options"]


OPTIONS = {
    "target_column": click.option(
        "--target-column",
        multiple=True,
        metavar="NAME",
        help="Table column with measured values, or name for the means of --replicate-columns. Repeat for each task.",
    ),
    "sequence_column": sequence_column_option,
    "id_column": id_column_option,
    "weight_column": click.option(
        "--weight-column", metavar="NAME", help="Table column with weights of the rows in the loss, e.g. barcode counts."
    ),
    "weight": click.option(
        "--weight",
        type=click.Choice(WEIGHTS),
        help="Weight of a row in the loss: w / (w + c) for the number w in --weight-column (saturating), or w itself (raw).  "
        "[default: saturating]",
    ),
    "weight_half": click.option(
        "--weight-half",
        type=DecimalRange(min=0, min_open=True),
        metavar="C",
        help="Number in --weight-column at which a row has half of the maximum weight.  [default: the median of the column]",
    ),
    "variance_column": click.option(
        "--variance-column",
        metavar="NAME",
        help="Table column with variances of the measured values. Rows are weighted by the inverse variance.",
    ),
    "replicate_columns": click.option(
        "--replicate-columns",
        type=lambda text: tuple(text.split(",")),
        multiple=True,
        metavar="NAME,NAME...",
        help="Table columns with replicate measurements of a task, for estimating the noise ceiling. Without a column of values "
        "(--target-column), the values are the means of the replicates. Repeat for each task.",
    ),
    "fold_column": click.option(
        "--fold-column",
        metavar="NAME",
        help="Table column with the fold of each row, a number or a text, for --valid-fold, --test-fold and --folds given.",
    ),
    "left_adapter": click.option(
        "--left-adapter", default="", metavar="DNA", help="Adapter at the start of each sequence. The table may omit the adapter."
    ),
    "right_adapter": click.option(
        "--right-adapter", default="", metavar="DNA", help="Adapter at the end of each sequence. The table may omit the adapter."
    ),
    "left_flank": click.option(
        "--left-flank", default="", metavar="DNA", help="Constant bases that precede each sequence but are not in the table."
    ),
    "right_flank": click.option(
        "--right-flank", default="", metavar="DNA", help="Constant bases that follow each sequence but are not in the table."
    ),
    "length": click.option(
        "--length",
        type=WholeRange(min=1),
        metavar="N",
        callback=note_length,
        help="Window length in bases.  [default: long enough for the longest sequence]",
    ),
    "align": click.option(
        "--align",
        type=click.Choice(ALIGNMENTS),
        help="Side of the window at which sequences of different lengths begin or end. The padding is on the other side, or on both "
        "sides with center.  [default: left]",
    ),
    "reverse_mark": click.option(
        "--reverse-mark", metavar="TEXT", help="Text that marks the ids of sequences measured in reverse orientation."
    ),
    "both_strands": click.option(
        "--both-strands",
        is_flag=True,
        help="Measured values apply to both strands. Train on each strand, and predict the mean of both strands.",
    ),
    "transform": click.option(
        "--transform",
        type=click.Choice(TRANSFORMS),
        help="Train on transformed values. Predictions are in the unit of the table.  [default: none]",
    ),
    "offset": click.option(
        "--offset", type=DecimalRange(-1e36, 1e36), metavar="X", help="Number that is added to values before --transform log2."
    ),
    "task_kind": click.option(
        "--task-kind",
        type=click.Choice(TASK_KINDS),
        multiple=True,
        help="Kind of the values: any numbers (value), numbers from 0 to 1 (binary) or whole numbers (counts). Give one kind, "
        "or repeat for each task.  [default: value]",
    ),
}
"""Maps each field of `data.assays.table_layout.TableLayout` to the option that sets the field. `FIELDS` lists the differing names."""

FIELDS = {"task_kind": "kinds"}
"""Field of `TableLayout` for each option with another name."""


def table_options(command: Callable[..., Any], without: Collection[str] = ()) -> Callable[..., Any]:
    """Adds the options of a table to a command, except those in `without`."""
    return add_options(*(option for name, option in OPTIONS.items() if name not in without))(command)


def chosen_layout(assay: str, choices: dict[str, Any]) -> "TableLayout | None":
    """Removes the table options from `choices` and returns their layout, or None for an assay other than `table`.

    Raises:
        click.UsageError: A table option is given for another assay.
        InputError: Columns are missing or named twice, or options cannot be combined.
    """
    fields = given_fields(assay, choices)
    if assay != "table":
        return None
    from dreamkeras.data.assays.table_layout import TableLayout

    return TableLayout(**{"target_column": (), **fields})


def given_fields(assay: str | None, choices: dict[str, Any]) -> dict[str, Any]:
    """Removes the table options from `choices` and returns those that were given, as fields of `TableLayout`.

    Raises:
        click.UsageError: A table option is given for an assay other than `table`.
    """
    fields = {name: choices.pop(name) for name in OPTIONS if name in choices}
    given = {name: value for name, value in fields.items() if value not in (None, (), "", False)}
    for name in ("weight", "weight_half"):
        if name in given and "weight_column" not in given:
            raise click.UsageError(f"--{name.replace('_', '-')} has no effect without --weight-column.")
    if given and assay not in (None, "table"):
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} requires --assay table, got --assay {assay}.")
    return {FIELDS.get(name, name): value for name, value in given.items()}
