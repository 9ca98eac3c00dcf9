"""Triton's shared-memory extensions, which are disabled: no region exists, and no region can be registered."""

from typing import NoReturn

from ..errors import ProtocolError

__all__ = ["check_region", "refuse_change"]

UNSUPPORTED = 501


def check_region(kind: str, name: str) -> None:
    """Raises `ProtocolError` with status 404 for a named region, since no region exists.

    Args:
        kind: "system" or "cuda".
        name: Name of the region. An empty name stands for all regions.
    """
    if name:
        raise ProtocolError(f"Unable to find {kind} shared memory region: {name[:80]!r}", 404)


def refuse_change() -> NoReturn:
    """Refuses to register or unregister a region.

    A Triton server without the option `--allow-client-shm` answers with the same status and the same first sentence.
    """
    raise ProtocolError("Client shared memory is disabled. Send the tensors in the request.", UNSUPPORTED)
