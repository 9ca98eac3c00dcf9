"""bgzip files (BGZF, of htslib): random access to their bytes, and new files."""

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
"""Suffixes, in lower case, of files that are packed by bgzip."""

HEAD = struct.Struct("<4s6xH")
"""A gzip member's first bytes, with its length of extra fields."""

MAGIC = b"\x1f\x8b\x08\x04"

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every file."""

BLOCK = 65280
"""Bytes in a block, as htslib has them; a block that cannot be packed still fits into its 64 KiB."""

_CUT_SHORT = "Expected a whole bgzip file, got one cut short"

KEPT = 16
"""Blocks, of at most 64 KiB, that are kept unpacked; windows that are read in order mostly need the last one again."""


class BgzipBytes:
    """The bytes that a bgzip file holds, by position; messages call it by its name.

    Raises:
        InputError: It is gzip of another kind, or cut short.
    """

    def __init__(self, packed: mmap.mmap, name: str) -> None:
        self._packed = packed
        self._name = name
        self._begins, self._offsets = self._blocks()
        self._unpacked: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def __getitem__(self, stretch: slice) -> bytes:
        """The bytes from `start` up to `stop`, which are both given; fewer where the file ends."""
        start, stop = stretch.start, min(stretch.stop, len(self))
        if start >= stop:
            return b""
        first, last = np.searchsorted(self._offsets, (start, stop - 1), side="right") - 1
        joined = b"".join(self._block(block) for block in range(int(first), int(last) + 1))
        begin = start - int(self._offsets[first])
        return joined[begin : begin + stop - start]

    def _blocks(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each block begins in the file, and where its bytes begin in the unpacked data, with one more of both for the end."""
        begins, sizes, begin = [], [], 0
        while begin < len(self._packed):
            begins.append(begin)
            begin += self._block_length(begin)
            sizes.append(int.from_bytes(self._packed[begin - 4 : begin], "little"))
        if begin > len(self._packed) or sizes[-1]:  # an empty block ends every file
            raise InputError(f"{_CUT_SHORT}: {self._name}.")
        return np.array([*begins, begin], np.int64), np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def _block_length(self, begin: int) -> int:
        """The bytes of the block at `begin`: BGZF writes them into its extra field BC."""
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
        return InputError(f"Expected a plain file or one packed by bgzip, got gzip of another kind: {self._name} (gunzip it first).")

    def _block(self, number: int) -> bytes:
        if number in self._unpacked:
            self._unpacked.move_to_end(number)
            return self._unpacked[number]
        try:
            block = zlib.decompress(self._packed[self._begins[number] : self._begins[number + 1]], wbits=31)
        except zlib.error as error:
            raise InputError(f"Expected a whole bgzip file, got a broken one: {self._name} ({error}).") from None
        self._unpacked[number] = block
        if len(self._unpacked) > KEPT:
            self._unpacked.popitem(last=False)
        return block


class BgzipWriter:
    """Packs bytes into blocks, which htslib reads, and can be indexed.

    Args:
        file: Where they go.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting = b""

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        data = self._waiting + data
        whole = len(data) // BLOCK * BLOCK
        for first in range(0, whole, BLOCK):
            self._file.write(_packed(data[first : first + BLOCK]))
        self._waiting = data[whole:]

    def finish(self) -> None:
        """Writes what is left, and the block that ends the file."""
        self._file.write((_packed(self._waiting) if self._waiting else b"") + END)


def check_bgzip_end(path: str) -> None:
    """Refuses a bgzip file without the block that ends it; other files will do.

    A file cut between two blocks is whole to gzip.

    Raises:
        InputError: It is cut short.
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
    """The bytes of a stream, which are refused at their end as `check_bgzip_end` refuses a file."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream, self._path = stream, path
        self._head, self._tail = b"", b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as many unless they end.

        Raises:
            InputError: There are no more, and the block that ends the file was not the last.
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
    """One block."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    size = HEAD.size + 6 + len(packed) + 8
    head = MAGIC + bytes(5) + b"\xff" + struct.pack("<H2sHH", 6, b"BC", 2, size - 1)
    return head + packed + struct.pack("<II", zlib.crc32(data), len(data))
