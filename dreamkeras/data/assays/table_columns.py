"""Describes which columns of a user's own table are read as what."""

from collections.abc import Iterator

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.files.kinds import MEASUREMENTS
from dreamkeras.formats.headers import Layout
from dreamkeras.formats.reading import id_position, open_table, sequence_position
from dreamkeras.formats.tables import find_column

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
    yield "sequences", sequence_position(header, layout.sequence_column, path)
    for column in layout.target_column:
        yield "values", find_column(header, column, path)
    if (ids := id_position(header, layout.id_column, path)) is not None:
        yield "ids", ids
    others = {"weights": layout.weight_column, "variances": layout.variance_column, "folds": layout.fold_column}
    for kind, single in others.items():
        if single is not None:
            yield kind, find_column(header, single, path)
    for column in dict.fromkeys(column for columns in layout.replicate_columns for column in columns):
        yield "replicates", find_column(header, column, path)


def _name(header: Layout, position: int) -> str:
    return f'"{header.names[position]}"' if header.names else f"column {position}"
