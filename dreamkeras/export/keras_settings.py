"""Keras in a process: its backend and its global settings, of `keras.json` and of the environment.

Settings are pinned where Keras is ours, and while we compute in a caller's. Imports Keras only then.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dreamkeras.environment import setting
from dreamkeras.errors import MissingPackageError
from dreamkeras.plots.style import import_fonts

__all__ = ["child_environment", "home_left_alone", "keras_backend", "keras_environment", "pinned_settings", "starting_keras"]

HOME = Path(__file__).with_name("keras_home")
"""The folder of a `keras.json` that says what Keras does without one, which Keras reads in place of the user's."""

OVERRIDES = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
"""Variables that go before `keras.json`."""

SETTINGS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
"""The settings of networks in building, training and export. Each has a getter and a setter in `keras.config`, the last two since 3.10."""


def keras_backend() -> str | None:
    """The backend of this process's Keras; None while nothing has imported it."""
    keras = sys.modules.get("keras")
    return str(keras.backend.backend()) if keras else None


def child_environment(backend: str) -> dict[str, str]:
    """The environment of a process of our own: Keras on a backend, our settings, and all that this process can import, blocks included."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**keras_environment(backend), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths}


def keras_environment(backend: str) -> dict[str, str]:
    """This process's environment, in which Keras has a backend and our settings, not the user's."""
    kept = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    return {**kept, "KERAS_BACKEND": backend, "KERAS_HOME": str(HOME)}


@contextlib.contextmanager
def home_left_alone() -> Iterator[None]:
    """What Keras brings along, when imported in the `with` block, leaves neither matplotlib's list of fonts nor torch's cache."""
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder, contextlib.ExitStack() as stack:
        stack.enter_context(setting("TORCHINDUCTOR_CACHE_DIR", folder))
        with contextlib.suppress(ImportError):  # Keras imports matplotlib where it is installed
            import_fonts()
        yield


@contextlib.contextmanager
def starting_keras(backend: str) -> Iterator[None]:
    """Keras that is imported inside has our settings. Afterwards the environment is what it was, but for the backend.

    Args:
        backend: What Keras runs on, also in processes that this one starts.
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
    """Keras has our settings inside, and afterwards those of the caller. Also a decorator.

    Raises:
        MissingPackageError: Keras was started with Flax NNX, which cannot be undone.
    """
    from keras import config

    if getattr(config, "is_nnx_enabled", bool)():
        raise MissingPackageError(
            "Expected Keras without Flax NNX: set nnx_enabled in keras.json to false, unset KERAS_NNX_ENABLED, and start Python again."
        )
    pinned = {name: value for name, value in SETTINGS.items() if hasattr(config, f"set_{name}")}
    before = {name: getattr(config, name)() for name in pinned}
    try:
        for name, value in pinned.items():
            getattr(config, f"set_{name}")(value)
        yield
    finally:
        for name, value in before.items():
            getattr(config, f"set_{name}")(value)
