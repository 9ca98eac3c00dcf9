"""Computes digests that identify input files, and checksums of the form `KIND:HEX` that are compared with published checksums."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import InputError

__all__ = ["KINDS", "checksum_of", "file_digest", "quick_digest"]

KINDS = ("md5", "git-blob")
"""Kinds of checksums: MD5, which Zenodo publishes, and the blob id of Git."""

MEGABYTE = 1 << 20


def file_digest(path: str | Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quick_digest(file: BinaryIO) -> str:
    """Returns the size of an open file and the SHA-256 of its first and last megabyte, which is enough to distinguish large files."""
    digest = hashlib.sha256(file.read(MEGABYTE))
    size = file.seek(0, 2)
    file.seek(max(0, size - MEGABYTE))
    digest.update(file.read(MEGABYTE))
    return f"{size}:{digest.hexdigest()}"


def checksum_of(path: Path, kind: str) -> str:
    """Computes a checksum of a file. The checksum detects damage but not forgery.

    Args:
        path: Path of the file.
        kind: One of `KINDS`, or a checksum of the same kind.

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
