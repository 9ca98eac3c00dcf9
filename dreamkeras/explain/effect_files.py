"""Writes the effects of single-letter changes to a long table with one row per mutant, or to a NumPy array file.

Files are written batch by batch, and get their names only when they are complete.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, Any, Protocol, TypeVar, cast

import numpy as np

from dreamkeras.errors import InputError, none_of
from dreamkeras.explain.explanation import Explanation, first_positions
from dreamkeras.explain.mutagenesis import BatchResult, Mutagenesis
from dreamkeras.explain.mutants import CHANGES, real_changes
from dreamkeras.explain.names import ARRAYS
from dreamkeras.files.outputs import naming_output, open_output, refuse_packed, unpacked_name
from dreamkeras.files.streams import is_stream
from dreamkeras.files.temporary import IN_MEMORY
from dreamkeras.formats.writers import ID, Writer, choose_format, open_writer
from dreamkeras.scoring.pipeline import Scored
from dreamkeras.scoring.skipped import Skipped

__all__ = [
    "LABELS",
    "ROWS",
    "EffectSink",
    "EffectTable",
    "RowSink",
    "choose_effect_format",
    "effect_columns",
    "open_arrays",
    "open_effects",
    "write_effects",
]

LABELS = {"position": int, "ref": str, "alt": str}
"""Columns between the name of the sequence and the effects, in the long table.

Positions are counted from 1 at the first letter of the insert.
"""

ROWS = 1 << 16
"""Maximum number of rows of a long table that are converted to text at a time."""


class Named(Protocol):
    """Results of an analysis for named records."""

    @property
    def ids(self) -> list[str]:
        """Names of the records."""


_Found_contra = TypeVar("_Found_contra", bound=Named, contravariant=True)
_Found = TypeVar("_Found", bound=Named)


class EffectSink(Protocol[_Found_contra]):
    """Interface of the writers for the results of an analysis."""

    def write(self, found: _Found_contra) -> None:
        """Writes the effects for a batch of records."""


def write_effects(parts: Iterable[BatchResult[_Found]], sinks: Sequence[EffectSink[_Found]]) -> Scored:
    """Writes batches of results, such as those from `mutate_records`, to all sinks in order.

    Returns:
        The number of written records, and the skipped records.

    Raises:
        InputError: All records were skipped.
    """
    written, skipped = 0, Skipped()
    for part in parts:
        for sink in sinks if part.found.ids else ():
            sink.write(part.found)
        written += len(part.found.ids)
        skipped += part.skipped
    if not written:
        first = f". The first one: {skipped.reasons[0]}" if skipped.reasons else ""
        raise InputError(f"{none_of(skipped.count, 'sequence')} fits the model{first}.")
    return Scored(written, skipped)


def effect_columns(tasks: Iterable[str], *, has_sd: bool) -> tuple[str, ...]:
    """Returns the names of the columns with effects, followed by the names of the columns with standard deviations if `has_sd` is True."""
    names = [f"{task}_effect" for task in tasks]
    return (*names, *(f"{name}_sd" for name in names if has_sd))


class RowSink:
    """Base class of sinks that write rows of a table. Each subclass documents the columns that its writer must have."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer


class EffectTable(RowSink):
    """Long table of effects, with the columns `LABELS` and `effect_columns`.

    Replacing a letter by itself is not a mutation, and has no row.
    """

    def write(self, found: Mutagenesis) -> None:
        """Writes a row for each mutant."""
        place, change = np.nonzero(real_changes(found.inserts.flat, found.effects.shape[1]))
        columns = [found.effects] if found.sd is None else [found.effects, found.sd]
        values = np.concatenate([column[place, change] for column in columns], axis=1)
        owner = found.inserts.owner(place)
        position = place + (first_positions(found) - found.inserts.offsets[:-1])[owner] + 1
        names, alternatives = np.array(found.ids, object), np.array(CHANGES, object)
        letters = np.array([chr(code) for code in range(256)], object)[found.inserts.flat]  # equal letters share one string object
        for first in range(0, len(place), ROWS):
            rows = slice(first, first + ROWS)
            labels = position[rows].tolist(), letters[place[rows]].tolist(), alternatives[change[rows]].tolist()
            self._writer.write(names[owner[rows]].tolist(), values[rows], labels)


@contextmanager
def open_effects(path: str, tasks: Sequence[str], format: str | None = None, *, has_sd: bool = False) -> Iterator[EffectSink[Mutagenesis]]:
    """Opens a file for effects. The file appears when the `with` block ends without an error.

    Args:
        path: Path of the file.
        tasks: Names of the tasks.
        format: One of `EFFECT_FORMATS`. If None, the suffix of `path` determines the format. A path without a suffix means `tsv`.
        has_sd: Whether to add columns with standard deviations to the table.

    Raises:
        InputError: The format or the suffix is unknown.
        DreamkerasError: The file cannot be written.
        MissingPackageError: The format is Parquet and pyarrow is not installed.
    """
    if choose_effect_format(path, format) == ARRAYS:
        with open_arrays(path, tasks) as sink:
            yield sink
        return
    with open_writer(path, effect_columns(tasks, has_sd=has_sd), format, {**ID, **LABELS}) as writer:
        yield EffectTable(writer)


def choose_effect_format(path: str, format: str | None = None) -> str:
    """Returns the format in `EFFECT_FORMATS` that `open_effects` uses for a file; see `writers.choose_format`."""
    if (format or PurePath(unpacked_name(path)).suffix[1:].lower()) != ARRAYS:
        return choose_format(path, format)
    refuse_packed(path, "NumPy arrays")
    return ARRAYS


def _effect_arrays(found: Mutagenesis) -> dict[str, np.ndarray]:
    arrays = {"reference": found.reference, "effects": found.effects}
    return arrays if found.sd is None else {**arrays, "effects_sd": found.sd}


def _changes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {"changes": np.array(CHANGES[: shapes["effects"][1]] if shapes else CHANGES, str)}


class _Arrays:
    """Collects arrays in unnamed temporary files until all of them can be saved. Instances are created by `open_arrays`."""

    def __init__(self, folder: Path | None, arrays: Callable[[Any], Mapping[str, np.ndarray]]) -> None:
        self._folder, self._arrays = folder, arrays
        self._files: dict[str, IO[bytes]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._types: dict[str, np.dtype] = {}
        self._ids: list[str] = []
        self._lengths: list[np.ndarray] = []
        self._positions: list[np.ndarray] = []

    def write(self, found: Explanation) -> None:
        """Adds the arrays of a batch of records."""
        self._ids += found.ids
        self._lengths.append(found.inserts.lengths)
        self._positions.append(first_positions(found))
        for name, array in {"letters": found.inserts.flat.view("S1"), **self._arrays(found)}.items():
            self._add(name, array)

    def save(
        self, file: IO[bytes], tasks: Sequence[str], constants: Callable[[Mapping[str, tuple[int, ...]]], dict[str, np.ndarray]]
    ) -> None:
        """Writes all arrays to an `.npz` file."""
        offsets = np.cumsum([0, *np.concatenate([np.zeros(0, np.int64), *self._lengths])])
        positions = np.concatenate([np.zeros(0, np.int64), *self._positions])
        small = {"ids": np.array(self._ids, str), "offsets": offsets, "positions": positions, "tasks": np.array(tasks, str)}
        small.update(constants(self._shapes))
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in small.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            for name, spooled in self._files.items():
                spooled.seek(0)
                header = {"descr": np.lib.format.dtype_to_descr(self._types[name]), "fortran_order": False, "shape": self._shapes[name]}
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_2_0(member, header)
                    shutil.copyfileobj(spooled, member, 1 << 20)

    def close(self) -> None:
        """Closes the spool files."""
        for file in self._files.values():
            file.close()

    def _add(self, name: str, array: np.ndarray) -> None:
        if name not in self._files:
            self._files[name] = _unnamed_file(self._folder)
            self._shapes[name], self._types[name] = (0, *array.shape[1:]), array.dtype
        self._shapes[name] = (self._shapes[name][0] + len(array), *array.shape[1:])
        self._files[name].write(np.ascontiguousarray(array).data)


def _unnamed_file(folder: Path | None) -> IO[bytes]:
    """Opens a temporary file in a folder. If `folder` is None, a small file stays in memory.

    The file has no name, so that the system removes it when the process ends.
    """
    if folder:
        return tempfile.TemporaryFile(dir=folder)
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(IN_MEMORY))


@contextmanager
def open_arrays(
    path: str,
    tasks: Sequence[str],
    arrays: Callable[[Any], Mapping[str, np.ndarray]] = _effect_arrays,
    constants: Callable[[Mapping[str, tuple[int, ...]]], dict[str, np.ndarray]] = _changes,
) -> Iterator[EffectSink[Any]]:
    """Opens an `.npz` file for effects. The file appears when the `with` block ends without an error.

    Inside the block, arrays are collected in unnamed temporary files in the same folder. The file always contains `ids` (n,), `offsets`
    (n + 1,), `positions` (n,), `letters` S1 (letters,) and `tasks`. By default, it also contains `reference` (n, tasks), `effects`
    (letters, 4 or 5, tasks) and `changes`, and `effects_sd` if the effects have standard deviations. The letters of insert i are in the
    rows from `offsets[i]` to `offsets[i + 1]`.

    Args:
        path: Path of the file.
        tasks: Names of the tasks.
        arrays: Function that takes the results for a batch and returns arrays with one row per letter or per insert.
        constants: Function that takes the shapes of the arrays and returns additional arrays, which do not grow with the number of
            records. If no records were written, the dictionary of shapes is empty.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    with open_output(path) as file, naming_output(path):
        spool = _Arrays(None if is_stream(path) else Path(path).absolute().parent, arrays)
        try:
            yield spool
            spool.save(file, tasks, constants)
        finally:
            spool.close()
