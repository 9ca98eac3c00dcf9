import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dreamkeras.errors import DreamkerasError
from dreamkeras.files import folders
from dreamkeras.files.folders import LOCK, claim, clear, open_folder, require_empty, require_held

HELD = r"^Another process is writing to .*run'\. Wait until that process has ended, or choose another name\.$"

HOLDER = """
import sys
from pathlib import Path
from dreamkeras.files import folders
with getattr(folders, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Returns `hold(function, folder)`, which starts a process that locks a folder until its standard input is closed."""
    started = []

    def start(function, folder):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, function, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def content(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class TestClaim:
    def test_a_second_process_is_rejected_and_the_first_one_continues(self, tmp_path, hold):
        first = hold("claim", tmp_path / "run")
        for _ in range(2):
            with pytest.raises(DreamkerasError, match=HELD), claim(tmp_path / "run"):
                pytest.fail("it was held twice")
        assert content(tmp_path) == ["run", f"run/{LOCK}"]
        first.communicate("")
        assert first.returncode == 0
        assert content(tmp_path) == []

    def test_a_second_thread_is_rejected(self, tmp_path):
        with claim(tmp_path / "run"), pytest.raises(DreamkerasError, match=HELD), claim(tmp_path / "run"):
            pytest.fail("it was held twice")

    def test_a_killed_process_holds_no_lock(self, tmp_path, hold):
        first = hold("claim", tmp_path / "run")
        first.kill()
        first.wait()
        assert content(tmp_path) == ["run", f"run/{LOCK}"]
        with claim(tmp_path / "run"):
            pass
        assert content(tmp_path) == ["run"]  # the folder existed before

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_child_process_does_not_keep_the_lock(self, tmp_path):
        """Checks a forked child and a started child that inherits all descriptors."""
        reading, writing = os.pipe()
        with claim(tmp_path / "run"):
            forked = os.fork()
            if not forked:
                os.close(writing)
                os.read(reading, 1)
                os._exit(0)
            started = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
        with claim(tmp_path / "run"):
            assert started.poll() is None
            assert os.waitpid(forked, os.WNOHANG) == (0, 0)
        os.close(writing)
        os.close(reading)
        os.waitpid(forked, 0)
        started.communicate()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
    def test_a_forked_child_does_not_release_the_lock(self, tmp_path):
        code = (
            "import os, sys; from pathlib import Path; from dreamkeras.files.folders import LOCK, claim\n"
            "with claim(Path(sys.argv[1])):\n"
            "    child = os.fork()\n"
            "    if child:\n"
            "        os.waitpid(child, 0); print((Path(sys.argv[1]) / LOCK).exists())"
        )
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=True, capture_output=True, text=True)
        assert (done.stdout, content(tmp_path)) == ("True\n", [])

    @pytest.mark.parametrize("before", [[], ["new"], ["new/deep"], ["new/deep/run"]])
    def test_a_failed_start_leaves_the_folder_unchanged(self, tmp_path, before):
        for folder in before:
            (tmp_path / folder).mkdir(parents=True)
        found = content(tmp_path)
        with pytest.raises(ZeroDivisionError), claim(tmp_path / "new" / "deep" / "run"):
            raise ZeroDivisionError
        assert content(tmp_path) == found

    def test_written_files_remain_without_the_lock_file(self, tmp_path):
        with claim(tmp_path / "new" / "run"):
            (tmp_path / "new" / "run" / "file").touch()
        assert content(tmp_path) == ["new", "new/run", "new/run/file"]

    def test_only_one_of_many_concurrent_processes_gets_the_lock(self, tmp_path):
        """Folders are created and removed while other processes begin."""
        inside, most, refused = [], [], []

        def work():
            for _ in range(200):
                try:
                    with claim(tmp_path / "new" / "run"):
                        inside.append(1)
                        most.append(len(inside))
                        inside.pop()
                except DreamkerasError as error:
                    refused.append(str(error))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(most) == {1}
        assert all("Another process is writing to" in text for text in refused)
        assert not list(tmp_path.rglob(LOCK))  # an empty folder may remain if its creator ended while another process began

    def test_relative_paths_are_resolved_at_the_beginning(self, tmp_path, monkeypatch):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path)
        with claim(Path("run")):
            monkeypatch.chdir(tmp_path / "elsewhere")
        assert content(tmp_path) == ["elsewhere"]

    def test_a_file_cannot_be_locked_as_a_folder(self, tmp_path):
        (tmp_path / "run").write_text("x")
        with pytest.raises(DreamkerasError, match=r"Cannot write .*run: Not a directory"), claim(tmp_path / "run"):
            pytest.fail("it was held")

    @pytest.mark.parametrize("error", [OSError(38, "Function not implemented"), OSError(37, "No locks available")])
    def test_a_file_system_without_locks_is_supported(self, tmp_path, monkeypatch, error):
        def fail(*_):
            raise error

        monkeypatch.setattr(folders.fcntl, "flock", fail)
        with claim(tmp_path / "run"), claim(tmp_path / "run"):
            pass
        assert content(tmp_path) == []

    def test_an_operating_system_without_locks_is_supported(self, tmp_path):
        """The package can be imported on such a system."""
        code = (
            "import sys, os; sys.modules['fcntl'] = None; import random; del os.register_at_fork\n"
            "from pathlib import Path; from dreamkeras.files.folders import claim, open_folder\n"
            "with claim(Path(sys.argv[1])), claim(Path(sys.argv[1])): pass\n"
            "with open_folder(Path(sys.argv[1])) as folder: (folder / 'file').touch()"
        )
        subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=True)
        assert content(tmp_path) == ["run", "run/file"]


def test_clear_keeps_only_the_lock(tmp_path):
    (tmp_path / "run" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "deep" / "file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "elsewhere")
    with claim(tmp_path / "run"):
        clear(tmp_path / "run")
        assert content(tmp_path) == ["elsewhere", "elsewhere/mine", "run", f"run/{LOCK}"]
    clear(tmp_path / "none")


class TestFolder:
    def test_the_folder_appears_with_all_files(self, tmp_path):
        folder = tmp_path / "new" / "deep"
        with open_folder(folder) as unfinished:
            (unfinished / "file").write_text("x")
            assert [path.name for path in (tmp_path / "new").iterdir()] == [".deep.unfinished"]
        assert (folder / "file").read_text() == "x"
        assert [path.name for path in tmp_path.iterdir()] == ["new"]

    @pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError(), KeyboardInterrupt()])
    def test_a_failure_leaves_no_folder(self, tmp_path, failure):
        def fail():
            with open_folder(tmp_path / "new" / "deep") as unfinished:
                (unfinished / "file").touch()
                raise failure

        with pytest.raises((DreamkerasError, ValueError, KeyboardInterrupt)):
            fail()
        assert list(tmp_path.iterdir()) == []

    def test_files_of_a_killed_process_are_deleted_first(self, tmp_path):
        (tmp_path / ".out.unfinished").mkdir()
        (tmp_path / ".out.unfinished" / "old").touch()
        with open_folder(tmp_path / "out") as unfinished:
            (unfinished / "new").touch()
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]

    def test_a_second_process_is_rejected_and_the_first_one_continues(self, tmp_path, hold):
        first = hold("open_folder", tmp_path / "run")
        with pytest.raises(DreamkerasError, match=HELD), open_folder(tmp_path / "run"):
            pytest.fail("it was filled twice")
        assert content(tmp_path) == [".run.unfinished", f".run.unfinished/{LOCK}"]
        first.communicate("")
        assert first.returncode == 0
        assert content(tmp_path) == ["run"]

    def test_a_folder_filled_by_another_process_is_rejected_immediately(self, tmp_path, monkeypatch):
        def fill(folder):
            require_empty(folder)
            folder.mkdir()
            (folder / "theirs").touch()
            monkeypatch.setattr(folders, "require_empty", require_empty)

        monkeypatch.setattr(folders, "require_empty", fill)
        with pytest.raises(DreamkerasError, match="already has content"), open_folder(tmp_path / "run"):
            pytest.fail("it was filled")
        assert content(tmp_path) == ["run", "run/theirs"]

    def test_errors_of_other_files_keep_their_names(self, tmp_path):
        with pytest.raises(FileNotFoundError), open_folder(tmp_path / "run"):
            (tmp_path / "input").read_text()
        with (
            pytest.raises(DreamkerasError, match=r"Cannot write .*run: Is a dir"),
            open_folder(tmp_path / "run") as unfinished,
        ):
            unfinished.write_text("x")
        assert content(tmp_path) == []

    def test_a_folder_with_content_is_unchanged(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").touch()
        with (
            pytest.raises(DreamkerasError, match=r"but .*out already has content"),
            open_folder(tmp_path / "out"),
        ):
            pass
        assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["out", "out/mine"]


class TestEmptyFolder:
    """An existing empty folder, such as a mount point, is not replaced."""

    @pytest.mark.parametrize("name", ["out", "link"])
    def test_an_empty_folder_is_filled_and_not_replaced(self, tmp_path, name):
        (tmp_path / "out").mkdir(mode=0o700)
        (tmp_path / "link").symlink_to("out")
        before = (tmp_path / "out").stat()
        with open_folder(tmp_path / name) as unfinished:
            (unfinished / "deep").mkdir()
            (unfinished / "deep" / "file").write_text("x")
            assert not (tmp_path / "out" / "deep").exists()
        after = (tmp_path / "out").stat()
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
        assert content(tmp_path / "out") == ["deep", "deep/file"]
        assert (tmp_path / "link").is_symlink()

    def test_the_parent_folder_is_not_written_to(self, tmp_path, monkeypatch):
        """The parent of a mounted folder in a container may be read-only. Renaming a mount point would fail at the end."""
        (tmp_path / "out").mkdir()
        rename = Path.replace

        def within(path, target):
            assert path.parent != tmp_path
            return rename(path, target)

        monkeypatch.setattr(Path, "replace", within)
        with open_folder(tmp_path / "out") as unfinished:
            (unfinished / "file").touch()
            assert content(tmp_path)[0] == "out"
        assert content(tmp_path) == ["out", "out/file"]

    def test_an_empty_folder_stays_empty_after_a_failure(self, tmp_path):
        def fail():
            with open_folder(tmp_path) as unfinished:
                (unfinished / "file").touch()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert content(tmp_path) == []

    def test_files_of_a_killed_process_in_an_empty_folder_are_deleted_first(self, tmp_path, hold):
        first = hold("open_folder", tmp_path)
        with pytest.raises(DreamkerasError, match=r"^Another process is writing to"), open_folder(tmp_path):
            pytest.fail("it was filled twice")
        first.kill()
        first.wait()
        assert content(tmp_path)
        with open_folder(tmp_path) as unfinished:
            (unfinished / "new").touch()
        assert content(tmp_path) == ["new"]

    def test_a_dangling_link_is_rejected(self, tmp_path):
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(DreamkerasError, match="Expected a new or empty folder"), open_folder(tmp_path / "link"):
            pytest.fail("it was filled")


@pytest.mark.parametrize("before", [False, True], ids=["new", "empty"])
@pytest.mark.parametrize(("first", "second"), [("claim", "open_folder"), ("open_folder", "claim")])
def test_locks_of_both_functions_exclude_each_other(tmp_path, hold, first, second, before):
    """`train` and `design` use different functions to lock their folders."""
    if before:
        (tmp_path / "run").mkdir()
    holder = hold(first, tmp_path / "run")
    found = content(tmp_path)
    with pytest.raises(DreamkerasError, match=HELD), getattr(folders, second)(tmp_path / "run"):
        pytest.fail("it was held twice")
    assert content(tmp_path) == found
    holder.kill()
    holder.wait()
    with getattr(folders, second)(tmp_path / "run"):
        pass


def test_a_replaced_folder_is_detected(tmp_path):
    with claim(tmp_path / "run"):
        require_held(tmp_path / "run")
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(DreamkerasError, match="was removed or replaced"):
            require_held(tmp_path / "run")
        with claim(tmp_path / "run"), pytest.raises(DreamkerasError, match="was removed or replaced"):
            require_held(tmp_path / "run")
    require_held(tmp_path / "run")  # the folder is not locked


def test_only_new_or_empty_folders_are_accepted(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    require_empty(tmp_path / "new")
    require_empty(tmp_path / "empty")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(DreamkerasError, match=f"Expected a new or empty folder, but {taken} already has content"):
            require_empty(taken)
