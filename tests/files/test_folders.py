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

HELD = r"^Another process is writing to .*run\. Wait until it has ended, or choose another name\.$"

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
    """`hold(function, folder)`: a process that holds a folder until its standard input is closed."""
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
    def test_a_second_process_is_refused_and_the_first_one_goes_on(self, tmp_path, hold):
        first = hold("claim", tmp_path / "run")
        for _ in range(2):
            with pytest.raises(DreamkerasError, match=HELD), claim(tmp_path / "run"):
                pytest.fail("it was held twice")
        assert content(tmp_path) == ["run", f"run/{LOCK}"]
        first.communicate("")
        assert first.returncode == 0
        assert content(tmp_path) == []

    def test_a_second_thread_is_refused(self, tmp_path):
        with claim(tmp_path / "run"), pytest.raises(DreamkerasError, match=HELD), claim(tmp_path / "run"):
            pytest.fail("it was held twice")

    def test_a_killed_process_holds_nothing(self, tmp_path, hold):
        first = hold("claim", tmp_path / "run")
        first.kill()
        first.wait()
        assert content(tmp_path) == ["run", f"run/{LOCK}"]
        with claim(tmp_path / "run"):
            pass
        assert content(tmp_path) == ["run"]  # it was there before

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_child_does_not_hold_it_beyond_its_end(self, tmp_path):
        """Neither one that is forked, nor one that is started and inherits what it can."""
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
    def test_a_forked_child_that_leaves_the_block_does_not_give_it_away(self, tmp_path):
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
    def test_a_start_that_fails_leaves_what_was_there(self, tmp_path, before):
        for folder in before:
            (tmp_path / folder).mkdir(parents=True)
        found = content(tmp_path)
        with pytest.raises(ZeroDivisionError), claim(tmp_path / "new" / "deep" / "run"):
            raise ZeroDivisionError
        assert content(tmp_path) == found

    def test_what_is_written_stays_without_the_lock(self, tmp_path):
        with claim(tmp_path / "new" / "run"):
            (tmp_path / "new" / "run" / "file").touch()
        assert content(tmp_path) == ["new", "new/run", "new/run/file"]

    def test_one_of_many_that_begin_at_once_holds_it(self, tmp_path):
        """Folders come and go while others begin."""
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
        assert not list(tmp_path.rglob(LOCK))  # an empty folder may stay: who made it left while another began

    def test_a_relative_path_means_the_folder_that_it_was(self, tmp_path, monkeypatch):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path)
        with claim(Path("run")):
            monkeypatch.chdir(tmp_path / "elsewhere")
        assert content(tmp_path) == ["elsewhere"]

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "run").write_text("x")
        with pytest.raises(DreamkerasError, match=r"Cannot write .*run: Not a directory"), claim(tmp_path / "run"):
            pytest.fail("it was held")

    @pytest.mark.parametrize("error", [OSError(38, "Function not implemented"), OSError(37, "No locks available")])
    def test_a_file_system_without_locks_holds_nothing(self, tmp_path, monkeypatch, error):
        def fail(*_):
            raise error

        monkeypatch.setattr(folders.fcntl, "flock", fail)
        with claim(tmp_path / "run"), claim(tmp_path / "run"):
            pass
        assert content(tmp_path) == []

    def test_a_system_without_locks_holds_nothing(self, tmp_path):
        """The package imports there, too."""
        code = (
            "import sys, os; sys.modules['fcntl'] = None; import random; del os.register_at_fork\n"
            "from pathlib import Path; from dreamkeras.files.folders import claim, open_folder\n"
            "with claim(Path(sys.argv[1])), claim(Path(sys.argv[1])): pass\n"
            "with open_folder(Path(sys.argv[1])) as folder: (folder / 'file').touch()"
        )
        subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=True)
        assert content(tmp_path) == ["run", "run/file"]


def test_a_folder_is_cleared_but_for_its_lock(tmp_path):
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
    def test_it_appears_with_all_that_is_in_it(self, tmp_path):
        folder = tmp_path / "new" / "deep"
        with open_folder(folder) as unfinished:
            (unfinished / "file").write_text("x")
            assert [path.name for path in (tmp_path / "new").iterdir()] == [".deep.unfinished"]
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

    def test_a_second_process_is_refused_and_the_first_one_goes_on(self, tmp_path, hold):
        first = hold("open_folder", tmp_path / "run")
        with pytest.raises(DreamkerasError, match=HELD), open_folder(tmp_path / "run"):
            pytest.fail("it was filled twice")
        assert content(tmp_path) == [".run.unfinished", f".run.unfinished/{LOCK}"]
        first.communicate("")
        assert first.returncode == 0
        assert content(tmp_path) == ["run"]

    def test_what_another_process_filled_meanwhile_is_refused_before_the_work(self, tmp_path, monkeypatch):
        def fill(folder):
            require_empty(folder)
            folder.mkdir()
            (folder / "theirs").touch()
            monkeypatch.setattr(folders, "require_empty", require_empty)

        monkeypatch.setattr(folders, "require_empty", fill)
        with pytest.raises(DreamkerasError, match="already has content"), open_folder(tmp_path / "run"):
            pytest.fail("it was filled")
        assert content(tmp_path) == ["run", "run/theirs"]

    def test_errors_of_files_elsewhere_keep_their_names(self, tmp_path):
        with pytest.raises(FileNotFoundError), open_folder(tmp_path / "run"):
            (tmp_path / "input").read_text()
        with (
            pytest.raises(DreamkerasError, match=r"Cannot write .*run: Is a dir"),
            open_folder(tmp_path / "run") as unfinished,
        ):
            unfinished.write_text("x")
        assert content(tmp_path) == []

    def test_a_folder_that_holds_something_stays_as_it_is(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").touch()
        with (
            pytest.raises(DreamkerasError, match=r"but .*out already has content"),
            open_folder(tmp_path / "out"),
        ):
            pass
        assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["out", "out/mine"]


class TestEmptyFolder:
    """One that is there already, such as a mount point, stays the same folder."""

    @pytest.mark.parametrize("name", ["out", "link"])
    def test_it_is_filled_and_not_replaced(self, tmp_path, name):
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

    def test_its_parent_is_not_written_to(self, tmp_path, monkeypatch):
        """As a mounted folder's in a container; renaming a mount point would fail after the work."""
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

    def test_it_stays_empty_after_a_failure(self, tmp_path):
        def fail():
            with open_folder(tmp_path) as unfinished:
                (unfinished / "file").touch()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert content(tmp_path) == []

    def test_what_a_killed_process_left_in_it_goes_first(self, tmp_path, hold):
        first = hold("open_folder", tmp_path)
        with pytest.raises(DreamkerasError, match=r"^Another process is writing to"), open_folder(tmp_path):
            pytest.fail("it was filled twice")
        first.kill()
        first.wait()
        assert content(tmp_path)
        with open_folder(tmp_path) as unfinished:
            (unfinished / "new").touch()
        assert content(tmp_path) == ["new"]

    def test_a_link_to_nothing_is_refused(self, tmp_path):
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(DreamkerasError, match="Expected a new or empty folder"), open_folder(tmp_path / "link"):
            pytest.fail("it was filled")


@pytest.mark.parametrize("before", [False, True], ids=["new", "empty"])
@pytest.mark.parametrize(("first", "second"), [("claim", "open_folder"), ("open_folder", "claim")])
def test_folders_of_both_kinds_exclude_each_other(tmp_path, hold, first, second, before):
    """As those of `train` and of `design`."""
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


def test_a_folder_that_was_replaced_is_written_to_no_more(tmp_path):
    with claim(tmp_path / "run"):
        require_held(tmp_path / "run")
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(DreamkerasError, match="was removed or replaced"):
            require_held(tmp_path / "run")
        with claim(tmp_path / "run"), pytest.raises(DreamkerasError, match="was removed or replaced"):
            require_held(tmp_path / "run")
    require_held(tmp_path / "run")  # nobody holds it


def test_only_a_new_or_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    require_empty(tmp_path / "new")
    require_empty(tmp_path / "empty")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(DreamkerasError, match=f"Expected a new or empty folder, but {taken} already has content"):
            require_empty(taken)
