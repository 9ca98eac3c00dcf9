"""Selects the backend of Keras before Keras is imported, and sets the precision in which layers compute."""

import contextlib
import importlib.util
import os
from collections.abc import Iterator

from dreamkeras.errors import MissingPackageError
from dreamkeras.export.keras_settings import importing_keras, keras_backend, starting_keras
from dreamkeras.files.streams import discarded_messages
from dreamkeras.training.names import BACKENDS, PRECISIONS

__all__ = ["choose_backend", "computing_in", "find_backend", "running_backend"]


def choose_backend(wanted: str | None = None) -> str:
    """Imports Keras on the backend that `find_backend` returns. The user's `keras.json` is ignored.

    Returns:
        Name of the backend.

    Raises:
        MissingPackageError: Keras or the backend is not installed, or Keras already runs on another backend.
    """
    running, wanted = keras_backend(), find_backend(wanted)
    if running not in (None, wanted):
        raise MissingPackageError(f"Cannot use the backend {wanted}, because Keras already runs with the backend {running}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with starting_keras(wanted), discarded_messages():  # TensorFlow's libraries write messages while they load
        _start()
    return wanted


def running_backend(wanted: str | None = None) -> str:
    """Returns the name of the backend that Keras uses in the current process. Imports Keras if necessary.

    Args:
        wanted: Backend that a run requires. If None, every backend is accepted.

    Raises:
        MissingPackageError: Keras runs on another backend, which cannot be changed after the import.
    """
    import keras

    running = str(keras.backend.backend())
    if wanted not in (None, running):
        raise MissingPackageError(
            f"Cannot use the backend {wanted}, because Keras already runs with the backend {running}. Omit the argument backend, "
            f"or set KERAS_BACKEND={wanted} before Keras is imported."
        )
    return running


def find_backend(wanted: str | None = None) -> str:
    """Returns the name of the backend to use.

    The first choice is `wanted`, followed by the running backend, the backend in KERAS_BACKEND, and the first installed backend. The
    backend is not imported, because a process that only starts other processes does not need the backend in memory.

    Raises:
        MissingPackageError: Keras or the backend is not installed.
    """
    wanted = wanted or keras_backend() or os.environ.get("KERAS_BACKEND") or next(filter(_installed, BACKENDS), BACKENDS[0])
    if wanted not in BACKENDS:
        raise MissingPackageError(f"Expected one of the backends {', '.join(BACKENDS)}, got {wanted!r}.")
    for package, extra in (("keras", "train"), (wanted, {"tensorflow": "train"}.get(wanted, wanted))):
        if not _installed(package):
            raise MissingPackageError(f"Expected {package} to be installed: pip install 'dreamkeras[{extra}]'.")
    return wanted


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Context manager that sets the precision of new layers to one of `PRECISIONS`.

    The previous dtype policy of Keras is restored at the end.
    """
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def _start() -> None:
    with importing_keras():
        import keras

        keras.ops.zeros(())  # initialises the devices of the backend
        if _installed("tensorflow"):
            import tensorflow  # noqa: F401  # Keras imports TensorFlow on every backend, for seeding and saving


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
