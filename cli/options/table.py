"""The options that say what a user's own table holds: those of `--assay table`. click only: shell completion imports this."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from .numbers import WholeRange
from .shared import add_options, id_column_option, sequence_column_option

if TYPE_CHECKING:
    from dreamkeras.data.assays.table_layout import TableLayout

__all__ = ["OPTIONS", "chosen_layout", "table_options"]


OPTIONS = {
    "target_column": click.option("--target-column", multiple=True, metavar="NAME", help="A table's column of values; once for each task."),
    "sequence_column": sequence_column_option,
    "id_column": id_column_option,
    "weight_column": click.option("--weight-column", metavar="NAME", help="How much each row counts in the loss, such as its barcodes."),
    "variance_column": click.option("--variance-column", metavar="NAME", help="Variance of each row's values, by whose inverse it counts."),
    "replicate_columns": click.option(
        "--replicate-columns",
        type=lambda text: tuple(text.split(",")),
        multiple=True,
        metavar="NAME,NAME...",
        help="What a task's values are means of, for the noise ceiling; once for each task.",
    ),
    "fold_column": click.option("--fold-column", metavar="NAME", help="Each row's fold, for --valid-fold."),
    "left_adapter": click.option(
        "--left-adapter", default="", metavar="DNA", help="Constant letters that the table's sequences begin with."
    ),
    "right_adapter": click.option("--right-adapter", default="", metavar="DNA", help="Constant letters that they end with."),
    "left_flank": click.option(
        "--left-flank", default="", metavar="DNA", help="Letters that stand before each sequence, but not in the table."
    ),
    "right_flank": click.option("--right-flank", default="", metavar="DNA", help="Letters that stand after it."),
    "length": click.option(
        "--length", type=WholeRange(min=1), metavar="N", help="Letters in the window.  [default: what the longest needs]"
    ),
    "reverse_mark": click.option("--reverse-mark", metavar="TEXT", help="What the ids of sequences measured in reverse contain."),
    "both_strands": click.option(
        "--both-strands", is_flag=True, help="Values belong to both strands: train on each and predict their mean."
    ),
}
"""An option for each field of `data.assays.table_layout.TableLayout`."""


def table_options(command: Callable[..., Any], without: Collection[str] = ()) -> Callable[..., Any]:
    """Decorator: adds an option for each field of the layout, but for those in `without`."""
    return add_options(*(option for name, option in OPTIONS.items() if name not in without))(command)


def chosen_layout(assay: str, choices: dict[str, Any]) -> "TableLayout | None":
    """The layout that the options say; they are taken out of `choices`. None for an assay that has one of its own.

    Raises:
        click.UsageError: There is an option of a table, but another assay.
        InputError: The choices make no layout.
    """
    fields = {name: choices.pop(name) for name in OPTIONS if name in choices}
    given = [name for name, value in fields.items() if value not in (None, (), "", False)]
    if assay == "table":
        from dreamkeras.data.assays.table_layout import TableLayout

        return TableLayout(**fields)
    if given:
        raise click.UsageError(f"Expected --assay table for --{given[0].replace('_', '-')}, got --assay {assay}.")
    return None
