"""Writes predictions as TSV, CSV, JSON lines or Parquet. Each row has an id or other cells that identify it, and one value per task.

A failed command leaves no incomplete file. A missing value is `nan` in TSV and CSV, and null in JSON. Parquet files contain float32 values.
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
"""Default key columns: only the id of each sequence."""

Cells = Sequence[Sequence[Any]]
"""Columns of texts or numbers that identify the rows, one for each key. None represents a missing number."""


@contextmanager
def open_writer(path: str, tasks: Sequence[str], format: str | None = None, keys: Mapping[str, type] = ID) -> Iterator["Writer"]:
    """Opens a writer of predictions. The file appears under its name only after the `with` block has ended without an error.

    During the block, rows are written to a temporary file, see `open_output`.
    See `open_text` for the compression of text files.

    Args:
        path: Path of the file. `-` writes to standard output.
        tasks: Names of the tasks, which are the names of the prediction columns.
        format: `tsv`, `csv`, `jsonl` or `parquet`. Defaults to the suffix of the file, without a final .gz. If the suffix is `.txt` or
            missing, the default is `tsv`.
        keys: Names and types (`str` or `int`) of the columns that identify a row.

    Raises:
        InputError: The format or the suffix of the file is unknown.
        DreamkerasError: The file cannot be written. The message names the file and the reason. A BrokenPipeError is raised unchanged.
        MissingPackageError: The format is Parquet and pyarrow is not installed.

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
    """Returns the format that `open_writer` uses for a file.

    Raises:
        InputError: The format or the suffix is unknown, or the name of a Parquet file ends in a compression suffix such as .gz.
    """
    suffix = PurePath(unpacked_name(path)).suffix[1:].lower()
    chosen = ("tsv" if suffix in ("", "txt") else suffix) if format is None else format
    if chosen not in FORMATS:
        raise InputError(f"Expected one of the formats {', '.join(FORMATS)}, got {chosen!r}{'' if format else f' from the name {path}'}.")
    if chosen in BINARY:
        refuse_packed(path, "Parquet")
    return chosen


class Writer:
    """Writer that adds batches of predictions to a file, created by `open_writer`."""

    def __init__(self, encoder: "Encoder", tasks: int, file: BinaryIO | BgzipWriter, path: str) -> None:
        self._encoder = encoder
        self._tasks = tasks
        self._file = file
        self._path = path
        self._begun = False

    def write(self, ids: Sequence[str], values: np.ndarray, labels: Cells = ()) -> None:
        """Writes one row for each id.

        Args:
            ids: The n ids.
            values: Predictions, float32 (n, tasks).
            labels: Further columns that identify the rows, each with n cells.
        """
        self.write_rows([ids, *labels], values)

    def write_rows(self, cells: Cells, values: np.ndarray) -> None:
        """Writes n rows, each with the cells that identify it and one value per task.

        Args:
            cells: Columns that identify the rows, such as ids, each with n cells.
            values: Predictions, float32 (n, tasks).
        """
        if values.shape != (len(cells[0]), self._tasks):
            raise ValueError(f"Expected values of shape {(len(cells[0]), self._tasks)}, got {values.shape}.")
        self._put(self._encoder.rows(cells, values))

    def finish(self) -> None:
        """Writes the end of the file. `open_writer` calls this method."""
        self._put(self._encoder.end())

    def _put(self, data: bytes) -> None:
        begin = b"" if self._begun else self._encoder.begin()
        self._begun = True
        with naming_output(self._path):
            self._file.write(begin + data)


class Encoder(Protocol):
    """Encoder of an output format.

    `begin` returns the bytes before the first row, `rows` returns the bytes of a batch of rows, and `end` returns the bytes after the last
    row.
    """

    def begin(self) -> bytes: ...

    def rows(self, cells: Cells, values: np.ndarray) -> bytes: ...

    def end(self) -> bytes: ...


class TSVEncoder:
    """Encoder of TSV with a header. Cells that contain a tab, a quotation mark or a line break are quoted."""

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
        # csv.writer is not used, because it does not quote a lone carriage return, which other programs treat as the end of a row.
        return '"' + cell.replace('"', '""') + '"' if self._special.search(cell) else cell


class CSVEncoder(TSVEncoder):
    """Encoder of CSV with a header, quoted as in RFC 4180. Lines end with a line feed."""

    delimiter = ","


class JSONLinesEncoder:
    """Encoder of JSON lines, with one object per row. Cells that identify a row are texts or numbers.

    Predictions are numbers or null.
    """

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
    """Encoder of Parquet. Columns that identify a row contain texts or integers, and columns of predictions contain float32 values.

    All row groups except the last have at least 65,536 rows.
    """

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
    """Buffer between pyarrow and the output file. Bytes that pyarrow writes after an error stay in the buffer and do not reach the file."""

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
        """Returns the bytes that were written since the last call of this method."""
        data = b"".join(self._pieces)
        self._pieces = []
        return data


FORMATS: dict[str, Callable[[tuple[str, ...], Mapping[str, type]], Encoder]] = dict(
    zip(TABLES, (TSVEncoder, CSVEncoder, JSONLinesEncoder, ParquetEncoder), strict=True)
)
"""Encoder of each output format."""
BINARY = {"parquet"}  # binary formats, which are compressed internally


def _cells(values: np.ndarray) -> list[list[str]]:
    """Formats predictions as text. Returns one list of texts per task."""
    return [format_numbers(column) for column in values.T]
