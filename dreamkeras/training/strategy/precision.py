"""Building a network that computes in a chosen precision."""

import contextlib
from collections.abc import Iterator

import keras

from dreamkeras.training.config import PRECISIONS

__all__ = ["computing_in"]


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in one of `PRECISIONS`; afterwards Keras's policy is what it was."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
