"""Environment variables that are set during an import and restored afterwards, and packages that only extras install."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dreamkeras.errors import MissingPackageError

__all__ = ["import_extra", "setting"]


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """Sets a variable for the `with` block, unless the user has given it a value.

    Args:
        name: The variable; an empty one counts as not set.
        value: What it is in the block.

    Example:
        >>> with setting("DREAMKERAS_EXAMPLE", "1"):
        ...     os.environ["DREAMKERAS_EXAMPLE"]
        '1'
        >>> "DREAMKERAS_EXAMPLE" in os.environ
        False
    """
    before = os.environ.get(name)
    if before:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def import_extra(module: str, need: str, extra: str) -> Any:
    """The package of a module, with the module loaded.

    Args:
        module: Such as `pyarrow.parquet`.
        need: Its name and its use, such as `pyarrow for Parquet files`.
        extra: The extra of dreamkeras that installs it.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        return __import__(module)
    except ImportError:
        raise MissingPackageError(f"Expected {need}, got none installed: pip install 'dreamkeras[{extra}]'.") from None
