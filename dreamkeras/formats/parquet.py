"""Reads Parquet files in batches of records or rows. pyarrow is imported only when a Parquet file is read or written."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from dreamkeras.environment import import_extra
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.fasta import decoded
from dreamkeras.formats.headers import Layout, header_names
from dreamkeras.formats.tables import Table
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records

__all__ = ["import_pyarrow", "parquet_layout", "parquet_rows", "read_parquet"]


def import_pyarrow() -> Any:
    """Imports `pyarrow.parquet` and returns the package pyarrow.

    Raises:
        MissingPackageError: pyarrow is not installed.
    """
    return import_extra("pyarrow.parquet", "pyarrow for Parquet files", "parquet")


def parquet_layout(path: str, copy: BinaryIO | None = None) -> Layout:
    """Reads the column names of a Parquet file.

    Args:
        path: Path of the file.
        copy: Seekable copy of the input, required if `path` names a stream such as `-`. If None, the file at `path` is opened.

    Raises:
        InputError: The file is damaged or not a Parquet file.
        MissingPackageError: pyarrow is not installed.
    """
    names = tuple(_open(path, copy).schema_arrow.names)
    return Layout(delimiter="", names=header_names(names), first=names, line=0)


def read_parquet(
    path: str, sequence: int, id: int | None = None, *, batch: int = BATCH_ROWS, copy: BinaryIO | None = None
) -> Iterator[Records]:
    """Reads the records of a Parquet file in batches. Rows are numbered from 1.

    Row numbers are used as line numbers, and as ids where ids are missing.

    Args:
        path: Path of the file.
        sequence: Position of the column with the sequences.
        id: Position of the column with the ids. If None, the row numbers are the ids.
        batch: Maximum number of rows in a batch.
        copy: Seekable copy of the input, required if `path` names a stream such as `-`. If None, the file at `path` is opened.

    Raises:
        InputError: The sequences are not text, or the file has no row or is damaged.
    """
    pyarrow = import_pyarrow()
    for rows, numbers in _batches(path, [sequence] if id is None else [sequence, id], batch, copy):
        names = [None] * len(rows) if id is None else rows.column(rows.num_columns - 1).to_pylist()
        ids = [str(number if name is None else name) for name, number in zip(names, numbers.tolist(), strict=True)]
        yield from Records(ids, _ragged(pyarrow, rows.column(0), rows.schema.names[0], path), numbers, path, unit="row").batches(batch)


def parquet_rows(path: str, positions: Sequence[int], *, batch: int = BATCH_ROWS, copy: BinaryIO | None = None) -> Iterator[Table]:
    """Reads columns of a Parquet file as text, like `tables.rows_of`. Missing values become empty strings.

    Args:
        path: Path of the file.
        positions: Positions of the columns, counted from 0.
        batch: Maximum number of rows in a batch.
        copy: Seekable copy of the input, required if `path` names a stream such as `-`. If None, the file at `path` is opened.

    Yields:
        Tables in which the line numbers are row numbers, counted from 1.

    Raises:
        InputError: The file has no row or is damaged.
    """
    for rows, numbers in _batches(path, positions, batch, copy):
        yield Table([["" if cell is None else str(cell) for cell in column.to_pylist()] for column in rows.columns], numbers, path, "row")


def _batches(path: str, positions: Sequence[int], batch: int, copy: BinaryIO | None) -> Iterator[tuple[Any, np.ndarray]]:
    """Yields Arrow record batches and their row numbers. The columns of a record batch are those at `positions`, in this order.

    Dictionaries are replaced by their values, and bytes by text.
    """
    pyarrow = import_pyarrow()
    file = _open(path, copy)
    names = [file.schema_arrow.names[position] for position in positions]
    count = 0
    try:
        for rows in file.iter_batches(batch_size=batch, columns=list(dict.fromkeys(names))):
            numbers = np.arange(count + 1, count + 1 + len(rows))
            yield _with_text(pyarrow, rows.select(names)), numbers
            count += len(rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"Cannot read the Parquet file {source_name(path)} after row {count} ({_first_line(error)}).") from None
    if not count:
        raise InputError(f"Expected at least one row, got none in {source_name(path)}.")


def _open(path: str, copy: BinaryIO | None) -> Any:
    pyarrow = import_pyarrow()
    try:
        return pyarrow.parquet.ParquetFile(copy or path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"Cannot read the Parquet file {source_name(path)} ({_first_line(error)}).") from None


def _with_text(pyarrow: Any, rows: Any) -> Any:
    """Returns an Arrow record batch in which dictionaries are replaced by their values, and bytes by text."""
    columns, is_type = [], pyarrow.types
    kinds = (is_type.is_binary, is_type.is_large_binary, is_type.is_fixed_size_binary, is_type.is_binary_view)
    for column in rows.columns:
        column = column.dictionary_decode() if is_type.is_dictionary(column.type) else column
        columns.append(_decoded(pyarrow, column) if any(is_kind(column.type) for is_kind in kinds) else column)
    return pyarrow.RecordBatch.from_arrays(columns, names=rows.schema.names)


def _decoded(pyarrow: Any, column: Any) -> Any:
    """Decodes an Arrow column of bytes as UTF-8 text. Values that are not UTF-8 are decoded as Latin-1, like headers of FASTA."""
    try:
        return column.cast(pyarrow.large_binary()).cast(pyarrow.large_string())
    except pyarrow.ArrowInvalid:
        return pyarrow.array([None if value is None else decoded(value) for value in column.to_pylist()], pyarrow.large_string())


def _ragged(pyarrow: Any, column: Any, name: str, path: str) -> Ragged:
    """Returns the texts of an Arrow column without copying their characters. Missing values become empty strings."""
    if not (
        pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type) or pyarrow.types.is_string_view(column.type)
    ):
        raise InputError(f"Expected text in column {name!r}, got {column.type} ({source_name(path)}).")
    texts = column.cast(pyarrow.large_string()).fill_null("")
    _, offsets, letters = texts.buffers()
    flat = np.frombuffer(letters, np.uint8) if letters else np.empty(0, np.uint8)
    return Ragged(flat, np.frombuffer(offsets, np.int64)).between(texts.offset, texts.offset + len(texts))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
