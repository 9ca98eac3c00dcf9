"""Reads and writes bgzip files (the BGZF format of htslib). Reading gives random access to the uncompressed bytes."""

import mmap
import struct
import zlib
from collections import OrderedDict
from typing import BinaryIO

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name

__all__ = ["PACKED", "BgzipBytes", "BgzipWriter", "EndChecked", "check_bgzip_end"]

PACKED = (".gz", ".bgz")
"""Suffixes, in lower case, of files that are compressed with bgzip."""

HEAD = struct.Struct("<4s6xH")
"""Format of a gzip header: four bytes with magic number and flags, six ignored bytes, and the length of the extra fields."""

MAGIC = b"\x1f\x8b\x08\x04"

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block at the end of every bgzip file."""

BLOCK = 65280
"""Uncompressed size of a block in bytes, as in htslib.

With this size, a compressed block fits into 64 KiB even if the data are incompressible.
"""

_CUT_SHORT = "Truncated bgzip file"

KEPT = 16
"""Maximum number of cached decompressed blocks.

A block has at most 64 KiB. If windows are read in order, most of them lie in the block that was read last.
"""


class BgzipBytes:
    """Random access to the uncompressed bytes of a bgzip file.

    Args:
        packed: Memory map of the file.
        name: Name of the file, for error messages.

    Raises:
        InputError: The file is truncated, or was compressed with gzip instead of bgzip.
    """

    def __init__(self, packed: mmap.mmap, name: str) -> None:
        self._packed = packed
        self._name = name
        self._begins, self._offsets = self._blocks()
        self._unpacked: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def __getitem__(self, stretch: slice) -> bytes:
        """Returns the bytes from `start` to `stop`, which must both be given.

        If `stop` is beyond the end of the file, fewer bytes are returned.
        """
        start, stop = stretch.start, min(stretch.stop, len(self))
        if start >= stop:
            return b""
        first, last = np.searchsorted(self._offsets, (start, stop - 1), side="right") - 1
        joined = b"".join(self._block(block) for block in range(int(first), int(last) + 1))
        begin = start - int(self._offsets[first])
        return joined[begin : begin + stop - start]

    def _blocks(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns two int64 arrays: the offsets of the blocks in the file, and their offsets in the uncompressed data.

        An additional last element in each array is the total size.
        """
        begins, sizes, begin = [], [], 0
        while begin < len(self._packed):
            begins.append(begin)
            begin += self._block_length(begin)
            sizes.append(int.from_bytes(self._packed[begin - 4 : begin], "little"))
        if begin > len(self._packed) or sizes[-1]:  # a complete file ends with an empty block
            raise InputError(f"{_CUT_SHORT}: {self._name}.")
        return np.array([*begins, begin], np.int64), np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def _block_length(self, begin: int) -> int:
        """Returns the length in bytes of the block at `begin`. BGZF stores this length in the extra field BC."""
        head = self._packed[begin : begin + HEAD.size]
        if len(head) < HEAD.size or not head.startswith(MAGIC):
            raise self._other_kind()
        extra = self._packed[begin + HEAD.size : begin + HEAD.size + HEAD.unpack(head)[1]]
        while len(extra) >= 4:
            size = int.from_bytes(extra[2:4], "little")
            if extra[:2] == b"BC" and size == 2:
                return int.from_bytes(extra[4:6], "little") + 1
            extra = extra[4 + size :]
        raise self._other_kind()

    def _other_kind(self) -> InputError:
        return InputError(f"Expected an uncompressed or bgzip file, got ordinary gzip: {self._name}. Decompress it with gunzip.")

    def _block(self, number: int) -> bytes:
        if number in self._unpacked:
            self._unpacked.move_to_end(number)
            return self._unpacked[number]
        try:
            block = zlib.decompress(self._packed[self._begins[number] : self._begins[number + 1]], wbits=31)
        except zlib.error as error:
            raise InputError(f"Damaged bgzip file: {self._name} ({error}).") from None
        self._unpacked[number] = block
        if len(self._unpacked) > KEPT:
            self._unpacked.popitem(last=False)
        return block


class BgzipWriter:
    """Writer that compresses bytes into bgzip blocks, which htslib can read and index.

    Args:
        file: Output file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting = b""

    def write(self, data: bytes) -> None:
        """Writes bytes."""
        data = self._waiting + data
        whole = len(data) // BLOCK * BLOCK
        for first in range(0, whole, BLOCK):
            self._file.write(_packed(data[first : first + BLOCK]))
        self._waiting = data[whole:]

    def finish(self) -> None:
        """Writes the remaining bytes and the empty block at the end of the file."""
        self._file.write((_packed(self._waiting) if self._waiting else b"") + END)


def check_bgzip_end(path: str) -> None:
    """Checks that a bgzip file ends with the empty block that marks its end. Files that are not bgzip are accepted.

    Without this check, a bgzip file that is truncated between two blocks would be read as if it were complete.

    Raises:
        InputError: The file is truncated.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD.size + 2)
        if not _is_bgzip(head):
            return
        file.seek(0, 2)
        file.seek(max(0, file.tell() - len(END)))
        if file.read() != END:
            raise InputError(f"{_CUT_SHORT}: {source_name(path)}.")


class EndChecked:
    """Reads a stream. At the end of a bgzip stream, checks that the data are complete, see `check_bgzip_end`."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream, self._path = stream, path
        self._head, self._tail = b"", b""

    def read(self, size: int = -1) -> bytes:
        """Reads the next `size` bytes, or all remaining bytes.

        Raises:
            InputError: A bgzip stream ended without the empty block that marks its end.
        """
        piece = self._stream.read(size)
        self._head += piece[: HEAD.size + 2 - len(self._head)]
        self._tail = (self._tail + piece[-len(END) :])[-len(END) :]
        if not piece and size and _is_bgzip(self._head) and self._tail != END:
            raise InputError(f"{_CUT_SHORT}: {source_name(self._path)}.")
        return piece


def _is_bgzip(head: bytes) -> bool:
    return head.startswith(MAGIC) and head.endswith(b"BC")


def _packed(data: bytes) -> bytes:
    """Compresses bytes to a single block."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    size = HEAD.size + 6 + len(packed) + 8
    head = MAGIC + bytes(5) + b"\xff" + struct.pack("<H2sHH", 6, b"BC", 2, size - 1)
    return head + packed + struct.pack("<II", zlib.crc32(data), len(data))
