"""Choosing Keras's backend, which has to happen before Keras is imported, and the precision that it computes in."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from dreamkeras.errors import MissingPackageError
from dreamkeras.export.keras_settings import home_left_alone, keras_backend, starting_keras
from dreamkeras.training.names import BACKENDS, PRECISIONS

__all__ = ["choose_backend", "computing_in", "find_backend", "running_backend"]


def choose_backend(wanted: str | None = None) -> str:
    """Imports Keras on the backend that `find_backend` finds, with settings of its own instead of those in the user's `keras.json`.

    Returns:
        The backend's name.

    Raises:
        MissingPackageError: Keras or the backend is not installed, or Keras already runs on another one.
    """
    running, wanted = keras_backend(), find_backend(wanted)
    if running not in (None, wanted):
        raise MissingPackageError(f"Expected Keras on {wanted}, but it is already running on {running}.")
    with starting_keras(wanted), _quiet():
        _start()
    return wanted


def running_backend(wanted: str | None = None) -> str:
    """The backend that Keras runs on in this process, which imports it if nothing has.

    Args:
        wanted: The backend that a run names; None takes Keras's own.

    Raises:
        MissingPackageError: Another one is wanted: Keras keeps the backend that it was imported with.
    """
    import keras

    running = str(keras.backend.backend())
    if wanted not in (None, running):
        raise MissingPackageError(
            f"Expected Keras on {wanted}, but it is already running on {running}: leave backend out, or set KERAS_BACKEND={wanted} before "
            "Keras is imported."
        )
    return running


def find_backend(wanted: str | None = None) -> str:
    """The backend to run on: the one wanted, else that which Keras runs on, that of KERAS_BACKEND, or the first installed.

    Imports nothing: what only starts other processes needs no backend, nor the memory it takes.

    Raises:
        MissingPackageError: Keras or the backend is not installed.
    """
    wanted = wanted or keras_backend() or os.environ.get("KERAS_BACKEND") or next(filter(_installed, BACKENDS), BACKENDS[0])
    if wanted not in BACKENDS:
        raise MissingPackageError(f"Expected a backend among {', '.join(BACKENDS)}, got {wanted!r}.")
    for package, extra in (("keras", "train"), (wanted, {"tensorflow": "train"}.get(wanted, wanted))):
        if not _installed(package):
            raise MissingPackageError(f"Expected {package} to be installed: pip install 'dreamkeras[{extra}]'.")
    return wanted


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in one of `PRECISIONS`; afterwards Keras's policy is what it was."""
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def _start() -> None:
    with home_left_alone():
        import keras

        keras.ops.zeros(())  # starts the backend's devices
        if _installed("tensorflow"):
            import tensorflow  # noqa: F401  # Keras does, on any backend, to seed and to save


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences what TensorFlow's libraries write to standard error while they load, whatever the log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
