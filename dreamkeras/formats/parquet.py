"""Parquet files as batches of records or of rows, through pyarrow, which is imported only when one is read."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from dreamkeras.environment import import_extra
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.tables import Layout, Table, header_names
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records

__all__ = ["import_pyarrow", "parquet_layout", "parquet_rows", "read_parquet"]


def import_pyarrow() -> Any:
    """The pyarrow module, with `pyarrow.parquet` loaded.

    Raises:
        MissingPackageError: pyarrow is not installed.
    """
    return import_extra("pyarrow.parquet", "pyarrow for Parquet files", "parquet")


def parquet_layout(path: str, copy: BinaryIO | None = None) -> Layout:
    """The columns of a Parquet file, to choose by name or position; `copy` holds its bytes where the path is a stream.

    Raises:
        InputError: The file is not whole.
        MissingPackageError: pyarrow is not installed.
    """
    names = tuple(_open(path, copy).schema_arrow.names)
    return Layout(delimiter="", names=header_names(names), first=names, line=0)


def read_parquet(
    path: str, sequence: int, id: int | None = None, *, batch: int = BATCH_ROWS, copy: BinaryIO | None = None
) -> Iterator[Records]:
    """The records of a Parquet file, row group by row group; lines are row numbers from 1, and so are ids without a column of them.

    Args:
        path: The file.
        sequence: Position of the column that holds the sequences.
        id: Position of the column of ids.
        batch: Most rows in a batch.
        copy: As of `parquet_layout`.

    Raises:
        InputError: The sequences are not text, or the file is broken.
    """
    pyarrow = import_pyarrow()
    for rows, numbers in _batches(path, [sequence] if id is None else [sequence, id], batch, copy):
        names = [None] * len(rows) if id is None else rows.column(rows.num_columns - 1).to_pylist()
        ids = [str(number if name is None else name) for name, number in zip(names, numbers.tolist(), strict=True)]
        yield from Records(ids, _ragged(pyarrow, rows.column(0), rows.schema.names[0], path), numbers, path).batches(batch)


def parquet_rows(path: str, positions: Sequence[int], *, batch: int = BATCH_ROWS, copy: BinaryIO | None = None) -> Iterator[Table]:
    """Columns of a Parquet file, by their positions from 0, as `tables.rows_of` gives those of a text; a missing cell is empty.

    Lines are row numbers from 1; `copy` is as in `parquet_layout`.

    Raises:
        InputError: There is no row, or the file is broken.
    """
    for rows, numbers in _batches(path, positions, batch, copy):
        yield Table([["" if cell is None else str(cell) for cell in column.to_pylist()] for column in rows.columns], numbers, path)


def _batches(path: str, positions: Sequence[int], batch: int, copy: BinaryIO | None) -> Iterator[tuple[Any, np.ndarray]]:
    """Arrow's batches of columns in the order asked for, and their row numbers."""
    pyarrow = import_pyarrow()
    file = _open(path, copy)
    names = [file.schema_arrow.names[position] for position in positions]
    count = 0
    try:
        for rows in file.iter_batches(batch_size=batch, columns=list(dict.fromkeys(names))):
            yield rows.select(names), np.arange(count + 1, count + 1 + len(rows))
            count += len(rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"Expected a whole Parquet file, got {source_name(path)} ({_first_line(error)}, after row {count}).") from None
    if not count:
        raise InputError(f"Expected at least one row, got none in {source_name(path)}.")


def _open(path: str, copy: BinaryIO | None) -> Any:
    pyarrow = import_pyarrow()
    try:
        return pyarrow.parquet.ParquetFile(copy or path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"Expected a whole Parquet file, got {source_name(path)} ({_first_line(error)}).") from None


def _ragged(pyarrow: Any, column: Any, name: str, path: str) -> Ragged:
    """The texts of an Arrow column; missing ones are empty. Letters stay where Arrow has put them."""
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (
        pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type) or pyarrow.types.is_string_view(column.type)
    ):
        raise InputError(f"Expected column {name!r} to hold text, got {column.type} ({path}).")
    texts = column.cast(pyarrow.large_string()).fill_null("")
    _, offsets, letters = texts.buffers()
    flat = np.frombuffer(letters, np.uint8) if letters else np.empty(0, np.uint8)
    return Ragged(flat, np.frombuffer(offsets, np.int64)).between(texts.offset, texts.offset + len(texts))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
