"""Shards: what has been predicted stays on the disk until all has, so that a killed run goes on where it was.

A folder beside the results holds a manifest of the work, and predictions in files of a fixed number of records, each of
which appears whole or not at all.
"""

import importlib.metadata
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.digests import file_digest
from dreamkeras.files.folders import claim, clear
from dreamkeras.files.object_store import Location, locate
from dreamkeras.files.outputs import open_output
from dreamkeras.scoring.skipped import Skipped
from dreamkeras.sequence.records import Records

__all__ = ["SHARD", "Shard", "Shards", "check_manifest", "describe_work", "in_shards", "join_shards", "open_shards"]

MANIFEST = "manifest.json"

AT_ONCE = 16
"""Inputs whose digests are taken at the same time: an object store takes a while for each."""

SHARD = 1 << 14
"""Records in a shard, the most that a kill costs: ten seconds of a small model on two CPUs, two minutes of a large one."""


OTHER = "other_"

NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


class Shard(NamedTuple):
    """The predictions of some records.

    Args:
        ids: n names.
        values: float32 (n, columns).
        skipped: Records beside them that were left out.
        others: Further arrays that are kept.
    """

    ids: list[str]
    values: np.ndarray
    skipped: Skipped = Skipped()
    others: Mapping[str, np.ndarray] = NOTHING


class Shards:
    """A folder of shards, which is made if need be, with a JSON-able manifest: the models, inputs and choices that results depend on.

    Raises:
        InputError: The folder holds shards of something else; the message names the difference.
        DreamkerasError: The folder cannot be written.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = json.loads(json.dumps(manifest))
        path = folder / MANIFEST
        kept = len(list(folder.glob("*.npz"))) if path.exists() else 0
        self.done = next(number for number in range(kept + 1) if not self._path(number).exists())
        if not self.done:
            path.unlink(missing_ok=True)  # work that has nothing yet may become another
        place = locate(str(folder))
        place.make_folder()
        check_manifest(place, self.manifest)

    def add(self, shard: Shard) -> None:
        """Keeps the next shard.

        Raises:
            DreamkerasError: It cannot be written.
        """
        names = [name.encode() for name in shard.ids]
        arrays: dict[str, Any] = {
            "names": np.frombuffer(b"".join(names), np.uint8),
            "lengths": np.array([len(name) for name in names], np.int64),
            "values": shard.values,
            "skipped": np.int64(shard.skipped.count),
            "reasons": np.frombuffer(json.dumps(shard.skipped.reasons).encode(), np.uint8),
            **{f"{OTHER}{name}": array for name, array in shard.others.items()},
        }
        content = io.BytesIO()
        np.savez(content, **arrays)
        with open_output(str(self._path(self.done))) as file:
            file.write(content.getbuffer())
        self.done += 1

    def __iter__(self) -> Iterator[Shard]:
        """The shards that are done, in order, one in memory at a time."""
        for number in range(self.done):
            with np.load(self._path(number)) as arrays:
                names, ends = arrays["names"].tobytes(), np.cumsum(arrays["lengths"]).tolist()
                ids = [names[first:last].decode() for first, last in zip([0, *ends], ends, strict=False)]
                others = {name.removeprefix(OTHER): arrays[name] for name in arrays if name.startswith(OTHER)}
                skipped = Skipped(int(arrays["skipped"]), tuple(json.loads(arrays["reasons"].tobytes())))
                yield Shard(ids, arrays["values"], skipped, others)

    def remove(self) -> None:
        """Removes what is kept; for when the results have their name."""
        clear(self.folder)
        with suppress(OSError):  # it holds the lock
            self.folder.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.npz"


@contextmanager
def open_shards(output: str, manifest: dict[str, Any]) -> Iterator[Shards]:
    """The shards of an output, in the folder `OUTPUT.unfinished`, which this process holds until the `with` block ends.

    A folder without shards is removed then. The manifest is that of `Shards`.

    Raises:
        InputError: The folder holds shards of something else.
        DreamkerasError: Another process holds it, or it cannot be written.
    """
    folder = Path(f"{output}.unfinished")
    try:
        with claim(folder, output):
            shards = Shards(folder, manifest)
            try:
                yield shards
            finally:
                if not shards.done:
                    shards.remove()
    finally:
        with suppress(OSError):  # it holds shards
            folder.rmdir()


def check_manifest(folder: Location, manifest: dict[str, Any]) -> None:
    """Writes what is being done in a folder, where nothing is written yet; otherwise finds it to be the same.

    Raises:
        InputError: It is something else; the message names the difference.
        DreamkerasError: It cannot be written.
    """
    manifest = json.loads(json.dumps(manifest))
    place = folder / MANIFEST
    try:
        text = place.read()
        found = None if text is None else json.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"Expected the manifest of an unfinished prediction, got {place} ({error}).") from None
    if text is None:
        with place.made() as path, open_output(path) as file:
            file.write((json.dumps(manifest, indent=2) + "\n").encode())
        return
    different = _differences(found, manifest)
    if different:
        raise InputError(
            f"Expected to go on with the prediction in {folder}, got another {' and '.join(different)}: "
            "run what was begun there, remove that folder, or take another output."
        )


def describe_work(models: Sequence[str], inputs: Sequence[str], columns: Sequence[str], choices: Sequence[Any]) -> dict[str, Any]:
    """A manifest of a prediction: digests of models and inputs, names of columns, and other options that the results depend on.

    Raises:
        InputError: An input is missing.
    """
    places = [locate(path) for path in inputs]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        digests = list(pool.map(lambda place: place.quick_digest(), places))
    files = [str(Path(path) / "model.onnx") if Path(path).is_dir() else path for path in models]
    return {
        "model": {path: file_digest(path) for path in files},
        "input": [[str(place), seen] for place, seen in zip(places, digests, strict=True)],
        "columns": list(columns),
        "choice of options": list(choices),
        "version of dreamkeras": importlib.metadata.version("dreamkeras"),
    }


def in_shards(batches: Iterable[Records], size: int, done: int, progress: Callable[[int], None] | None = None) -> Iterator[list[Records]]:
    """Batches of records cut so that each shard has `size` records; the last may have fewer. Yields the batches of each shard.

    The records of the `done` first shards are read and left out, and `progress` is told their number.
    """
    pieces: list[Records] = []
    left, before = size, done * size
    for batch in batches:
        rows = len(batch.ids)
        first = min(before, rows)
        before -= first
        if first and progress:
            progress(first)
        while first < rows:
            last = min(rows, first + left)
            pieces.append(batch if last - first == rows else batch.select(np.arange(first, last)))
            left -= last - first
            first = last
            if not left:
                yield pieces
                pieces, left = [], size
    if pieces:
        yield pieces


def join_shards(parts: Sequence[Shard]) -> Shard:
    """Several as one."""
    return Shard(
        [name for part in parts for name in part.ids],
        np.concatenate([part.values for part in parts]),
        sum((part.skipped for part in parts), Skipped()),
        {name: np.concatenate([part.others[name] for part in parts]) for name in parts[0].others},
    )


def _differences(found: Any, wanted: dict[str, Any]) -> Sequence[str]:
    if not isinstance(found, dict):
        return ["kind of manifest"]
    different = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    return [name + (_changed_input(found, wanted) if name == "input" else "") for name in different]


def _changed_input(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """The first input that is the same by its path only."""
    before = found["input"] if isinstance(found.get("input"), list) else []
    paths = [pair[0] for pair in before if isinstance(pair, list) and pair]
    changed = next((pair[0] for pair in wanted["input"] if pair not in before and pair[0] in paths), None)
    return f" ({changed} was changed or touched since)" if changed else ""
