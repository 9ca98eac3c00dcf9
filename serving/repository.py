"""ModelRepository: the served models by name and version. Models are loaded, replaced and unloaded while the server runs.

A request in flight is answered by the model that was loaded when the request arrived.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from dreamkeras.errors import DreamkerasError, InputError, ModelError
from dreamkeras.scoring.predictor import OnnxPredictor

from .errors import ProtocolError
from .model_folder import ModelFolder, check_name, versions
from .served_model import ServedModel
from .settings import Settings
from .statistics import Statistics

__all__ = ["IndexEntry", "ModelRepository"]

UNLOADED = "unloaded"


class IndexEntry(NamedTuple):
    """Entry of the model index for one version of a model.

    Args:
        name: Name of the model.
        version: Version of the model. An empty string if no version has been loaded yet, or all versions have been unloaded.
        state: `READY`, `LOADING` or `UNAVAILABLE`.
        reason: Reason why the model is unavailable, or why the last attempt to load the model failed.
    """

    name: str
    version: str
    state: str
    reason: str


class ModelRepository:
    """Served models, loaded from named files and from a folder of models.

    `NAME.onnx` or `NAME/model.onnx` in the folder is version 1 of the model NAME. `NAME/1/model.onnx`, `NAME/2/model.onnx` and so on
    are versions of NAME. The newest version answers requests that name no version.

    Args:
        files: Paths by model name. A path is an `.onnx` file, a run folder or a folder of versions.
        folder: Folder of models, or None. A symbolic link to a file outside the folder is not loaded.
        open_file: Function that opens the model at the path of an `.onnx` file, or of a folder that contains the file.
        settings: Limits on the batches that are measured when a model is loaded.

    Raises:
        InputError: A name is invalid or occurs in both `files` and `folder`, or the folder does not exist.
    """

    def __init__(
        self, files: Mapping[str, Path], folder: Path | None, open_file: Callable[[Path], OnnxPredictor], settings: Settings
    ) -> None:
        for name in files:
            check_name(name)
        self._files = dict(files)
        self._folder = ModelFolder(folder) if folder else None
        self._open_file = open_file
        self._settings = settings
        self._loaded: dict[str, dict[str, ServedModel]] = {}
        self._reasons: dict[str, dict[str, str]] = {}
        self._loading: set[str] = set()
        self._statistics: dict[tuple[str, str], Statistics] = {}
        self._one_at_a_time = threading.Lock()
        if both := sorted(set(files) & set(self._in_folder())):
            raise InputError(f"Model {both[0]!r} is both a named model and an entry of '{folder}'. Rename one of the two models.")

    def load_all(self, *, strict: bool = False) -> list[str]:
        """Loads every model. An entry of the folder that cannot be loaded is skipped.

        Args:
            strict: If True, raises an error if an entry of the folder cannot be loaded.

        Returns:
            A message for each entry of the folder that was skipped.

        Raises:
            DreamkerasError: A named model cannot be loaded. The error is also raised if an entry of the folder cannot be loaded, and
                `strict` is True or no model has been loaded.
        """
        for name in self._files:
            self.load(name)
        if self._folder is None:
            return []
        problems = self._folder.unusable()
        for name in sorted(self._in_folder()):
            problems += self._load_versions(name)
        if problems and (strict or not self._loaded):
            raise ModelError(" ".join(problems))
        return problems

    def names(self) -> list[str]:
        """Returns the names of all models, loaded or not."""
        return sorted({*self._files, *self._in_folder(), *self._loaded})

    def ready_names(self) -> list[str]:
        """Returns the names of the loaded models."""
        return sorted(self._loaded)

    @property
    def ready(self) -> list[ServedModel]:
        """All loaded versions of all models."""
        return [model for name in sorted(self._loaded) for model in self._loaded.get(name, {}).values()]

    def get(self, name: str, version: str = "") -> ServedModel:
        """Returns a loaded model. Without a version, returns the newest version.

        Raises:
            ProtocolError: 404 if the model or version is not loaded.
        """
        versions = self._loaded.get(name)
        if not versions:
            raise ProtocolError(f"Request for unknown model: {_shown(name)} is not found.", 404)
        if version and version not in versions:
            raise ProtocolError(
                f"Request for unknown model: version {_shown(version)} of {name!r} is not found. Loaded versions: {', '.join(versions)}.",
                404,
            )
        return versions[version or next(reversed(versions))]

    def select(self, name: str = "", version: str = "") -> list[ServedModel]:
        """Returns one loaded version of a model, all loaded versions of a model, or all loaded versions of all models.

        Raises:
            ProtocolError: 404 if the model or version is not loaded.
        """
        if version:
            return [self.get(name, version)]
        return [self.get(name, each) for each in self.versions(self.get(name).name)] if name else self.ready

    def versions(self, name: str) -> list[str]:
        """Returns the loaded versions of a model, the newest last."""
        return list(self._loaded.get(name, ()))

    def load(self, name: str) -> None:
        """Loads all versions of a model from disk, in the calling thread.

        The previous versions answer requests meanwhile. A version that cannot be loaded keeps its previous model.

        Raises:
            ProtocolError: 404 for an unknown model.
            DreamkerasError: A version cannot be loaded. All other versions are loaded before the error is raised.
        """
        if problems := self._load_versions(name):
            others = [version for version in self.versions(name) if version not in self._reasons[name]]
            raise ModelError(" ".join([*problems, *([f"Versions that were loaded: {', '.join(others)}."] if others else [])]))

    def unload(self, name: str) -> None:
        """Unloads a model. Requests in flight are still answered.

        Raises:
            ProtocolError: 404 if the model is not loaded.
        """
        with self._one_at_a_time:
            if self._loaded.pop(name, None) is None:
                raise ProtocolError(f"Request for unknown model: {_shown(name)} is not loaded.", 404)
            self._reasons[name] = {"": UNLOADED}

    def index(self, *, only_ready: bool = False) -> list[IndexEntry]:
        """Returns one entry for each version that is loaded or could not be loaded.

        If a model has no such version, it has one entry, with an empty version. With `only_ready`, only the entries of loaded versions are
        returned.
        """
        entries = []
        for name in self.names():
            reasons, ready = self._reasons.get(name, {}), self.versions(name)
            other = "LOADING" if name in self._loading else "UNAVAILABLE"
            versions = [*ready, *(version for version in reasons if version not in ready)] or [""]
            entries += [IndexEntry(name, each, "READY" if each in ready else other, reasons.get(each, "")) for each in versions]
        return [entry for entry in entries if entry.state == "READY" or not only_ready]

    def _load_versions(self, name: str) -> list[str]:
        """Loads each version of a model, and returns the errors of the versions that cannot be loaded."""
        with self._one_at_a_time:
            self._loading.add(name)
            before, after, reasons = self._loaded.get(name, {}), {}, {}
            try:
                for version, path in self._find(name).items():
                    try:
                        after[version] = self._open(name, version, path)
                    except (DreamkerasError, OSError) as error:
                        reasons[version] = str(_readable(name, error))
                        if version in before:
                            after[version] = before[version]
            except OSError as error:  # the folder of the versions cannot be read
                reasons[""] = str(_readable(name, error))
            finally:
                self._loading.discard(name)
            if after.keys() - reasons.keys():
                self._loaded[name] = after
            self._reasons[name] = reasons
            return list(reasons.values())

    def _open(self, name: str, version: str, path: Path) -> ServedModel:
        if self._folder and name not in self._files:
            self._folder.check_inside(path)
        statistics = self._statistics.setdefault((name, version), Statistics())
        model = ServedModel(name, version, self._open_file(path), statistics)
        model.warm_up(self._settings.batch_rows_of(model.predictor.construct.length))
        return model

    def _find(self, name: str) -> dict[str, Path]:
        """Returns the paths of a model's versions, in ascending order of versions."""
        path = self._files.get(name) or self._in_folder().get(name)
        if path is None:
            raise ProtocolError(f"Request for unknown model: {_shown(name)} is not found.", 404)
        return versions(path)

    def _in_folder(self) -> dict[str, Path]:
        return self._folder.models() if self._folder else {}


def _readable(name: str, error: DreamkerasError | OSError) -> DreamkerasError:
    return error if isinstance(error, DreamkerasError) else ModelError(f"Cannot read model {name!r}: {error}.")


def _shown(name: str) -> str:
    return repr(name[:80])
