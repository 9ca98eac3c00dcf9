"""Whether layers are being traced for ONNX, where some take another form than the one that trains fastest."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["exportable_layers", "is_exporting"]

_exporting: ContextVar[bool] = ContextVar("exporting", default=False)


@contextlib.contextmanager
def exportable_layers() -> Iterator[None]:
    """Within it, TensorFlow traces layers in the form that becomes the fewest ONNX nodes."""
    token = _exporting.set(True)
    try:
        yield
    finally:
        _exporting.reset(token)


def is_exporting() -> bool:
    """Whether the caller stands within `exportable_layers`."""
    return _exporting.get()
