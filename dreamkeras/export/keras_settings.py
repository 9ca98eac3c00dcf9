"""Fixes the backend and the global settings of Keras, which `keras.json` and environment variables could otherwise change.

In processes that dreamkeras starts, the fixed settings always apply. In other processes, the settings apply only while a function of
dreamkeras runs. This module imports Keras only when Keras is needed.
"""

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dreamkeras.environment import SIGNALS, TOO_FEW, can_start_threads, setting
from dreamkeras.errors import DreamkerasError, MissingPackageError
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.plots.style import import_fonts

__all__ = ["child_environment", "importing_keras", "keras_backend", "keras_environment", "pinned_settings", "starting_keras"]

HOME = Path(__file__).with_name("keras_home")
"""Folder with a `keras.json` of Keras's default settings, which Keras reads instead of the user's file."""

OVERRIDES = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
"""Environment variables that override `keras.json`."""

THREADS, THREADS_PER_CPU = 10, 6
"""Number of threads that TensorFlow and JAX start, measured on 2 CPUs: with 16 processes allowed they abort, with 24 they run."""

FRAMEWORKS = r"(keras|tensorflow|jax|torch|tf2onnx|onnx)\b"
"""Regular expression for the packages whose deprecation warnings are ignored, because the user cannot prevent the warnings."""

SETTINGS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
"""The settings for building, training and exporting networks.

`keras.config` has a getter and a setter for each setting. `max_epochs` and `max_steps_per_epoch` require Keras 3.10.
"""


def keras_backend() -> str | None:
    """Returns the backend of Keras in this process, or None if Keras has not been imported."""
    keras = sys.modules.get("keras")
    return str(keras.backend.backend()) if keras else None


def child_environment(backend: str) -> dict[str, str]:
    """Returns the environment for a child process in which Keras has a given backend and dreamkeras's settings.

    The child process can import the same modules as this process, including modules that define blocks.
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**keras_environment(backend), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths}


def keras_environment(backend: str) -> dict[str, str]:
    """Returns a copy of this process's environment in which Keras has a given backend and uses dreamkeras's settings."""
    kept = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    return {**kept, "KERAS_BACKEND": backend, "KERAS_HOME": str(HOME)}


@contextlib.contextmanager
def importing_keras() -> Iterator[None]:
    """Context manager within which Keras and its backend are imported.

    The import leaves no font cache of matplotlib and no compiler cache of torch on disk. SIGTERM and SIGHUP are handled at the end of the
    `with` block.

    Raises:
        DreamkerasError: The system allows too few threads for TensorFlow, which would abort the process.
    """
    if not can_start_threads(THREADS + THREADS_PER_CPU * (os.cpu_count() or 1)):
        raise DreamkerasError(f"Cannot start the threads of TensorFlow and JAX: {TOO_FEW}")
    with _deferred_signals(), temporary_folder() as folder, contextlib.ExitStack() as stack:
        stack.enter_context(setting("TORCHINDUCTOR_CACHE_DIR", str(folder)))
        with contextlib.suppress(ImportError):  # Keras imports matplotlib if it is installed
            import_fonts()
        yield


@contextlib.contextmanager
def _deferred_signals() -> Iterator[None]:
    """Context manager within which SIGTERM and SIGHUP wait, if Python functions handle them.

    The command line raises an exception after these signals. If the exception passes through a library in C++, the library can abort the
    process, which then leaves its temporary files. Blocking the signals would not suffice: another thread would receive them.
    """
    arrived: list[int] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # only the main thread can set signal handlers
        handlers = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}
    for number in handlers:
        signal.signal(number, lambda number, _: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived[:1]:
            signal.raise_signal(number)


@contextlib.contextmanager
def starting_keras(backend: str) -> Iterator[None]:
    """Context manager within which an import of Keras uses dreamkeras's settings.

    On exit, the user's environment variables for Keras are restored, except for the backend.

    Args:
        backend: The Keras backend of this process and of its child processes.
    """
    before = dict(os.environ)
    try:
        _replace_environment(keras_environment(backend))
        yield
    finally:
        changed = {name: value for name, value in os.environ.items() if name not in ("KERAS_HOME", *OVERRIDES)}
        _replace_environment({**changed, **{name: before[name] for name in ("KERAS_HOME", *OVERRIDES) if name in before}})


def _replace_environment(wanted: dict[str, str]) -> None:
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)


@contextlib.contextmanager
def pinned_settings() -> Iterator[None]:
    """Context manager and decorator that applies dreamkeras's Keras settings and restores the caller's settings on exit.

    Raises:
        MissingPackageError: Keras was imported with Flax NNX, which cannot be disabled after the import.
    """
    from keras import config

    if getattr(config, "is_nnx_enabled", bool)():
        raise MissingPackageError(
            "Keras has Flax NNX enabled: set nnx_enabled in keras.json to false, unset KERAS_NNX_ENABLED, and restart Python."
        )
    pinned = {name: value for name, value in SETTINGS.items() if hasattr(config, f"set_{name}")}
    before = {name: getattr(config, name)() for name in pinned}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=FRAMEWORKS)  # prevents errors under -W error
        try:
            for name, value in pinned.items():
                getattr(config, f"set_{name}")(value)
            yield
        finally:
            for name, value in before.items():
                getattr(config, f"set_{name}")(value)
