"""Provides a context manager within which layers are traced for the conversion to ONNX.

For export, some layers use a simpler algorithm than for training.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["exportable_layers", "is_exporting"]

_exporting: ContextVar[bool] = ContextVar("exporting", default=False)


@contextlib.contextmanager
def exportable_layers() -> Iterator[None]:
    """Context manager for tracing with TensorFlow. Within the context, layers use algorithms that are converted to few ONNX nodes."""
    token = _exporting.set(True)
    try:
        yield
    finally:
        _exporting.reset(token)


def is_exporting() -> bool:
    """Returns whether the caller is inside an `exportable_layers` context."""
    return _exporting.get()
