"""Inputs that are pipes. They are filled by another thread, with more bytes than a pipe can hold."""

import errno
import io
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from filled_pipe import filled_pipe
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.files import inputs
from dreamkeras.files.decompression import open_source
from dreamkeras.files.inputs import copied, file_name, full_path, open_bytes, refuse_twice, require_file, rereadable


def read(path):
    with open_source(path) as source:
        return source.stream.read()


@given(size=st.integers(1, 300_000), looks=st.integers(0, 3), head=st.integers(0, 100_000))
def test_a_pipe_can_be_read_repeatedly(size, looks, head):
    data = (b"ACGT\n" * (size // 5 + 1))[:size]
    with filled_pipe(data) as path, rereadable(path):
        for _ in range(looks):
            with open_source(path) as source:
                source.stream.read(head)
        assert read(path) == read(path) == data


def test_concurrent_readers_have_separate_positions():
    with filled_pipe(b"ACGT" * 10_000) as path, rereadable(path), open_bytes(path) as one, open_bytes(path) as other:
        assert (one.read(3), other.read(5), one.read(2), other.read(1)) == (b"ACG", b"ACGTA", b"TA", b"C")
        assert one.seek(-4, io.SEEK_END) == 39_996
        assert (one.read(), one.tell(), other.tell()) == (b"ACGT", 40_000, 6)


def test_standard_input_is_read_twice(monkeypatch):
    stdin = io.BytesIO(b"ACGT\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stdin))
    with rereadable("-"):
        assert (read("-"), read("-"), stdin.closed) == (b"ACGT\n", b"ACGT\n", False)


def test_a_copy_is_kept_until_the_outermost_block_ends():
    with filled_pipe(b"ACGT") as path, rereadable(path):
        with rereadable(path, None):
            assert read(path) == b"ACGT"
        assert read(path) == b"ACGT"
        copy = inputs._COPIES[path]
    assert (copy.closed, inputs._COPIES) == (True, {})


def test_files_are_not_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    (tmp_path / "a").write_text("ACGT")
    with rereadable(tmp_path / "a", str(tmp_path / "none")):
        assert read(str(tmp_path / "a")) == b"ACGT"


def test_the_copy_is_in_tmpdir_and_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with filled_pipe(b"ACGT") as path, rereadable(path):
        read(path)
        assert list(tmp_path.iterdir()) == []
        if (descriptors := Path("/proc/self/fd")).is_dir():
            assert str((descriptors / str(inputs._COPIES[path].fileno())).readlink()).startswith(f"{tmp_path}/")


def no_folder(**_):
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")


def full_device(**_):
    return open("/dev/full", "w+b", buffering=0)


@pytest.mark.parametrize(("made", "reason"), [(no_folder, "No usable temporary directory"), (full_device, "No space left on device")])
def test_a_copy_that_cannot_be_written_is_an_error(monkeypatch, made, reason):
    monkeypatch.setattr(tempfile, "TemporaryFile", made)
    with filled_pipe(b"ACGT") as path, rereadable(path), pytest.raises(InputError, match=rf"copy of {path}, .*: {reason}.*\. Set TMPDIR"):
        read(path)


def test_a_copy_of_the_rest_of_a_stream_is_seekable():
    with copied(io.BytesIO(b"ACGT"), "-") as copy:
        assert (copy.read(), copy.seek(-2, 2), copy.read()) == (b"ACGT", 2, b"GT")


def test_only_paths_of_files_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [full_path(path) for path in ("-", "/dev/fd/63", "a/../b")] == ["-", "/dev/fd/63", str(tmp_path.resolve() / "b")]
    assert [file_name(path) for path in ("-", "/dev/stdin", "a/b.tsv")] == ["standard input", "/dev/stdin", "b.tsv"]


def test_a_stream_is_rejected_if_a_file_is_required(tmp_path):
    require_file(tmp_path, "no reason")
    with pytest.raises(InputError, match=r"^Expected a file, got standard input, which can be read only once: it is read twice\.$"):
        require_file("-", "it is read twice")


def test_a_stream_under_two_names_is_rejected(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    refuse_twice(["-", None, str(tmp_path), str(tmp_path), str(tmp_path / "fifo"), ""])
    for twice in (["-", "a", "-"], [str(tmp_path / "fifo"), "-", str(tmp_path / "link")]):
        with pytest.raises(InputError, match=r"^Two inputs refer to (standard input|.*fifo), which can be read only once"):
            refuse_twice(twice)


def test_standard_input_that_is_a_pipe_has_several_names(monkeypatch):
    with filled_pipe(b"") as path:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: int(path.rpartition("/")[2])))
        with pytest.raises(InputError, match="Two inputs refer to standard input"):
            refuse_twice(["-", path])


def test_closed_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="Cannot read standard input: it is closed"):
        read("-")
    refuse_twice(["-"])
