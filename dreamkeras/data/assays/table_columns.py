"""Describes which columns of a user's own table are read as what."""

from collections.abc import Iterator

from dreamkeras.data.assays.table import find_columns
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.files.kinds import MEASUREMENTS
from dreamkeras.formats.headers import Layout
from dreamkeras.formats.reading import open_table

__all__ = ["describe_columns"]


def describe_columns(layout: TableLayout, path: str) -> str:
    """Returns a list of the columns that are read, such as `sequences "oligo", values "activity"`. Columns without a name have a number.

    Raises:
        InputError: The file cannot be read, or a column is missing.
    """
    with open_table(path, layout.columns, expected=MEASUREMENTS) as opened:
        header = opened.layout
        return ", ".join(f"{kind} {_name(header, position)}" for kind, position in _used(layout, header, path))


def _used(layout: TableLayout, header: Layout, path: str) -> Iterator[tuple[str, int]]:
    """Yields the meaning and the position of each column."""
    columns = find_columns(layout, header, path)
    yield "sequences", columns.sequence
    weights = "variances" if layout.weight_column is None else "weights"
    kinds = [("values", position) for position in columns.targets]
    kinds += [("ids", columns.ids), (weights, columns.weight), ("folds", columns.fold)]
    kinds += [("replicates", position) for positions in columns.replicates for position in positions]
    for kind, position in dict.fromkeys(kinds):
        if position is not None:
            yield kind, position


def _name(header: Layout, position: int) -> str:
    return f'"{header.names[position]}"' if header.names else f"column {position}"
