"""Runs a grid of the preset `tiny` in processes that tests can kill.

`python grid_processes.py run FOLDER LIBRARY` runs the grid. `python grid_processes.py work CONFIG FOLDER CPUS` is one of its runs.
"""

import os
import sys
import time
from pathlib import Path

SECONDS_AN_EPOCH = 0.5
EPOCHS = 4


def grid(library):
    """Returns a grid with one combination and two seeds."""
    from dreamkeras.training.grid.plan import expand

    fields = {"models": ["tiny"], "seeds": [0, 1], "options": {"epochs": EPOCHS, "batch_size": 90}}
    return expand(fields, data=str(library), backend=os.environ["KERAS_BACKEND"])


def run(folder, library):
    from dreamkeras.training.grid.runs import run_grid

    print(run_grid(grid(library).runs, Path(folder), 1, print, WORKER))


def work(*args):
    from dreamkeras.export.child_process import end_with_parent
    from dreamkeras.training.worker import main

    end_with_parent()
    from dreamkeras.training.backend import choose_backend

    choose_backend()
    from tiny_network import tiny_preset

    from dreamkeras.training.epochs.progress import Progress

    print_line = Progress.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        print_line(self, epoch, logs)
        sys.stderr.flush()
        time.sleep(SECONDS_AN_EPOCH)

    Progress.on_epoch_end = on_epoch_end
    with tiny_preset():
        return main(*args)


WORKER = (sys.executable, str(Path(__file__).resolve()), "work")

if __name__ == "__main__":
    sys.exit({"run": run, "work": work}[sys.argv[1]](*sys.argv[2:]))
