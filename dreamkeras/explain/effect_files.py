"""Effects of changes as files: a long table, a row a mutant, or an array file that plain NumPy reads.

Each appears whole or not at all, and is written a part at a time.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, Any, Protocol, TypeVar

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.explain.explanation import Explanation
from dreamkeras.explain.mutagenesis import BatchResult, Mutagenesis
from dreamkeras.explain.mutants import CHANGES, real_changes
from dreamkeras.explain.names import ARRAYS
from dreamkeras.files.outputs import naming_output, open_output, refuse_packed, unpacked_name
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
"""Columns of the long table between the name and the effects; positions count from 1, at the insert's first letter."""

ROWS = 1 << 16
"""Rows of a long table that are text at the same time."""


class Named(Protocol):
    """Results of some records."""

    @property
    def ids(self) -> list[str]:
        """Their names."""


_Found_contra = TypeVar("_Found_contra", bound=Named, contravariant=True)
_Found = TypeVar("_Found", bound=Named)


class EffectSink(Protocol[_Found_contra]):
    """Writes effects."""

    def write(self, found: _Found_contra) -> None:
        """Takes the effects in some records."""


def write_effects(parts: Iterable[BatchResult[_Found]], sinks: Sequence[EffectSink[_Found]]) -> Scored:
    """Writes the results of `mutate_records` or another method to each sink, in order.

    Returns:
        How many records were written, and which were skipped.

    Raises:
        InputError: All were skipped.
    """
    written, skipped = 0, Skipped()
    for part in parts:
        for sink in sinks if part.found.ids else ():
            sink.write(part.found)
        written += len(part.found.ids)
        skipped += part.skipped
    if not written:
        first = f". The first one: {skipped.reasons[0]}" if skipped.reasons else ""
        raise InputError(f"None of {skipped.count:,} sequences fits the model{first}.")
    return Scored(written, skipped)


def effect_columns(tasks: Iterable[str], *, has_sd: bool) -> tuple[str, ...]:
    """Names of the columns of effects, then of their standard deviations."""
    names = [f"{task}_effect" for task in tasks]
    return (*names, *(f"{name}_sd" for name in names if has_sd))


class RowSink:
    """Writes rows of a table; its writer has the columns that the subclass names."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer


class EffectTable(RowSink):
    """The long table, with the columns `LABELS` and `effect_columns`; no rows for letters that stay."""

    def write(self, found: Mutagenesis) -> None:
        """Adds a row for each mutant."""
        place, change = np.nonzero(real_changes(found.inserts.flat, found.effects.shape[1]))
        columns = [found.effects] if found.sd is None else [found.effects, found.sd]
        values = np.concatenate([column[place, change] for column in columns], axis=1)
        owner = found.inserts.owner(place)
        position = place - found.inserts.offsets[owner] + 1
        names, alternatives = np.array(found.ids, object), np.array(CHANGES, object)
        letters = np.array([chr(code) for code in range(256)], object)[found.inserts.flat]  # one object for each kind
        for first in range(0, len(place), ROWS):
            rows = slice(first, first + ROWS)
            labels = position[rows].tolist(), letters[place[rows]].tolist(), alternatives[change[rows]].tolist()
            self._writer.write(names[owner[rows]].tolist(), values[rows], labels)


@contextmanager
def open_effects(path: str, tasks: Sequence[str], format: str | None = None, *, has_sd: bool = False) -> Iterator[EffectSink[Mutagenesis]]:
    """A file of effects, which appears once the `with` block has ended well.

    Its format is one of `EFFECT_FORMATS`, by default that of the file's suffix, else `tsv`; `has_sd` adds standard deviations.

    Raises:
        InputError: The format is unknown, or the suffix has none.
        DreamkerasError: The file cannot be written.
        MissingPackageError: Parquet without pyarrow.
    """
    if choose_effect_format(path, format) == ARRAYS:
        with open_arrays(path, tasks) as sink:
            yield sink
        return
    with open_writer(path, effect_columns(tasks, has_sd=has_sd), format, {**ID, **LABELS}) as writer:
        yield EffectTable(writer)


def choose_effect_format(path: str, format: str | None = None) -> str:
    """The one of `EFFECT_FORMATS` that `open_effects` takes for a file; see `writers.choose_format`."""
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
    """Spools arrays to a folder; made by `open_arrays`."""

    def __init__(self, folder: Path, arrays: Callable[[Any], Mapping[str, np.ndarray]]) -> None:
        self._folder, self._arrays = folder, arrays
        self._files: dict[str, IO[bytes]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._types: dict[str, np.dtype] = {}
        self._ids: list[str] = []
        self._lengths: list[np.ndarray] = []

    def write(self, found: Explanation) -> None:
        """Adds what is known of some records."""
        self._ids += found.ids
        self._lengths.append(found.inserts.lengths)
        for name, array in {"letters": found.inserts.flat.view("S1"), **self._arrays(found)}.items():
            self._add(name, array)

    def save(
        self, file: IO[bytes], tasks: Sequence[str], constants: Callable[[Mapping[str, tuple[int, ...]]], dict[str, np.ndarray]]
    ) -> None:
        """Writes all as `.npz`."""
        offsets = np.cumsum([0, *np.concatenate([np.zeros(0, np.int64), *self._lengths])])
        small = {"ids": np.array(self._ids, str), "offsets": offsets, "tasks": np.array(tasks, str), **constants(self._shapes)}
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
        """Closes the spools."""
        for file in self._files.values():
            file.close()

    def _add(self, name: str, array: np.ndarray) -> None:
        if name not in self._files:
            self._files[name] = (self._folder / name).open("w+b")
            self._shapes[name], self._types[name] = (0, *array.shape[1:]), array.dtype
        self._shapes[name] = (self._shapes[name][0] + len(array), *array.shape[1:])
        self._files[name].write(np.ascontiguousarray(array).data)


@contextmanager
def open_arrays(
    path: str,
    tasks: Sequence[str],
    arrays: Callable[[Any], Mapping[str, np.ndarray]] = _effect_arrays,
    constants: Callable[[Mapping[str, tuple[int, ...]]], dict[str, np.ndarray]] = _changes,
) -> Iterator[EffectSink[Any]]:
    """An `.npz` file of effects, which appears once the `with` block has ended well; until then, arrays are spooled to the disk beside it.

    It holds `ids` (n,), `offsets` (n + 1,), `letters` S1 (letters,), `reference` (n, tasks), `effects` (letters, 4 or 5, tasks),
    `effects_sd` where there is one, `tasks` and `changes`; insert i has the rows from `offsets[i]` to `offsets[i + 1]`. Other `arrays` are
    a row a letter or a row an insert; other `constants` follow from the shapes of these, of which there are none without a record.

    Raises:
        DreamkerasError: It cannot be written.
    """
    with (
        open_output(path) as file,
        naming_output(path),
        tempfile.TemporaryDirectory(prefix=".dreamkeras-", dir=Path(file.name).parent) as folder,
    ):
        spool = _Arrays(Path(folder), arrays)
        try:
            yield spool
            spool.save(file, tasks, constants)
        finally:
            spool.close()
