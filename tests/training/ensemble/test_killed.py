"""Tests that a killed ensemble resumes, with the runs and the results that it would have had."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import ensemble_processes
import keras
import pytest

from dreamkeras.errors import DreamkerasError
from dreamkeras.files.folders import claim
from dreamkeras.training.members.finished import is_finished

PROCESSES = Path("/proc")
BACKEND = keras.backend.backend()


def spawn(folder, library):
    command = [sys.executable, ensemble_processes.__file__, "train", str(folder), str(library)]
    env = {**os.environ, "KERAS_BACKEND": BACKEND, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def epochs(folder):
    """Returns the lines of epochs in the log of the first run."""
    log = folder / "logs" / "seed-1.log"
    return [line for line in log.read_text().splitlines() if line.startswith("epoch ")] if log.exists() else []


def is_locked(folder):
    """Whether a process of a run still holds its folder."""
    try:
        with claim(folder):
            return False
    except DreamkerasError:
        return True


@pytest.mark.skipif(not (PROCESSES / "self" / "stat").exists(), reason="the system does not list processes")
def test_a_killed_ensemble_resumes_what_is_missing(tmp_path, library):
    whole = spawn(tmp_path / "whole", library)
    printed = whole.communicate(timeout=900)[0]
    assert whole.returncode == 0, printed
    process, deadline = spawn(tmp_path / "run", library), time.monotonic() + 600
    while not epochs(tmp_path / "run") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    while is_locked(tmp_path / "run" / "seed-1") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert 0 < len(epochs(tmp_path / "run")) < ensemble_processes.EPOCHS
    assert not is_finished(tmp_path / "run")

    printed = spawn(tmp_path / "run", library).communicate(timeout=900)[0]
    assert "Finished runs: 0 of 2. Runs at a time: 1." in printed
    assert len(epochs(tmp_path / "run")) == ensemble_processes.EPOCHS
    for name in ("validation.tsv", "seed-1/validation.tsv", "seed-2/validation.tsv", "seed-1/history.csv", "config.json"):
        assert (tmp_path / "run" / name).read_text() == (tmp_path / "whole" / name).read_text()
    one, other = (json.loads((tmp_path / folder / "metrics.json").read_text()) for folder in ("run", "whole"))
    assert (one["r"], one["steps"]) == (other["r"], other["steps"])
