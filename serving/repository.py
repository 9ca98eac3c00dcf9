"""ModelRepository: the served models by name and version; loaded, replaced and unloaded while the server runs.

Requests keep their model: those in flight are answered by the version that they began with.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from dreamkeras.errors import DreamkerasError, InputError, ModelError
from dreamkeras.scoring.predictor import OnnxPredictor

from .errors import ProtocolError
from .served_model import ServedModel
from .settings import Settings
from .statistics import Statistics

__all__ = ["IndexEntry", "ModelRepository", "check_name", "named_paths"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
UNLOADED = "unloaded"


class IndexEntry(NamedTuple):
    """A model's version in the repository's index.

    Args:
        name: The model.
        version: Empty where none is loaded.
        state: `READY`, `LOADING` or `UNAVAILABLE`.
        reason: Why it is unavailable, or why its last loading failed.
    """

    name: str
    version: str
    state: str
    reason: str


class ModelRepository:
    """Models from files that the operator named, and from a folder of models.

    An entry `NAME.onnx` or `NAME/model.onnx` is version 1 of NAME; `NAME/1/model.onnx`, `NAME/2/model.onnx` and so on are versions
    of NAME, of which the newest answers requests that name none.

    Args:
        files: Models by their names: `.onnx` files, run folders or folders of versions, wherever they are.
        folder: The folder of models, if any. Nothing outside it is loaded, symbolic links included.
        open_file: Opens an `.onnx` file or a folder that holds one.
        settings: Bound the batches that a model is tried with.

    Raises:
        InputError: A name is invalid or in both, or the folder is missing.
    """

    def __init__(
        self, files: Mapping[str, Path], folder: Path | None, open_file: Callable[[Path], OnnxPredictor], settings: Settings
    ) -> None:
        for name in files:
            check_name(name)
        if folder and not folder.is_dir():
            raise InputError(f"Expected a folder of models, got {folder}, which is none.")
        self._files = dict(files)
        self._folder = folder.resolve() if folder else None
        self._open_file = open_file
        self._settings = settings
        self._loaded: dict[str, dict[str, ServedModel]] = {}
        self._reasons: dict[str, str] = {}
        self._loading: set[str] = set()
        self._statistics: dict[tuple[str, str], Statistics] = {}
        self._one_at_a_time = threading.Lock()
        if both := sorted(set(files) & set(self._in_folder())):
            raise InputError(f"Expected each model once, got {both[0]!r} on its own and in {folder}.")

    def load_all(self) -> None:
        """Loads every model; as `load`."""
        for name in self.names():
            self.load(name)

    def names(self) -> list[str]:
        """The names of all models, loaded or not."""
        return sorted({*self._files, *self._in_folder(), *self._loaded})

    @property
    def ready(self) -> list[ServedModel]:
        """All loaded versions of all models."""
        return [model for name in sorted(self._loaded) for model in self._loaded.get(name, {}).values()]

    def get(self, name: str, version: str = "") -> ServedModel:
        """A loaded model; without a version the newest.

        Raises:
            ProtocolError: 404, there is none.
        """
        versions = self._loaded.get(name)
        if not versions:
            raise ProtocolError(f"Request for unknown model: {_shown(name)} is not found.", 404)
        if version and version not in versions:
            raise ProtocolError(
                f"Request for unknown model: version {_shown(version)} of {name!r} is not found, there is {', '.join(versions)}.", 404
            )
        return versions[version or next(reversed(versions))]

    def select(self, name: str = "", version: str = "") -> list[ServedModel]:
        """One version of a model, all versions of a model, or all versions of all models.

        Raises:
            ProtocolError: 404, there is no such model.
        """
        if version:
            return [self.get(name, version)]
        return [self.get(name, each) for each in self.versions(self.get(name).name)] if name else self.ready

    def versions(self, name: str) -> list[str]:
        """The loaded versions of a model, the newest last."""
        return list(self._loaded.get(name, ()))

    def load(self, name: str) -> None:
        """Loads a model's versions from the disk, in the calling thread; the loaded ones answer meanwhile, and afterwards if this fails.

        Raises:
            ProtocolError: 404, there is no such model.
            DreamkerasError: One of its files cannot be loaded.
        """
        with self._one_at_a_time:
            self._loading.add(name)
            try:
                loaded = {version: self._open(name, version, path) for version, path in self._find(name).items()}
            except (DreamkerasError, OSError) as error:
                if isinstance(error, ProtocolError):  # there is no such model
                    raise
                self._reasons[name] = str(error)
                wrapped = error if isinstance(error, DreamkerasError) else ModelError(f"Expected to read model {name!r}, got: {error}.")
                raise wrapped from None
            finally:
                self._loading.discard(name)
            self._loaded[name] = loaded
            self._reasons.pop(name, None)

    def unload(self, name: str) -> None:
        """Unloads a model; requests in flight are answered.

        Raises:
            ProtocolError: 404, it is not loaded.
        """
        with self._one_at_a_time:
            if self._loaded.pop(name, None) is None:
                raise ProtocolError(f"Request for unknown model: {_shown(name)} is not loaded.", 404)
            self._reasons[name] = UNLOADED

    def index(self, *, only_ready: bool = False) -> list[IndexEntry]:
        """All models and their loaded versions, or the loaded ones only."""
        entries = []
        for name in self.names():
            reason = self._reasons.get(name, "")
            versions = self.versions(name)
            state = "READY" if versions else "LOADING" if name in self._loading else "UNAVAILABLE"
            entries += [IndexEntry(name, version, state, reason) for version in versions or [""]]
        return [entry for entry in entries if entry.state == "READY" or not only_ready]

    def _open(self, name: str, version: str, path: Path) -> ServedModel:
        statistics = self._statistics.setdefault((name, version), Statistics())
        model = ServedModel(name, version, self._open_file(path), statistics)
        model.warm_up(self._settings.batch_rows_of(model.predictor.construct.length))
        return model

    def _find(self, name: str) -> dict[str, Path]:
        """Paths of a model's versions, in ascending order."""
        path = self._files.get(name) or self._in_folder().get(name)
        if path is None:
            raise ProtocolError(f"Request for unknown model: {_shown(name)} is not found.", 404)
        numbers = sorted(int(part.name) for part in path.iterdir() if _is_version(part)) if path.is_dir() else []
        found = {str(number): path / str(number) for number in numbers} or {"1": path}
        for folder in found.values() if name not in self._files else ():
            file = (folder / "model.onnx" if folder.is_dir() else folder).resolve()
            if self._folder is None or not file.is_relative_to(self._folder):
                raise ModelError(f"Expected a model inside {self._folder}, got {folder}, which leads out of it.")
        return found

    def _in_folder(self) -> dict[str, Path]:
        """Paths of the folder's models by their names, as they are now."""
        if self._folder is None:
            return {}
        try:
            entries = [entry for entry in sorted(self._folder.iterdir()) if entry.is_dir() or entry.suffix == ".onnx"]
        except OSError:  # a folder that has gone has no models; those that are loaded stay
            return {}
        named = {entry.name if entry.is_dir() else entry.stem: entry for entry in entries}
        return {name: entry for name, entry in named.items() if NAME.fullmatch(name)}


def check_name(name: str) -> None:
    """Raises `InputError` for a name that does not fit into a URL."""
    if not NAME.fullmatch(name):
        raise InputError(f"Expected a model's name of letters, digits, '.', '_' and '-', at most 128, got {_shown(name)}.")


def named_paths(texts: Iterable[str]) -> dict[str, Path]:
    """Paths by model name, from texts `NAME=PATH`, or `PATH`, whose name is that of the file or folder.

    Raises:
        InputError: A name is invalid or occurs twice.
    """
    found: dict[str, Path] = {}
    for text in texts:
        given, equals, rest = text.partition("=")
        path = Path(rest if equals else text)
        name = given if equals else path.resolve().stem if path.suffix == ".onnx" else path.resolve().name
        check_name(name)
        if name in found:
            raise InputError(f"Expected a name for each model, got {name!r} for {found[name]} and {path}: give -m NAME=PATH.")
        found[name] = path
    return found


def _is_version(part: Path) -> bool:
    return part.name.isdecimal() and part.name.isascii() and not part.name.startswith("0") and (part / "model.onnx").is_file()


def _shown(name: str) -> str:
    return repr(name[:80])
