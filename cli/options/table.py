"""The options that say what a user's own table holds: those of `--assay table`. click only: shell completion imports this."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from .numbers import WholeRange
from .shared import id_column_option, sequence_column_option

if TYPE_CHECKING:
    from dreamkeras.data.assays.table_layout import TableLayout

__all__ = ["TABLE_FIELDS", "chosen_layout", "table_options"]


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


OPTIONS = (
    click.option("--target-column", multiple=True, metavar="NAME", help="A table's column of values; once for each task."),
    sequence_column_option,
    id_column_option,
    click.option("--weight-column", metavar="NAME", help="How much each row counts in the loss, such as its barcodes."),
    click.option("--variance-column", metavar="NAME", help="Variance of each row's values, by whose inverse it counts."),
    click.option(
        "--replicate-columns",
        type=_columns,
        multiple=True,
        metavar="NAME,NAME...",
        help="What a task's values are means of, for the noise ceiling; once for each task.",
    ),
    click.option("--fold-column", metavar="NAME", help="Each row's fold, for --valid-fold."),
    click.option("--left-adapter", default="", metavar="DNA", help="Constant letters that the table's sequences begin with."),
    click.option("--right-adapter", default="", metavar="DNA", help="Constant letters that they end with."),
    click.option("--left-flank", default="", metavar="DNA", help="Letters that stand before each sequence, but not in the table."),
    click.option("--right-flank", default="", metavar="DNA", help="Letters that stand after it."),
    click.option("--length", type=WholeRange(min=1), metavar="N", help="Letters in the window.  [default: what the longest needs]"),
    click.option("--reverse-mark", metavar="TEXT", help="What the ids of sequences measured in reverse contain."),
    click.option("--both-strands", is_flag=True, help="Values belong to both strands: train on each and predict their mean."),
)

TABLE_FIELDS = (
    "target_column",
    "sequence_column",
    "id_column",
    "weight_column",
    "variance_column",
    "replicate_columns",
    "fold_column",
    "left_adapter",
    "right_adapter",
    "left_flank",
    "right_flank",
    "length",
    "reverse_mark",
    "both_strands",
)
"""The fields of `data.assays.table_layout.TableLayout`, each an option, which completion must not import; a test compares them."""


def table_options(command: Callable[..., Any], without: Collection[str] = ()) -> Callable[..., Any]:
    """Decorator: gives a command an option for each field of the layout, in this order.

    Args:
        command: The command.
        without: Fields that would change nothing there.
    """
    for name, option in reversed(list(zip(TABLE_FIELDS, OPTIONS, strict=True))):
        command = command if name in without else option(command)
    return command


def chosen_layout(assay: str, choices: dict[str, Any]) -> "TableLayout | None":
    """The layout that the options say; they are taken out of `choices`. None for an assay that has one of its own.

    Raises:
        click.UsageError: There is an option of a table, but another assay.
        InputError: The choices make no layout.
    """
    fields = {name: choices.pop(name) for name in TABLE_FIELDS if name in choices}
    given = [name for name, value in fields.items() if value not in (None, (), "", False)]
    if assay == "table":
        from dreamkeras.data.assays.table_layout import TableLayout

        return TableLayout(**fields)
    if given:
        raise click.UsageError(f"Expected --assay table for --{given[0].replace('_', '-')}, got --assay {assay}.")
    return None
