"""Child processes end with this process and leave no files."""

import os
import subprocess
import sys

import pytest

from dreamkeras.export.child_process import run_child

CHILD = (
    "import os, sys, tempfile; from dreamkeras.export.child_process import end_with_parent; end_with_parent()\n"
    "print(tempfile.mkdtemp(), flush=True)\n"
)


def test_files_of_the_child_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = run_child([sys.executable, "-c", CHILD], os.environ)
    assert done.returncode == 0
    assert done.stdout.decode().startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_an_exception_here_ends_the_child(tmp_path, monkeypatch):
    started = []

    def interrupt(process, *args, **options):
        started.append(process)
        assert process.stdout.readline()
        raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_child([sys.executable, "-c", CHILD + "import time; time.sleep(1000)"], os.environ)
    assert started[0].returncode is not None
    assert list(tmp_path.iterdir()) == []


def test_kill_9_of_this_process_ends_the_child(tmp_path):
    reading, writing = os.pipe()  # the child inherits the other end, which is closed when it ends
    child = CHILD + f"os.write({writing}, b'started'); import time; time.sleep(1000)"
    code = (
        "import os, sys, subprocess; from dreamkeras.export import child_process\n"
        "run = subprocess.run\n"
        f"subprocess.run = lambda *args, **options: run(*args, **options, pass_fds=[{writing}])\n"
        f"child_process.run_child([sys.executable, '-c', {child!r}], os.environ)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], pass_fds=[writing], env={**os.environ, "TMPDIR": str(tmp_path)})
    os.close(writing)
    assert os.read(reading, 7) == b"started"
    parent.kill()
    parent.wait()
    assert os.read(reading, 1) == b""  # waits until the child has ended
    os.close(reading)
