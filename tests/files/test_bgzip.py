"""Random access to bgzip files, compared with gzip."""

import base64
import gzip
import io
import mmap
import zlib

import numpy as np
import pytest
from bgzip_writer import END, bgzip
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import KEPT, BgzipBytes, BgzipWriter, EndChecked, check_bgzip_end

BY_HTSLIB = base64.b64decode("H4sIBAAAAAAA/wYAQkMCADMAs0vOKDLkcnR2DwFhPz8Qk8sOKGjEFQIEXADFwl42IAAAAB+LCAQAAAAAAP8GAEJDAgAbAAMAAAAAAAAAAAA=")
"""`printf ">chr1\\nACGTACGTNN\\nACG\\n>chr2\\nTTTT\\n" | bgzip`, of htslib 1.24."""


def mapped(data):
    """Returns a memory map of bytes."""
    memory = mmap.mmap(-1, max(1, len(data)))
    memory.write(data)
    return memory


def opened(data, size=65280):
    return BgzipBytes(mapped(bgzip(data, size)), "x.gz")


@given(st.binary(min_size=1, max_size=400), st.integers(1, 90), st.integers(0, 450), st.integers(0, 450))
def test_any_slice_equals_the_output_of_gzip(data, size, start, stop):
    packed = bgzip(data, size)
    assert gzip.decompress(packed) == data
    assert BgzipBytes(mapped(packed), "x.gz")[start:stop] == data[start:stop]


def test_files_of_htslib_are_read():
    unpacked = gzip.decompress(BY_HTSLIB)
    assert unpacked.startswith(b">chr1\nACGTACGTNN\n")
    file = BgzipBytes(mapped(BY_HTSLIB), "x.gz")
    assert len(file) == len(unpacked)
    assert file[6:16] == b"ACGTACGTNN"
    assert BY_HTSLIB.endswith(END)


def test_blocks_removed_from_the_cache_are_decompressed_again():
    data = np.random.default_rng(0).integers(0, 256, 10 * (KEPT + 5), np.uint8).tobytes()
    file = opened(data, 10)
    for _ in range(2):
        assert [file[place : place + 15] for place in range(0, len(data), 10)] == [
            data[place : place + 15] for place in range(0, len(data), 10)
        ]
    assert len(file._unpacked) == KEPT


def test_a_block_is_decompressed_once_for_slices_in_order(monkeypatch):
    file, unpacked = opened(b"ACGT" * 1000, 1000), []
    unpack = zlib.decompress
    monkeypatch.setattr(zlib, "decompress", lambda *data, **how: unpacked.append(1) or unpack(*data, **how))
    assert all(file[place : place + 4] == b"ACGT" for place in range(0, 4000, 4))
    assert len(unpacked) == 4


def test_an_empty_file_has_no_bytes():
    file = BgzipBytes(mapped(END), "x.gz")
    assert (len(file), file[0:5]) == (0, b"")


def test_other_extra_fields_are_ignored():
    packed = bgzip(b"ACGT")
    longer = packed[:10] + (12).to_bytes(2, "little") + b"XY\2\0ab" + packed[12:]
    length = int.from_bytes(packed[16:18], "little") + 6
    longer = longer[:22] + length.to_bytes(2, "little") + longer[24:]
    assert gzip.decompress(longer) == b"ACGT"
    assert BgzipBytes(mapped(longer), "x.gz")[0:4] == b"ACGT"


@pytest.mark.parametrize(
    "data", [gzip.compress(b"ACGT" * 100), gzip.compress(b""), bgzip(b"ACGT") + gzip.compress(b"ACGT"), bgzip(b"A") + b"\0"]
)
def test_ordinary_gzip_is_rejected(data):
    with pytest.raises(InputError, match=r"Expected an uncompressed or bgzip file, got ordinary gzip: x\.gz\. Decompress it with gunzip"):
        BgzipBytes(mapped(data), "x.gz")


@pytest.mark.parametrize("missing", [1, 28, 40])
def test_files_truncated_between_two_blocks_are_rejected(missing):
    with pytest.raises(InputError, match=r"Truncated bgzip file: x\.gz"):
        BgzipBytes(mapped(bgzip(b"ACGT" * 100)[:-missing]), "x.gz")


def test_damaged_blocks_are_rejected_when_they_are_read():
    packed = bytearray(bgzip(np.random.default_rng(0).integers(0, 256, 300, np.uint8).tobytes(), 100))
    packed[60] ^= 255
    file = BgzipBytes(mapped(bytes(packed)), "x.gz")
    assert len(file[100:300]) == 200
    with pytest.raises(InputError, match=r"Damaged bgzip file: x\.gz"):
        file[0:10]


@given(pieces=st.lists(st.integers(0, 200_000), max_size=4), random=st.booleans())
def test_output_is_valid_gzip_in_bgzip_blocks(pieces, random):
    letters = np.random.default_rng(0).integers(0, 256 if random else 2, 200_000, np.uint8).tobytes()
    packed = io.BytesIO()
    writer = BgzipWriter(packed)
    for piece in pieces:
        writer.write(letters[:piece])
    writer.finish()
    wanted = b"".join(letters[:piece] for piece in pieces)
    assert gzip.decompress(packed.getvalue()) == wanted
    assert len(BgzipBytes(mapped(packed.getvalue()), "x.gz")) == len(wanted)
    assert packed.getvalue().endswith(END)


@pytest.mark.parametrize("data", [b"", b"text", gzip.compress(b"text"), bgzip(b"text"), bgzip(b"")])
def test_complete_files_and_other_formats_are_accepted(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    assert check_bgzip_end(str(tmp_path / "x")) is None
    assert (tmp_path / "x").read_bytes() == data


@pytest.mark.parametrize("missing", [1, 28, 40])
def test_a_truncated_file_is_rejected(tmp_path, missing):
    (tmp_path / "x").write_bytes(bgzip(b"ACGT" * 100)[:-missing])
    with pytest.raises(InputError, match="Truncated bgzip file"):
        check_bgzip_end(str(tmp_path / "x"))


def streamed(data, size):
    stream = EndChecked(io.BytesIO(data), "x")
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("size", [-1, 1, 7, 50])
def test_a_truncated_stream_is_rejected_for_any_read_size(size):
    whole = bgzip(b"ACGT" * 100)
    for data in (whole, gzip.compress(b"text"), b""):
        assert streamed(data, size) == data
    with pytest.raises(InputError, match="Truncated bgzip file: x"):
        streamed(whole[:-1], size)
