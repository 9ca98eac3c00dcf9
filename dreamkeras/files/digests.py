"""Digests of files, by which a record of what was done names what it was done with."""

import hashlib
from pathlib import Path
from typing import BinaryIO

__all__ = ["file_digest", "quick_digest"]

EDGE = 1 << 20


def file_digest(path: str | Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits; OSError where it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quick_digest(file: BinaryIO) -> str:
    """The size of an open file, and the SHA-256 of its first and its last megabyte: enough to tell large files apart."""
    digest = hashlib.sha256(file.read(EDGE))
    size = file.seek(0, 2)
    file.seek(max(0, size - EDGE))
    digest.update(file.read(EDGE))
    return f"{size}:{digest.hexdigest()}"
