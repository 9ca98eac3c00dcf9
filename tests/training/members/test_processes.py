"""Tests of the processes that execute runs: their CPUs, their number, and the lines that they print."""

import sys

import pytest

from dreamkeras.training.members import processes
from dreamkeras.training.members.finished import RESULTS
from dreamkeras.training.members.processes import RunProcess, default_parallel, run_processes

FINISH = f"import sys, pathlib; folder = pathlib.Path(sys.argv[2]); folder.mkdir(); [(folder / name).touch() for name in {RESULTS}]"
"""Code of a worker that finishes immediately."""


def test_every_line_of_a_run_is_passed_on_once(tmp_path):
    code = f"print('one'); print('two', file=sys.stderr); sys.stderr.flush(); import time; time.sleep(0.5); print('three'); {FINISH}"
    run = RunProcess("a", tmp_path / "a.json", tmp_path / "a", tmp_path / "a.log")
    run.log.write_text("an earlier line\n")
    lines, told = [], []
    worker = (sys.executable, "-uc", f"import sys; {code}")
    assert run_processes([run], 1, told.append, worker, lambda followed, line: lines.append((followed.name, line))) == {}
    assert lines == [("a", "one"), ("a", "two"), ("a", "three")]
    assert told == ["a: finished"]


def test_each_run_has_its_share_of_the_cpus(monkeypatch):
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda process: {0, 1, 4, 5, 6}, raising=False)
    monkeypatch.setattr(processes, "available_cpus", lambda: 5)
    assert [processes._cpus(slot, 2) for slot in (0, 1)] == ["0,1", "4,5"]
    assert [processes._cpus(slot, 8) for slot in range(8)] == ["0", "1", "4", "5", "6", "0", "1", "4"]
    assert processes._cpus(0, 1) == ""


@pytest.mark.parametrize(("cpus", "parallel"), [(1, 1), (2, 2), (16, 16)])
def test_the_default_is_one_run_per_cpu(cpus, parallel, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "NVIDIA", tmp_path / "none")
    monkeypatch.setattr(processes, "available_memory", lambda: None)
    assert default_parallel(cpus) == parallel


@pytest.mark.parametrize(("gibibytes", "parallel"), [(1, 1), (7, 3), (64, 16)])
def test_every_run_has_two_gibibytes(gibibytes, parallel, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "NVIDIA", tmp_path / "none")
    monkeypatch.setattr(processes, "available_memory", lambda: gibibytes << 30)
    assert default_parallel(16) == parallel


def test_the_default_is_one_run_with_a_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "NVIDIA", tmp_path)
    monkeypatch.setattr(processes, "available_memory", lambda: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert default_parallel(16) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert default_parallel(16) == 16
