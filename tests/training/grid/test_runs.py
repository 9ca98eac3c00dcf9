import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import grid_processes
import keras
import pytest

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.training.grid.plan import expand
from dreamkeras.training.grid.runs import run_grid
from dreamkeras.training.members.finished import RESULTS

PROCESSES = Path("/proc")

BACKEND = keras.backend.backend()
EPOCHS = [f"{epoch}/{grid_processes.EPOCHS}" for epoch in range(1, grid_processes.EPOCHS + 1)]

FINISH = f"import sys, pathlib; folder = pathlib.Path(sys.argv[2]); folder.mkdir(); [(folder / name).touch() for name in {RESULTS}]"
"""Code of a worker that finishes immediately."""


def worker(code):
    """Returns the command of a worker that executes Python code."""
    return (sys.executable, "-c", code)


def runs(**options):
    fields = {"models": ["a", "b"], "seeds": [0, 1], "options": {"epochs": 1, **options}}
    return expand(fields, backend=BACKEND).runs


@pytest.fixture
def told():
    return []


class TestOutcome:
    def test_every_run_has_its_folder(self, tmp_path, told):
        assert run_grid(runs(), tmp_path, 2, told.append, worker(FINISH)) == {}
        assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a_seed-0", "a_seed-1", "b_seed-0", "b_seed-1"]
        assert told[0] == "Finished runs: 0 of 4. Runs at a time: 2."
        assert sorted(told[1:]) == [f"{run.name}: finished" for run in runs()]

    def test_the_worker_receives_the_configuration(self, tmp_path, told):
        run_grid(runs()[:1], tmp_path, 1, told.append, worker(f"{FINISH}; print(open(sys.argv[1]).read(), file=sys.stderr)"))
        config = json.loads((tmp_path / "logs" / "a_seed-0.log").read_text())
        assert (config["model"], config["seed"], config["epochs"], config["split_seed"]) == ("a", 0, 1, 0)

    def test_a_failure_is_reported_and_other_runs_continue(self, tmp_path, told):
        code = f"import sys\nif 'a_seed-1' in sys.argv[2]: sys.exit('first\\nError: no luck')\n{FINISH}"
        failures = run_grid(runs(), tmp_path, 1, told.append, worker(code))
        assert failures == {"a_seed-1": "exit status 1; Error: no luck"}
        assert "a_seed-1: failed, exit status 1; Error: no luck" in told
        assert len(list((tmp_path / "runs").iterdir())) == 3

    def test_a_killed_run_reports_the_signal(self, tmp_path, told):
        code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert run_grid(runs()[:1], tmp_path, 1, told.append, worker(code)) == {"a_seed-0": "killed by SIGKILL; no output"}

    @pytest.mark.parametrize(("file", "what"), [("config.json", "a training run"), ("notes.txt", "other files")])
    def test_a_folder_with_other_files_is_not_changed(self, tmp_path, told, file, what):
        (tmp_path / file).write_text("mine")
        with pytest.raises(InputError, match=f"The folder .* contains {what}. Choose a new folder"):
            run_grid(runs(), tmp_path, 1, told.append, worker(FINISH))
        assert ([path.name for path in tmp_path.iterdir()], told) == ([file], [])

    def test_a_run_without_results_is_a_failure(self, tmp_path, told):
        assert run_grid(runs()[:1], tmp_path, 1, told.append, worker("print('hello')")) == {"a_seed-0": "exit status 0; hello"}

    def test_only_failed_runs_are_repeated(self, tmp_path, told):
        code = f"import sys\nprint('once more')\nif 'a_seed-1' in sys.argv[2]: sys.exit(3)\n{FINISH}"
        run_grid(runs(), tmp_path, 2, told.append, worker(code))
        assert run_grid(runs(), tmp_path, 2, told.append, worker(f"print('once more')\n{FINISH}")) == {}
        assert "Finished runs: 3 of 4. Runs at a time: 1." in told
        assert {path.stem: path.read_text().count("once more") for path in (tmp_path / "logs").iterdir()} == {
            "a_seed-0": 1,
            "a_seed-1": 2,
            "b_seed-0": 1,
            "b_seed-1": 1,
        }

    def test_another_configuration_under_the_same_name_is_refused(self, tmp_path, told):
        run_grid(runs(), tmp_path, 2, told.append, worker(FINISH))
        with pytest.raises(
            InputError, match=r"The options of a_seed-0 in .* have changed since the run was started: batch_size 7 \(was None\)\. Choose"
        ):
            run_grid(runs(batch_size=7), tmp_path, 2, told.append, worker(FINISH))

    def test_the_configuration_of_a_run_can_change_before_it_starts(self, tmp_path, told):
        assert len(run_grid(runs(loss="nonesuch"), tmp_path, 2, told.append, worker("import sys; sys.exit(1)"))) == 4
        assert run_grid(runs(loss="huber"), tmp_path, 2, told.append, worker(FINISH)) == {}
        assert json.loads((tmp_path / "configs" / "a_seed-0.json").read_text())["loss"] == "huber"

    def test_a_larger_grid_keeps_finished_runs(self, tmp_path, told):
        run_grid(runs()[:2], tmp_path, 2, told.append, worker(FINISH))
        run_grid(runs(), tmp_path, 2, told.append, worker(FINISH))
        assert "Finished runs: 2 of 4. Runs at a time: 2." in told

    def test_an_unwritable_folder_is_an_error(self, tmp_path, told):
        (tmp_path / "file").touch()
        with pytest.raises(DreamkerasError, match="Not a directory"):
            run_grid(runs(), tmp_path / "file" / "x", 1, told.append, worker(FINISH))

    def test_a_refused_process_is_not_reported_as_an_unwritable_log(self, tmp_path, told, monkeypatch):
        def refuse(*_, **__):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

        monkeypatch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(BlockingIOError):  # `cli.process.describe` names the limit of processes
            run_grid(runs(), tmp_path, 1, told.append, worker(FINISH))


class TestParallel:
    CODE = "import sys, time, pathlib; begin = time.time(); time.sleep(1); print(begin, time.time(), sys.argv[3])"

    @pytest.mark.parametrize("parallel", [1, 2])
    def test_the_number_of_parallel_runs_is_limited(self, tmp_path, told, parallel):
        run_grid(runs(), tmp_path, parallel, told.append, worker(f"{self.CODE}; {FINISH}"))
        times = [list(map(float, path.read_text().split()[:2])) for path in (tmp_path / "logs").iterdir()]
        most = max(sum(begin <= moment < end for begin, end in times) for moment, _ in times)
        assert most == parallel


def test_an_error_ends_all_processes(tmp_path):
    def fail(line):
        if line.endswith(": finished"):
            raise ZeroDivisionError

    code = f"import os, sys, time; print(os.getpid(), flush=True)\nif 'b_' in sys.argv[2]: time.sleep(600)\n{FINISH}"
    two = [run for run in runs() if run.config.seed == 0]
    with pytest.raises(ZeroDivisionError):
        run_grid(two, tmp_path, 2, fail, worker(code))
    process = int((tmp_path / "logs" / "b_seed-0.log").read_text() or 0)
    assert not process or not is_alive(process)


def is_alive(process):
    """Whether a process is running. Zombie processes are not."""
    try:
        return (PROCESSES / str(process) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not (PROCESSES / "self" / "stat").exists(), reason="the system does not list processes")
class TestRealRuns:
    """Tests with processes that train the tiny network."""

    def test_finished_epochs_are_not_repeated_after_kill_9(self, tmp_path, library):
        self.kill_within_run(0, tmp_path, library, lambda process: process.kill())
        self.kill_within_run(1, tmp_path, library, self.kill_with_runs)
        out = self.spawn(tmp_path, library).communicate(timeout=300)[0]
        assert out.splitlines()[0] == "Finished runs: 1 of 2. Runs at a time: 1."
        assert out.splitlines()[-1] == "{}"
        assert self.epochs(tmp_path) == [EPOCHS] * 2

    def kill_within_run(self, seed, tmp_path, library, kill):
        """Starts the grid, kills it when a run has an epoch but is not finished, and checks the remaining files."""
        before = self.results(tmp_path)
        process, deadline = self.spawn(tmp_path, library), time.monotonic() + 300
        while not self.epochs(tmp_path)[seed] and time.monotonic() < deadline:
            time.sleep(0.05)
        kill(process)
        process.communicate()
        while self.workers(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.workers(tmp_path) == []
        assert 0 < len(self.epochs(tmp_path)[seed]) < len(EPOCHS)
        after = self.results(tmp_path)
        assert len(after) == seed * len(RESULTS)
        assert before.items() <= after.items()

    def spawn(self, tmp_path, library):
        command = [sys.executable, grid_processes.__file__, "run", str(tmp_path), str(library)]
        env = {**os.environ, "KERAS_BACKEND": BACKEND, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)

    def epochs(self, tmp_path):
        """Returns the epochs in the log of each run."""
        logs = [tmp_path / "logs" / f"tiny_seed-{seed}.log" for seed in (0, 1)]
        lines = [log.read_text().splitlines() if log.exists() else [] for log in logs]
        return [[line.split()[1] for line in log if line.startswith("epoch ")] for log in lines]

    def results(self, tmp_path):
        """Returns the modification time of each file of the finished runs."""
        return {path: path.stat().st_mtime_ns for name in RESULTS for path in (tmp_path / "runs").glob(f"*/{name}")}

    def workers(self, tmp_path):
        """Returns the processes of the runs in a folder."""
        found = []
        for folder in PROCESSES.glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if str(tmp_path / "configs").encode() in command and is_alive(folder.name):
                    found.append(int(folder.name))
        return found

    def kill_with_runs(self, process):
        """Kills the benchmark and its runs with kill -9."""
        children = (PROCESSES / str(process.pid) / "task" / str(process.pid) / "children").read_text()
        for pid in [process.pid, *map(int, children.split())]:
            os.kill(pid, signal.SIGKILL)
