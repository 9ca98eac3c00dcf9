"""Computes digests that identify input files, and checksums of the form `KIND:HEX` that are compared with published checksums."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import InputError

__all__ = ["KINDS", "checksum_of", "file_digest", "quick_digest"]

KINDS = ("md5", "git-blob")
"""Kinds of checksums. Zenodo publishes `md5` checksums. A `git-blob` checksum is the id of a file in a Git repository."""

MEGABYTE = 1 << 20


def file_digest(path: str | Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quick_digest(file: BinaryIO) -> str:
    """Returns the size of an open file and the SHA-256 of its first and last megabyte.

    Only two megabytes are read, so that large files are identified quickly.
    """
    digest = hashlib.sha256(file.read(MEGABYTE))
    size = file.seek(0, 2)
    file.seek(max(0, size - MEGABYTE))
    digest.update(file.read(MEGABYTE))
    return f"{size}:{digest.hexdigest()}"


def checksum_of(path: Path, kind: str) -> str:
    """Computes a checksum of a file. The checksum detects damage but not forgery.

    Args:
        path: Path of the file.
        kind: One of `KINDS`, or a checksum of the form `KIND:HEX`, whose kind is used.

    Raises:
        InputError: The kind is unknown.
    """
    kind = kind.partition(":")[0]
    if kind not in KINDS:
        raise InputError(f"Expected a checksum of kind {' or '.join(KINDS)}, got {kind!r}.")
    if kind == "md5":
        digest = hashlib.md5(usedforsecurity=False)
    else:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(MEGABYTE):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"
