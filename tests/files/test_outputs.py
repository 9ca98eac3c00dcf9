import contextlib
import gzip
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.outputs import naming_output, open_output, open_text, refuse_packed

full_disk = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full as a full disk")  # noqa: PTH110


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "out"
    with open_output(str(path)) as file:
        file.write(b"abc")
        file.flush()
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert path.read_bytes() == b"abc"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("before", [None, b"old"])
def test_an_exception_leaves_the_folder_unchanged(tmp_path, error, before):
    path = tmp_path / "out"
    if before:
        path.write_bytes(before)

    def fail():
        with open_output(str(path)) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == ({"out": before} if before else {})


def test_an_existing_file_is_replaced(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"a longer text")
    with open_output(str(path)) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_a_new_file_has_default_permissions(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with open_output(str(tmp_path / "out")) as file:
        file.write(b"x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path, mode):
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / "out").chmod(mode)
    with open_output(str(tmp_path / "out")) as file:
        (unfinished,) = tmp_path.glob(".dreamkeras-*.tmp")
        assert stat.S_IMODE(unfinished.stat().st_mode) == mode  # other users must not be able to read the temporary file
        file.write(b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner(tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    os.chown(tmp_path / "out", 65534, 65533)
    with open_output(str(tmp_path / "out")) as file:
        file.write(b"new")
    assert ((tmp_path / "out").stat().st_uid, (tmp_path / "out").stat().st_gid) == (65534, 65533)


def test_a_read_only_file_is_rejected(tmp_path, monkeypatch):
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / "out").chmod(0o444)
    if os.geteuid() == 0:  # root may write to every file
        monkeypatch.setattr("os.access", lambda path, mode: bool(Path(path).stat().st_mode & 0o200))
    assert refusal(tmp_path / "out") == f"Cannot write {tmp_path / 'out'}: Permission denied."
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"old")]


def test_a_name_that_ends_with_a_slash_is_rejected(tmp_path):
    assert refusal(f"{tmp_path}/new/") == f"Cannot write {tmp_path}/new/: it is a folder."
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with open_output(str(tmp_path / "link")) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_the_longest_possible_name_is_written(tmp_path):
    path = tmp_path / ("x" * 255)
    with open_output(str(path)) as file:
        file.write(b"x")
    assert path.exists()


def refusal(path, data=b"x"):
    def write():
        with open_output(str(path)) as file:
            file.write(data)

    with pytest.raises(DreamkerasError) as caught:
        write()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_is_rejected(tmp_path):
    assert "it is a folder" in refusal(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path):
    assert refusal(tmp_path / "none" / "out").endswith(f"none/out: the folder {tmp_path}/none does not exist.")


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "Not a directory" in refusal(tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into every folder")
def test_a_folder_without_write_permission_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in refusal(tmp_path / "out")


@full_disk
@pytest.mark.parametrize("data", [b"x", b"x" * 1_000_000])
def test_a_full_disk_is_a_one_line_error(data):
    def write():
        with open_output("/dev/full") as file, naming_output("/dev/full"):
            file.write(data)

    with pytest.raises(DreamkerasError, match=r"^Cannot write /dev/full: No space left on device\.$"):
        write()


@full_disk
def test_a_device_is_written_and_not_replaced():
    number = os.stat("/dev/null").st_rdev  # noqa: PTH116
    with open_output("/dev/null") as file:
        file.write(b"x")
    assert os.stat("/dev/null").st_rdev == number  # noqa: PTH116


def test_a_disk_that_fills_at_the_end_leaves_no_file(tmp_path, monkeypatch):
    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert "No space left" in refusal(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_dash_is_standard_output(capfdbinary):
    with open_output("-") as file:
        file.write(b"a\xff\n")
    assert capfdbinary.readouterr().out == b"a\xff\n"


def test_a_broken_pipe_error_is_not_converted():
    code = "from dreamkeras.files.outputs import open_output\nwith open_output('-') as file: file.write(b'x' * 10_000_000)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.close()
    error = child.stderr.read().decode()
    child.stderr.close()
    child.wait()
    assert "BrokenPipeError" in error
    assert "DreamkerasError" not in error


def test_an_interrupted_program_leaves_no_file(tmp_path):
    code = (
        "import sys, time\nfrom dreamkeras.files.outputs import open_output\n"
        "with open_output(sys.argv[1]) as file:\n    file.write(b'x'); print('writing', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    child.wait(timeout=10)
    child.stdout.close()
    assert list(tmp_path.iterdir()) == []


def failing_write(path):
    with open_output(str(path)) as file:
        file.write(b"half")
        file.flush()
        raise ZeroDivisionError


class TestStreams:
    """Streams are written to and never replaced."""

    @pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/thread-self/fd/{}", "link"])
    @pytest.mark.parametrize("mode", ["ab", "r+b"])
    def test_a_descriptor_is_written_from_its_current_position(self, tmp_path, mode, name):
        """Tests descriptors of the shell redirections `>> file` and `3<> file`."""
        if name.startswith("/proc") and not os.path.exists("/proc/thread-self"):  # noqa: PTH110
            pytest.skip("no /proc")
        keep = tmp_path / "keep"
        keep.write_bytes(b"before|and after")
        inode = keep.stat().st_ino
        with keep.open(mode) as file:
            (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
            if mode == "r+b":
                file.seek(7)
            with open_output(str(tmp_path / name) if name == "link" else name.format(file.fileno())) as output:
                output.write(b"new")
            file.write(b"!")
        assert keep.read_bytes() == (b"before|and afternew!" if mode == "ab" else b"before|new!after")
        assert keep.stat().st_ino == inode
        assert sorted(path.name for path in tmp_path.iterdir()) == ["keep", "link"]

    def test_output_is_appended_to_a_descriptor_of_another_process(self, tmp_path):
        if not os.path.exists("/proc/self/fd"):  # noqa: PTH110
            pytest.skip("no /proc")
        keep = tmp_path / "keep"
        keep.write_bytes(b"before")
        with keep.open("ab") as file, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as other:
            with open_output(f"/proc/{other.pid}/fd/1") as output:
                output.write(b"|new")
            other.stdin.close()
        assert keep.read_bytes() == b"before|new"

    def test_a_pipe_receives_everything_or_nothing(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        came = []
        for write in (lambda: failing_write(tmp_path / "pipe"), lambda: written(tmp_path / "pipe", b"x" * 1_000_000)):
            reader = threading.Thread(target=lambda: came.append((tmp_path / "pipe").read_bytes()))
            reader.start()
            with contextlib.suppress(ZeroDivisionError):
                write()
            reader.join()
        assert came == [b"", b"x" * 1_000_000]
        assert [path.name for path in tmp_path.iterdir()] == ["pipe"]

    def test_a_failure_writes_nothing(self, tmp_path, capfdbinary):
        (tmp_path / "keep").write_bytes(b"before")
        with (tmp_path / "keep").open("ab") as file:
            for path in (f"/dev/fd/{file.fileno()}", "-", "/dev/stdout"):
                with pytest.raises(ZeroDivisionError):
                    failing_write(path)
        assert (tmp_path / "keep").read_bytes() == b"before"
        assert capfdbinary.readouterr().out == b""

    def test_an_unwritable_descriptor_is_rejected_immediately(self, tmp_path):
        (tmp_path / "in").write_bytes(b"before")
        with (tmp_path / "in").open("rb") as file:
            closed = os.dup(file.fileno())
            os.close(closed)
            for number in (file.fileno(), closed):
                message = f"^Cannot write /dev/fd/{number}: Bad file descriptor\\.$"
                with pytest.raises(DreamkerasError, match=message), open_output(f"/dev/fd/{number}"):
                    pytest.fail("it was opened")
        assert (tmp_path / "in").read_bytes() == b"before"

    def test_a_closed_standard_output_is_rejected(self, monkeypatch):
        monkeypatch.setattr("sys.stdout", None)
        with pytest.raises(DreamkerasError, match=r"^Standard output is closed\. Name an output file\.$"), open_output("-"):
            pytest.fail("it was opened")

    def test_streams_are_seekable_until_the_bytes_are_copied(self, capfdbinary):
        with open_output("/dev/stdout") as file:
            file.write(b"abc")
            file.seek(0)
            file.write(b"x")
        assert capfdbinary.readouterr().out == b"xbc"


def written(path, data):
    with open_output(str(path)) as file:
        file.write(data)


class TestText:
    @given(pieces=st.lists(st.binary(max_size=200_000), max_size=5), packed=st.booleans())
    def test_equal_texts_give_equal_bytes(self, tmp_path_factory, pieces, packed):
        folder = tmp_path_factory.mktemp("text")
        for name, parts in (("a.tsv.gz", pieces), ("b.TSV.GZ", [b"".join(pieces)]), ("c.tsv", pieces)):
            with open_text(str(folder / name)) as file:
                for part in parts:
                    file.write(part)
        assert gzip.decompress((folder / "a.tsv.gz").read_bytes()) == (folder / "c.tsv").read_bytes() == b"".join(pieces)
        assert (folder / "a.tsv.gz").read_bytes() == (folder / "b.TSV.GZ").read_bytes()

    def test_gzip_contains_no_time_and_no_name(self, tmp_path):
        with open_text(str(tmp_path / "a.tsv.gz")) as file:
            file.write(b"x")
        head = (tmp_path / "a.tsv.gz").read_bytes()[:10]
        assert (head[:2], head[3] & 0b11000, head[4:8]) == (b"\x1f\x8b", 0, bytes(4))

    def test_a_failure_leaves_no_file(self, tmp_path):
        with pytest.raises(ZeroDivisionError), open_text(str(tmp_path / "a.tsv.gz")):
            raise ZeroDivisionError
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["a.tsv.bz2", "a.XZ", "a.csv.zst", "a.zip"])
    def test_other_compression_formats_are_rejected(self, tmp_path, name):
        with pytest.raises(
            InputError, match=rf"^Cannot write .*{name}: gzip is the only supported compression\. Use a name that ends in \.gz\.$"
        ):
            open_text(str(tmp_path / name)).__enter__()
        assert list(tmp_path.iterdir()) == []

    def test_binary_formats_are_not_compressed(self):
        refuse_packed("a.npz", "NumPy arrays")
        with pytest.raises(InputError, match=r"^Cannot compress ONNX: m\.onnx\.gz\. Use a name without \.gz\.$"):
            refuse_packed("m.onnx.gz", "ONNX")
