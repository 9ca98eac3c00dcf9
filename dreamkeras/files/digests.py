"""Computes digests that identify files."""

import hashlib
from pathlib import Path
from typing import BinaryIO

__all__ = ["file_digest", "md5", "quick_digest"]

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


def md5(path: str | Path) -> str:
    """Returns the MD5 of a file as hexadecimal digits, which detects damage but not forgery.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
