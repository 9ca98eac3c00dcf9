import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dreamkeras.errors import DreamkerasError
from dreamkeras.files.folders import open_folder
from dreamkeras.files.outputs import open_output
from dreamkeras.files.temporary import HAS_LOCKS, IN_MEMORY, create_beside, open_spool, temporary_folder

with_locks = pytest.mark.skipif(not HAS_LOCKS, reason="this system has no file locks")


def test_two_writers_of_one_output_have_two_files(tmp_path):
    first, second = create_beside(tmp_path / "out"), create_beside(tmp_path / "out")
    with first, second:
        assert first.name != second.name
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("function", ["temporary._lock", "temporary._is_at", "outputs._take_rights"])
def test_a_signal_leaves_no_file_behind_while_the_file_is_created(tmp_path, monkeypatch, function):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"dreamkeras.files.{function}", interrupted)
    with pytest.raises(KeyboardInterrupt), open_output(str(tmp_path / "out")):
        pass
    assert not list(tmp_path.iterdir())


@with_locks
def test_a_signal_leaves_no_file_behind_before_the_file_has_a_name(tmp_path, monkeypatch):
    def interrupted(target):
        create_beside(target).close()
        raise KeyboardInterrupt

    monkeypatch.setattr("dreamkeras.files.outputs.create_beside", interrupted)
    with pytest.raises(KeyboardInterrupt), open_output(str(tmp_path / "out")):
        pass
    assert not list(tmp_path.iterdir())


@with_locks
def test_the_next_writer_removes_the_file_of_a_killed_process(tmp_path):
    code = (
        "import os, signal, sys; from dreamkeras.files.outputs import open_output\n"
        "with open_output(sys.argv[1]) as file: file.write(b'x' * 100000); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".dreamkeras-*.tmp"))) == 1
    with open_output(str(tmp_path / "out")) as file:
        file.write(b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]


@with_locks
def test_files_of_other_outputs_and_of_running_writers_are_kept(tmp_path):
    with create_beside(tmp_path / "out") as running, create_beside(tmp_path / "other") as other:
        with open_output(str(tmp_path / "out")) as file:
            file.write(b"new")
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*(Path(f.name).name for f in (running, other)), "out"])


def test_an_error_in_writing_names_the_output(tmp_path):
    resource = pytest.importorskip("resource")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(DreamkerasError) as caught, open_output(str(tmp_path / "out")) as file:
            file.write(b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(caught.value) == f"Cannot write {tmp_path / 'out'}: File too large."
    assert list(tmp_path.iterdir()) == []


def test_a_loop_of_links_is_not_replaced(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(DreamkerasError, match="Too many levels of symbolic links"), open_output(str(tmp_path / "a")):
        pass
    assert (tmp_path / "a").is_symlink()


def test_a_missing_temporary_folder_is_one_line(monkeypatch):
    monkeypatch.setattr("tempfile.mkdtemp", fail)
    with pytest.raises(DreamkerasError, match=r"Cannot write temporary files.*No space left on device\. Set TMPDIR"), temporary_folder():
        pass


def test_a_process_that_cannot_be_started_is_no_error_of_the_temporary_folder():
    with pytest.raises(BlockingIOError), temporary_folder():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_a_large_result_without_a_temporary_folder_is_one_line(monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    message = r"Cannot write the results for standard output.*Set TMPDIR"
    with pytest.raises(DreamkerasError, match=message), open_spool("standard output") as spool:
        spool.write(bytes(IN_MEMORY + 1))


def fail(*args, **options):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("length", [240, 250, 255])
def test_a_folder_may_have_the_longest_name(tmp_path, length):
    with open_folder(tmp_path / ("x" * length)) as folder:
        (folder / "file").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["x" * length]
