import os
import signal
import subprocess
import sys
import time

import pytest

from dreamkeras.errors import DreamkerasError
from dreamkeras.sequence.outputs import naming_output, open_folder, open_output, require_empty

full_disk = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full to stand for a full disk")  # noqa: PTH110


def test_bytes_appear_when_the_block_ends(tmp_path):
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
def test_any_exception_leaves_the_folder_as_it_was(tmp_path, error, before):
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


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"a longer text")
    with open_output(str(path)) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_a_file_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with open_output(str(tmp_path / "out")) as file:
        file.write(b"x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with open_output(str(tmp_path / "link")) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_the_longest_name_a_folder_takes_is_written(tmp_path):
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


def test_a_folder_is_refused(tmp_path):
    assert "got a folder" in refusal(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    assert "Expected a folder to write" in refusal(tmp_path / "none" / "out")


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "Not a directory" in refusal(tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into every folder")
def test_a_folder_without_rights_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in refusal(tmp_path / "out")


@full_disk
@pytest.mark.parametrize("data", [b"x", b"x" * 1_000_000])
def test_a_full_disk_is_refused_in_one_line(data):
    def write():
        with open_output("/dev/full") as file, naming_output("/dev/full"):
            file.write(data)

    with pytest.raises(DreamkerasError, match=r"^Expected to write /dev/full, got an error: No space left on device\.$"):
        write()


@full_disk
def test_a_device_is_written_and_not_replaced():
    number = os.stat("/dev/null").st_rdev  # noqa: PTH116
    with open_output("/dev/null") as file:
        file.write(b"x")
    assert os.stat("/dev/null").st_rdev == number  # noqa: PTH116


def test_a_disk_that_fills_at_the_end_leaves_nothing(tmp_path, monkeypatch):
    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert "No space left" in refusal(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_dash_is_standard_output(capfdbinary):
    with open_output("-") as file:
        file.write(b"a\xff\n")
    assert capfdbinary.readouterr().out == b"a\xff\n"


def test_a_broken_pipe_stays_one():
    code = "from dreamkeras.sequence.outputs import open_output\nwith open_output('-') as file: file.write(b'x' * 10_000_000)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.close()
    error = child.stderr.read().decode()
    child.stderr.close()
    child.wait()
    assert "BrokenPipeError" in error
    assert "DreamkerasError" not in error


def test_an_interrupted_program_leaves_nothing(tmp_path):
    code = (
        "import sys, time\nfrom dreamkeras.sequence.outputs import open_output\n"
        "with open_output(sys.argv[1]) as file:\n    file.write(b'x'); print('writing', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    child.wait(timeout=10)
    child.stdout.close()
    assert list(tmp_path.iterdir()) == []


class TestFolder:
    def test_it_appears_with_all_that_is_in_it(self, tmp_path):
        folder = tmp_path / "new" / "deep"
        with open_folder(folder) as unfinished:
            (unfinished / "file").write_text("x")
            assert [path.name for path in tmp_path.iterdir()] == [".new.deep.unfinished"]
        assert (folder / "file").read_text() == "x"
        assert [path.name for path in tmp_path.iterdir()] == ["new"]

    @pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError(), KeyboardInterrupt()])
    def test_nothing_is_left_of_a_failure(self, tmp_path, failure):
        def fail():
            with open_folder(tmp_path / "new" / "deep") as unfinished:
                (unfinished / "file").touch()
                raise failure

        with pytest.raises((DreamkerasError, ValueError, KeyboardInterrupt)):
            fail()
        assert list(tmp_path.iterdir()) == []

    def test_what_a_killed_process_left_goes_first(self, tmp_path):
        (tmp_path / ".out.unfinished").mkdir()
        (tmp_path / ".out.unfinished" / "old").touch()
        with open_folder(tmp_path / "out") as unfinished:
            (unfinished / "new").touch()
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]

    def test_a_folder_that_holds_something_stays_as_it_is(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").touch()
        with pytest.raises(DreamkerasError, match=r"Expected to write .*out, got an error: .*not empty"), open_folder(tmp_path / "out"):
            pass
        assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["out", "out/mine"]


def test_only_a_new_or_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    require_empty(tmp_path / "new")
    require_empty(tmp_path / "empty")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(DreamkerasError, match=f"Expected a new or an empty folder, got {taken}"):
            require_empty(taken)
