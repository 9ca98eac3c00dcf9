"""Keeps finished predictions on disk in parts called shards, so that an interrupted run can be resumed.

A folder next to the results contains one file per shard and a manifest with the models, inputs and options of the run. A shard has a
fixed number of records. The file of a shard appears only when the shard is complete.
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
from dreamkeras.files.temporary import derived_name
from dreamkeras.scoring.skipped import Skipped
from dreamkeras.sequence.records import Records

__all__ = ["SHARD", "Shard", "Shards", "check_manifest", "describe_work", "in_shards", "join_shards", "open_shards"]

MANIFEST = "manifest.json"

AT_ONCE = 16
"""Number of inputs whose digests are computed in parallel, because each request to an object store takes time."""

SHARD = 1 << 14
"""Number of records in a shard.

The unfinished shard is lost if a run is killed. On 2 CPUs, a small model scores a shard in 10 seconds, and a large model in 2 minutes.
"""

OTHER = "other_"

NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


class Shard(NamedTuple):
    """Predictions of some records.

    Args:
        ids: Names of the n predicted records.
        values: Predictions, float32 (n, columns).
        skipped: Skipped records of the shard, in addition to the n predicted records.
        others: Additional arrays by name.
    """

    ids: list[str]
    values: np.ndarray
    skipped: Skipped = Skipped()
    others: Mapping[str, np.ndarray] = NOTHING


class Shards:
    """A folder that contains the shards of a run and their manifest.

    Args:
        folder: Folder for the shards, which is created if necessary.
        manifest: Models, inputs and options on which the results depend, as values that are serialisable as JSON.

    Raises:
        InputError: The folder contains shards of a run with another manifest. The message names the parts of the manifest that differ.
        DreamkerasError: The folder cannot be written.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = json.loads(json.dumps(manifest))
        path = folder / MANIFEST
        kept = len(list(folder.glob("*.npz"))) if path.exists() else 0
        self.done = next(number for number in range(kept + 1) if not self._path(number).exists())
        if not self.done:
            path.unlink(missing_ok=True)  # without finished shards, the manifest of another run can be replaced
        place = locate(str(folder))
        place.make_folder()
        check_manifest(place, self.manifest)

    def add(self, shard: Shard) -> None:
        """Writes the next shard.

        Raises:
            DreamkerasError: The shard cannot be written.
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
        """Yields the finished shards in order. One shard is in memory at a time."""
        for number in range(self.done):
            with np.load(self._path(number)) as arrays:
                names, ends = arrays["names"].tobytes(), np.cumsum(arrays["lengths"]).tolist()
                ids = [names[first:last].decode() for first, last in zip([0, *ends], ends, strict=False)]
                others = {name.removeprefix(OTHER): arrays[name] for name in arrays if name.startswith(OTHER)}
                skipped = Skipped(int(arrays["skipped"]), tuple(json.loads(arrays["reasons"].tobytes())))
                yield Shard(ids, arrays["values"], skipped, others)

    def remove(self) -> None:
        """Removes the folder and its shards, which are no longer needed when the results are complete."""
        clear(self.folder)
        with suppress(OSError):  # the lock file may still be in the folder
            self.folder.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.npz"


@contextmanager
def open_shards(output: str, manifest: dict[str, Any]) -> Iterator[Shards]:
    """Opens the shards of an output in the folder `OUTPUT.unfinished`, and locks the folder until the `with` block ends.

    A folder without finished shards is removed when the `with` block ends.

    Args:
        output: Path of the output.
        manifest: See `Shards`.

    Raises:
        InputError: The folder contains shards of a run with another manifest.
        DreamkerasError: Another process has locked the folder, or the folder cannot be written.
    """
    folder = derived_name(Path(output), "", ".unfinished")
    try:
        with claim(folder, output):
            shards = Shards(folder, manifest)
            try:
                yield shards
            finally:
                if not shards.done:
                    shards.remove()
    finally:
        with suppress(OSError):  # the folder is not empty if shards remain
            folder.rmdir()


def check_manifest(folder: Location, manifest: dict[str, Any]) -> None:
    """Writes `manifest` to a folder without a manifest, or checks that the manifest in the folder is equal to `manifest`.

    Raises:
        InputError: The manifest in the folder cannot be read or differs from `manifest`. The message names the parts that differ.
        DreamkerasError: The manifest cannot be written.
    """
    manifest = json.loads(json.dumps(manifest))
    place = folder / MANIFEST
    try:
        text = place.read()
        found = None if text is None else json.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read the manifest {place} of an unfinished prediction: {error}.") from None
    if text is None:
        with place.made() as path, open_output(path) as file:
            file.write((json.dumps(manifest, indent=2) + "\n").encode())
        return
    different = _differences(found, manifest)
    if different:
        raise InputError(
            f"Cannot resume the prediction in {folder}: it was started with another {' and '.join(different)}. "
            f"Repeat the original command, remove {folder}, or choose another output."
        )


def describe_work(models: Sequence[str], inputs: Sequence[str], columns: Sequence[str], choices: Sequence[Any]) -> dict[str, Any]:
    """Returns the manifest of a prediction: digests of models and inputs, names of columns, and options that affect the results.

    Raises:
        InputError: An input does not exist.
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
    """Divides batches of records into shards of `size` records; the last shard may have fewer. Yields a list of batches for each shard.

    The records of the first `done` shards are read and dropped. `progress` is called with the number of dropped records.
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
    """Concatenates shards into one."""
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
    """Returns a note that names the first input whose digest differs from the digest in the manifest, or an empty text."""
    before = found["input"] if isinstance(found.get("input"), list) else []
    paths = [pair[0] for pair in before if isinstance(pair, list) and pair]
    changed = next((pair[0] for pair in wanted["input"] if pair not in before and pair[0] in paths), None)
    return f" ({changed} was modified after the prediction was started)" if changed else ""
