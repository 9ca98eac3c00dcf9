"""Digests of files: those that manifests name inputs by, and checksums written `KIND:HEX`, as Zenodo and Git publish them."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import InputError

__all__ = ["KINDS", "checksum_of", "file_digest", "quick_digest"]

KINDS = ("md5", "git-blob")
"""MD5 as Zenodo publishes it; the name that Git gives to a file's content."""

MEGABYTE = 1 << 20


def file_digest(path: str | Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits; OSError where it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quick_digest(file: BinaryIO) -> str:
    """The size of an open file, and the SHA-256 of its first and its last megabyte: enough to tell large files apart."""
    digest = hashlib.sha256(file.read(MEGABYTE))
    size = file.seek(0, 2)
    file.seek(max(0, size - MEGABYTE))
    digest.update(file.read(MEGABYTE))
    return f"{size}:{digest.hexdigest()}"


def checksum_of(path: Path, kind: str) -> str:
    """The checksum of a file, of one of `KINDS` or of the kind of a given checksum; detects damage, not forgery.

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
        while piece := file.read(MEGABYTE):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"
