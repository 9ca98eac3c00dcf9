"""Runs the `dreamkeras` command with the preset `tiny` and kills it with SIGKILL: `python killed_run.py MOMENT ARGUMENTS...`."""

import itertools
import os
import signal
import sys

import numpy as np


def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)


def never():
    """Does not kill the run."""


def after_a_line():
    """Kills the run after the line of the first epoch of this process is printed."""
    from dreamkeras.training.epochs.progress import Progress

    print_line = Progress.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        print_line(self, epoch, logs)
        sys.stderr.flush()
        die()

    Progress.on_epoch_end = on_epoch_end


def waiting():
    """Pauses the run after the line of the first epoch until its standard input is closed. The run is not killed."""
    from dreamkeras.training.epochs.progress import Progress

    print_line = Progress.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        print_line(self, epoch, logs)
        sys.stderr.flush()
        if epoch == 0:
            sys.stdin.read()

    Progress.on_epoch_end = on_epoch_end


def in_a_checkpoint():
    """Kills the run when half of the second checkpoint of this process is written."""
    calls, savez = itertools.count(1), np.savez

    def write(file, *args, **arrays):
        savez(file, *args, **arrays)
        if next(calls) == 2:
            file.truncate(file.tell() // 2)
            file.flush()
            die()

    np.savez = write


def before_the_results():
    """Kills the run after training and before the results are written."""
    from dreamkeras.training import run

    run.write_results = die


MOMENTS = {function.__name__: function for function in (never, waiting, after_a_line, in_a_checkpoint, before_the_results)}


def main(moment, *args):
    from dreamkeras.training.backend import choose_backend

    choose_backend()

    from tiny_network import tiny_preset

    from dreamkeras.cli.main import main as dreamkeras

    with tiny_preset():
        MOMENTS[moment]()
        dreamkeras(list(args), prog_name="dreamkeras")


if __name__ == "__main__":
    main(*sys.argv[1:])
