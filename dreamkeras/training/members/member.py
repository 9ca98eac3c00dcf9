"""Trains one run of several in this process: starts the run, resumes the run if it was interrupted, or changes its length or limits."""

from pathlib import Path

from dreamkeras.training import run
from dreamkeras.training.changes import DATA_FILES, LENGTH, LIMITS
from dreamkeras.training.config import RunConfig
from dreamkeras.training.members.finished import has_run, store_paths
from dreamkeras.training.run_folder.new_folder import remove_unfinished

__all__ = ["train_member"]


def train_member(config: RunConfig, folder: Path, backend: str | None = None) -> None:
    """Trains the run in a folder, unless the run is finished.

    A run that was started before is resumed with the files of `config`, and with its length and limits where they are not None.

    Args:
        config: Configuration of the run.
        folder: Run folder, which may hold an interrupted or a finished run.
        backend: Backend that Keras must use. If None, a run that was started before requires its own backend.

    Raises:
        DreamkerasError: See `training.run.train` and `training.run.resume`.
    """
    if has_run(config, folder):
        store_paths(config, folder)
    elif (folder / "config.json").exists():
        begun, names = RunConfig.read(folder / "config.json"), (*DATA_FILES, *LENGTH, *LIMITS)
        changes = {name: value for name in names if (value := getattr(config, name)) not in (None, getattr(begun, name))}
        run.resume(folder, backend, **changes)
    else:
        remove_unfinished(folder)
        run.train(config, folder)
