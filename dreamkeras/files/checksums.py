"""Checksums of files, written `KIND:HEX`, as Zenodo and Git know them."""

import hashlib
from pathlib import Path

from dreamkeras.errors import InputError

__all__ = ["KINDS", "checksum_of"]

KINDS = ("md5", "git-blob")
"""MD5 as Zenodo publishes it; the name that Git gives to a file's content."""

CHUNK = 1 << 20


def checksum_of(path: Path, kind: str) -> str:
    """The checksum of a file; both kinds tell damage, neither withstands a forger.

    Args:
        path: The file, read in pieces.
        kind: One of `KINDS`, or a checksum, which is of one.

    Raises:
        InputError: The kind is unknown.
    """
    kind = kind.partition(":")[0]
    if kind not in KINDS:
        raise InputError(f"Expected a checksum of the kind {' or '.join(KINDS)}, got {kind!r}.")
    if kind == "md5":
        digest = hashlib.md5(usedforsecurity=False)
    else:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"
