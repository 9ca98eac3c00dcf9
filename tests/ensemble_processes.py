"""Trains ensembles of the preset `tiny`, whose exported models count letters instead, in this process or in processes that tests can kill.

`python ensemble_processes.py train FOLDER LIBRARY` starts or resumes an ensemble. `python ensemble_processes.py work CONFIG FOLDER CPUS` is
one of its runs.
"""

import contextlib
import io
import os
import re
import sys
import time
from pathlib import Path

SECONDS_AN_EPOCH = 0.5
EPOCHS = 3


def export(folder, **options):
    """Replaces the export of a run: writes a model that multiplies the count of letters with 1 + the seed of the run."""
    from toy_models import write_toy_model

    import dreamkeras
    from dreamkeras.data.assays.registry import find_assay

    seed = int(re.search(r"\d+$", folder.name)[0])
    assay = find_assay("yeast")
    with weight_of("expression"):
        write_toy_model(folder / "model.onnx", assay.construct, assay.tasks, units=assay.units[0], weight=1 + seed)
    return dreamkeras.load(folder).description


@contextlib.contextmanager
def weight_of(task):
    """Context manager in which toy models count G and C for a task."""
    from toy_models import COUNTED

    COUNTED[task] = "GCgc"
    try:
        yield
    finally:
        del COUNTED[task]


@contextlib.contextmanager
def counting_preset():
    """Registers the tiny network, whose runs export models that count letters, and draws no plots."""
    from tiny_network import tiny_preset

    with tiny_preset() as patch:
        patch.setattr("dreamkeras.training.run_folder.contents.export_onnx", export)
        yield patch


def in_this_process(runs, parallel, report, worker, follow):
    """Replaces `run_processes`: executes the runs one after the other in this process."""
    from dreamkeras.training.worker import main

    failures = {}
    for run in runs:
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            status = main(str(run.config), str(run.folder))
        lines = printed.getvalue().splitlines()
        for line in lines:
            follow(run, line)
        if status:
            failures[run.name] = f"exit status {status}; {lines[-1]}"
    return failures


def train(folder, library):
    from dreamkeras.training.config import RunConfig
    from dreamkeras.training.ensemble.train import train_ensemble

    given = {"model": "tiny", "epochs": EPOCHS, "batch_size": 90, "seed": 1}
    config = RunConfig(data=library, backend=os.environ["KERAS_BACKEND"], ensemble=2, **given)
    path = Path(folder, "config.json")
    config = RunConfig.read(path) if path.exists() else config
    train_ensemble(config, Path(folder), print, parallel=1, resume=path.exists(), worker=WORKER)


def work(*args):
    from dreamkeras.export.child_process import end_with_parent
    from dreamkeras.training.worker import main

    end_with_parent()
    from dreamkeras.training.backend import choose_backend

    choose_backend()
    from dreamkeras.training.epochs.progress import Progress

    print_line = Progress.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        print_line(self, epoch, logs)
        sys.stderr.flush()
        time.sleep(SECONDS_AN_EPOCH)

    Progress.on_epoch_end = on_epoch_end
    with counting_preset():
        return main(*args)


WORKER = (sys.executable, str(Path(__file__).resolve()), "work")

if __name__ == "__main__":
    sys.exit({"train": train, "work": work}[sys.argv[1]](*sys.argv[2:]))
