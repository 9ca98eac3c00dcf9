import os
import subprocess
import sys

import keras
import pytest
from ensemble_processes import counting_preset, in_this_process
from tiny_network import tiny_preset

from dreamkeras.training import worker as worker_module
from dreamkeras.training.config import RunConfig
from dreamkeras.training.members.finished import is_finished

BACKEND = keras.backend.backend()


@pytest.fixture
def work(choose, tmp_path):
    """`work(**choices)`: runs the worker in this process and returns its exit status."""

    def run(**choices):
        choose(**choices).write(tmp_path / "config.json")
        with tiny_preset():
            return worker_module.main(str(tmp_path / "config.json"), str(tmp_path / "run"))

    return run


def test_a_run_is_started_and_then_resumed(work, tmp_path):
    assert work(epochs=1) == 0
    assert is_finished(tmp_path / "run")
    history = (tmp_path / "run" / "history.csv").read_text()
    (tmp_path / "run" / "README.md").unlink()
    assert work(epochs=1) == 0
    assert is_finished(tmp_path / "run")
    assert (tmp_path / "run" / "history.csv").read_text() == history


def test_an_ensemble_is_started_and_then_resumed(choose, tmp_path):
    choose(epochs=1, ensemble=2).write(tmp_path / "config.json")
    with counting_preset() as patch:
        patch.setattr("dreamkeras.training.ensemble.train.run_processes", in_this_process)
        for _ in range(2):
            assert worker_module.main(str(tmp_path / "config.json"), str(tmp_path / "run")) == 0
            assert is_finished(tmp_path / "run")
            assert is_finished(tmp_path / "run" / "seed-4")
            (tmp_path / "run" / "README.md").unlink()


def test_an_error_is_one_line_and_the_exit_status(work, capsys):
    assert work(model="nonesuch") == 1
    assert capsys.readouterr().err.startswith("Error: Expected a model among ")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system lets no process choose its CPUs")
def test_the_given_cpus_are_used(tmp_path):
    cpu = str(min(os.sched_getaffinity(0)))
    code = "import os, sys; from dreamkeras.training.worker import main; main(*sys.argv[1:]); print(os.sched_getaffinity(0), end='')"
    command = [sys.executable, "-c", code, str(tmp_path / "no.json"), str(tmp_path / "run"), cpu]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{{{cpu}}}"


def test_the_process_ends_with_its_parent():
    code = "import time; from dreamkeras.training.worker import end_with_parent; end_with_parent();print('up', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.stdin.close()
        assert process.wait(20) == 1


def test_other_processes_start_this_module(tmp_path):
    RunConfig(model="nonesuch", backend=BACKEND).write(tmp_path / "config.json")
    from dreamkeras.training.members.processes import WORKER

    command = [*WORKER, str(tmp_path / "config.json"), str(tmp_path / "run"), ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert "Error: Expected a model among" in process.stderr.read()
    assert process.returncode == 1
