"""Predictions to TSV, CSV, JSON lines or Parquet: an id, or several keys, and one column a task, written whole or not at all.

A value that is no number is `nan` in tables and null in JSON. Parquet holds the float32 values themselves.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, BinaryIO, Protocol

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import BgzipWriter
from dreamkeras.files.outputs import naming_output, open_output, open_text, refuse_packed, unpacked_name
from dreamkeras.formats.names import TABLES
from dreamkeras.formats.numbers import format_numbers
from dreamkeras.formats.parquet import import_pyarrow

__all__ = ["FORMATS", "ID", "Writer", "choose_format", "open_writer"]

ROW_GROUP = 1 << 16

ID: Mapping[str, type] = {"id": str}
"""The keys of predictions of sequences."""

Cells = Sequence[Sequence[Any]]
"""A column for each key, of texts or of numbers; None where a number is missing."""


@contextmanager
def open_writer(path: str, tasks: Sequence[str], format: str | None = None, keys: Mapping[str, type] = ID) -> Iterator["Writer"]:
    """A writer of predictions, whose file appears under its name only once the `with` block has ended well.

    Until then the rows are in a temporary file; see `open_output`. Text is packed as `open_text` packs it.

    Args:
        path: The file; `-` writes standard output.
        tasks: Names of the columns beside the keys.
        format: `tsv`, `csv`, `jsonl` or `parquet`; by default the file's suffix, before .gz, and `tsv` for `.txt` or none.
        keys: Names of the columns that identify a row, and their types, `str` or `int`.

    Raises:
        InputError: The format is unknown, or the suffix names none.
        DreamkerasError: The file cannot be written; the message names it and says why. A broken pipe stays a BrokenPipeError.
        MissingPackageError: Parquet is asked for and pyarrow is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "two.csv")
        >>> with open_writer(str(file), ["expression"]) as writer:
        ...     writer.write(["a", "b"], np.array([[1.5], [11.25]], np.float32))
        >>> file.read_text().split()
        ['id,expression', 'a,1.5', 'b,11.25']
    """
    chosen = choose_format(path, format)
    encoder = FORMATS[chosen](tuple(tasks), keys)
    with open_output(path) if chosen in BINARY else open_text(path) as file:
        writer = Writer(encoder, len(tasks), file, path)
        yield writer
        writer.finish()


def choose_format(path: str, format: str | None = None) -> str:
    """The format that `open_writer` takes for a file.

    Raises:
        InputError: The format is unknown, the suffix names none, or it is that of a compressed file where the format is no text.
    """
    suffix = PurePath(unpacked_name(path)).suffix[1:].lower()
    chosen = ("tsv" if suffix in ("", "txt") else suffix) if format is None else format
    if chosen not in FORMATS:
        raise InputError(f"Expected one of the formats {', '.join(FORMATS)}, got {chosen!r}{'' if format else f' from the name {path}'}.")
    if chosen in BINARY:
        refuse_packed(path, "Parquet")
    return chosen


class Writer:
    """Takes batches of predictions, in order; made by `open_writer`."""

    def __init__(self, encoder: "Encoder", tasks: int, file: BinaryIO | BgzipWriter, path: str) -> None:
        self._encoder = encoder
        self._tasks = tasks
        self._file = file
        self._path = path
        self._begun = False

    def write(self, ids: Sequence[str], values: np.ndarray, labels: Cells = ()) -> None:
        """Adds a row for each of n ids: values, float32 (n, tasks), and a column of n cells for each further key."""
        self.write_rows([ids, *labels], values)

    def write_rows(self, cells: Cells, values: np.ndarray) -> None:
        """As `write`, for several keys: a column of n cells for each."""
        if values.shape != (len(cells[0]), self._tasks):
            raise ValueError(f"Expected values of shape {(len(cells[0]), self._tasks)}, got {values.shape}.")
        self._put(self._encoder.rows(cells, values))

    def finish(self) -> None:
        """Writes the end of the format; `open_writer` calls it."""
        self._put(self._encoder.end())

    def _put(self, data: bytes) -> None:
        begin = b"" if self._begun else self._encoder.begin()
        self._begun = True
        with naming_output(self._path):
            self._file.write(begin + data)


class Encoder(Protocol):
    """A format: the bytes before the rows, of rows, and after them."""

    def begin(self) -> bytes: ...

    def rows(self, cells: Cells, values: np.ndarray) -> bytes: ...

    def end(self) -> bytes: ...


class TSVEncoder:
    """A header and tab-separated rows; an id with a tab, quote or line break in it is quoted."""

    delimiter = "\t"

    def __init__(self, tasks: tuple[str, ...], keys: Mapping[str, type]) -> None:
        self._special = re.compile(f'[{self.delimiter}"\r\n]')
        self._header = self.delimiter.join(map(self._quoted, (*keys, *tasks))) + "\n"
        self._row = self.delimiter.join(["%s"] * (len(keys) + len(tasks))) + "\n"
        self._is_text = [kind is str for kind in keys.values()]

    def begin(self) -> bytes:
        return self._header.encode()

    def rows(self, cells: Cells, values: np.ndarray) -> bytes:
        columns = [
            self._texts(column) if is_text else ["" if number is None else str(number) for number in column]
            for column, is_text in zip(cells, self._is_text, strict=True)
        ]
        return "".join(map(self._row.__mod__, zip(*columns, *_cells(values), strict=True))).encode()

    def end(self) -> bytes:
        return b""

    def _texts(self, column: Sequence[str]) -> Sequence[str]:
        return [self._quoted(cell) for cell in column] if self._special.search("".join(column)) else column

    def _quoted(self, cell: str) -> str:
        # csv.writer leaves a bare carriage return unquoted, which every reader takes for the end of a row.
        return '"' + cell.replace('"', '""') + '"' if self._special.search(cell) else cell


class CSVEncoder(TSVEncoder):
    """A header and comma-separated rows, quoted where needed (RFC 4180, with bare line feeds)."""

    delimiter = ","


class JSONLinesEncoder:
    """One JSON object a line: keys as texts or numbers, the tasks as numbers or null."""

    def __init__(self, tasks: tuple[str, ...], keys: Mapping[str, type]) -> None:
        names = [json.dumps(name).replace("%", "%%") for name in (*keys, *tasks)]
        self._row = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"

    def begin(self) -> bytes:
        return b""

    def rows(self, cells: Cells, values: np.ndarray) -> bytes:
        columns = _cells(values)
        if not np.isfinite(values).all():
            columns = [["null" if cell in ("nan", "inf", "-inf") else cell for cell in column] for column in columns]
        encode = json.JSONEncoder(ensure_ascii=False).encode
        return "".join(map(self._row.__mod__, zip(*(map(encode, column) for column in cells), *columns, strict=True))).encode()

    def end(self) -> bytes:
        return b""


class ParquetEncoder:
    """A column of texts or whole numbers for each key and one of float32 a task, in row groups of at least 65,536 rows but for the last."""

    def __init__(self, tasks: tuple[str, ...], keys: Mapping[str, type]) -> None:
        self._arrow = import_pyarrow()
        self._kinds = [self._arrow.string() if kind is str else self._arrow.int64() for kind in keys.values()]
        self._schema = self._arrow.schema([*zip(keys, self._kinds, strict=True), *((task, self._arrow.float32()) for task in tasks)])
        self._sink = _Sink()
        self._writer = self._arrow.parquet.ParquetWriter(self._sink, self._schema)
        self._batches: list[Any] = []
        self._waiting = 0

    def begin(self) -> bytes:
        return b""

    def rows(self, cells: Cells, values: np.ndarray) -> bytes:
        keys = [self._arrow.array(column, kind) for column, kind in zip(cells, self._kinds, strict=True)]
        columns = [*keys, *map(self._arrow.array, np.array(values.T, np.float32, order="C"))]
        self._batches.append(self._arrow.record_batch(columns, schema=self._schema))
        self._waiting += len(values)
        return self._row_group() if self._waiting >= ROW_GROUP else b""

    def end(self) -> bytes:
        group = self._row_group()
        self._writer.close()
        return group + self._sink.taken()

    def _row_group(self) -> bytes:
        table = self._arrow.Table.from_batches(self._batches, self._schema)
        self._batches, self._waiting = [], 0
        self._writer.write_table(table, row_group_size=max(1, len(table)))
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """Bytes on their way out of pyarrow, so that it never holds the file: what it writes when it is given up is lost."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        self._position += len(self._pieces[-1])
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """The bytes written since the last call."""
        data = b"".join(self._pieces)
        self._pieces = []
        return data


FORMATS: dict[str, Callable[[tuple[str, ...], Mapping[str, type]], Encoder]] = dict(
    zip(TABLES, (TSVEncoder, CSVEncoder, JSONLinesEncoder, ParquetEncoder), strict=True)
)
"""The encoder of each output format."""
BINARY = {"parquet"}  # no text, and compressed inside


def _cells(values: np.ndarray) -> list[list[str]]:
    """The values as text, one list a task."""
    return [format_numbers(column) for column in values.T]
