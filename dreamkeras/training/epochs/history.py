"""The history of a run as a table: `history.csv`, a row an epoch."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from dreamkeras.files.outputs import open_output
from dreamkeras.training.epochs.checkpoint import Row

__all__ = ["write_history"]


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Writes the table; it appears whole or not at all.

    Args:
        path: The file.
        rows: At least one. The keys of the last are the columns; a cell is empty where an earlier row, of an older version, has none.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with open_output(str(path)) as file:
        file.write(text.getvalue().encode())
