"""Environment variables that are set while something is imported or started, and are as before afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["setting"]


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
