import gzip
import io
import os
import re
import sys
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import HEAD, open_source
from dreamkeras.files.inputs import source_name


def read(path):
    with open_source(str(path)) as source:
        return source.stream.read()


def written(tmp_path, data, name="file"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def members(data, size=1000):
    """Returns gzip with many members and an empty one at the end, as bgzip writes it."""
    return b"".join(gzip.compress(data[i : i + size]) for i in range(0, len(data), size)) + gzip.compress(b"")


@pytest.mark.parametrize("size", [1, 100, HEAD - 1, HEAD, HEAD + 1, 3 * HEAD + 7])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, members])
def test_plain_and_compressed_files_are_read_completely(tmp_path, size, pack):
    data = (b"ACGT\n" * size)[:size]
    with open_source(str(written(tmp_path, pack(data)))) as source:
        assert source.head == data[:HEAD]
        assert source.stream.read() == data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_head_contains_the_first_line(tmp_path, pack):
    data = b"\n" + b"A" * 3 * HEAD + b"\n" + b"C" * HEAD
    with open_source(str(written(tmp_path, pack(data)))) as source:
        assert source.head == data[: 3 * HEAD + 2]
        assert source.stream.read() == data


def test_byte_order_marks_are_skipped(tmp_path):
    data = b">a\nACGT\n" * 20_000
    with open_source(str(written(tmp_path, b"\xef\xbb\xbf" + data))) as source:
        assert source.head.startswith(b">a")
        assert source.stream.read() == data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_dash_is_standard_input_which_stays_open(monkeypatch, pack):
    stdin = io.BytesIO(pack(b"ACGT\n"))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stdin))
    assert read("-") == b"ACGT\n"
    assert not stdin.closed


def test_a_slow_pipe_is_read_completely(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def fill():
        with open(pipe, "wb", buffering=0) as file:
            file.writelines([b">a\nACGT\n"] * 50)

    writer = threading.Thread(target=fill)
    writer.start()
    assert read(pipe) == b">a\nACGT\n" * 50
    writer.join()


@pytest.mark.parametrize(("path", "name"), [("-", "standard input"), ("a/b.fa", "a/b.fa")])
def test_source_name_gives_the_name_for_messages(path, name):
    assert source_name(path) == name


def refusal(path):
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_missing_file_is_rejected(tmp_path):
    assert "File not found" in refusal(tmp_path / "none.fa")


def test_a_folder_is_rejected(tmp_path):
    assert "got a folder" in refusal(tmp_path)


def test_a_path_through_a_file_is_rejected(tmp_path):
    assert refusal(written(tmp_path, b"x") / "y").startswith("Cannot read ")


@pytest.mark.parametrize("data", [b"", gzip.compress(b""), b"\xef\xbb\xbf"])
def test_an_empty_file_is_rejected(tmp_path, data):
    assert "it is empty" in refusal(written(tmp_path, data))


@pytest.mark.parametrize("kept", [11, 300, -9, -1])
def test_truncated_gzip_is_rejected(tmp_path, kept):
    data = gzip.compress(os.urandom(1000).hex().encode())
    assert "Damaged gzip file" in refusal(written(tmp_path, data[:kept]))


@pytest.mark.parametrize("at", [5, 400, -6])
def test_damaged_gzip_is_rejected(tmp_path, at):
    data = bytearray(gzip.compress(os.urandom(1000).hex().encode(), mtime=0))
    data[10 if at == 5 else at] ^= 0xFF
    assert "gzip" in refusal(written(tmp_path, bytes(data)))


def test_bytes_after_gzip_must_be_gzip(tmp_path):
    assert "Damaged gzip file" in refusal(written(tmp_path, gzip.compress(b"ACGT") + b"more"))


def test_binary_data_are_rejected(tmp_path):
    assert "got binary data" in refusal(written(tmp_path, b"MZ\x01\x00\x02"))


def test_text_that_is_not_utf_8_is_rejected(tmp_path):
    path = written(tmp_path, b"caf\xe9")
    with (
        pytest.raises(InputError, match=r"Expected UTF-8 text, got the byte 0xe9 in .*\. Convert the text"),
        open_source(str(path)) as source,
    ):
        source.stream.read().decode()


def test_errors_of_the_caller_are_not_converted(tmp_path):
    with pytest.raises(InputError, match=r"^mine$"), open_source(str(written(tmp_path, b"x"))):
        raise InputError("mine")


LONE = re.compile(rb"\r(?!\r?\n)")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@given(st.lists(st.sampled_from([b"\r", b"\n", b"A", b"C" * 7]), max_size=60).map(b"".join).filter(bool), st.integers(1, 9))
def test_a_lone_carriage_return_ends_a_line(pack, data, size):
    with open_source("x", io.BytesIO(pack(data))) as source:
        pieces = list(iter(lambda: source.stream.raw.read(size), b""))
        assert b"".join(pieces) == LONE.sub(b"\n", data)
        assert source.head == b"".join(pieces)


def test_carriage_returns_beyond_the_first_bytes_end_lines(tmp_path):
    data = b"ACGT\n" * HEAD + b"AC\rGT\r\n" * HEAD + b"A\r"
    assert read(written(tmp_path, data)) == b"ACGT\n" * HEAD + b"AC\nGT\r\n" * HEAD + b"A\n"


def test_parquet_is_read_unchanged(tmp_path):
    assert read(written(tmp_path, b"PAR1\r\0\rx")) == b"PAR1\r\0\rx"
