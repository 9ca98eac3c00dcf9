"""Writes bgzip files for the tests, following the BGZF section of the SAM specification."""

import struct
import zlib

__all__ = ["END", "bgzip"]

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block at the end of every bgzip file."""


def bgzip(data, size=65280):
    """Compresses data in blocks of `size` bytes, each a gzip member with its length in the extra field BC."""
    blocks = []
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(piece) + packer.flush()
        head = struct.pack("<4BI2BH2sHH", 31, 139, 8, 4, 0, 0, 255, 6, b"BC", 2, len(packed) + 25)
        blocks.append(head + packed + struct.pack("<II", zlib.crc32(piece), len(piece)))
    return b"".join(blocks) + END
