import io
import itertools
import math
import sys

import pytest

from dreamkeras.training.epochs import progress
from dreamkeras.training.epochs.checkpoint import TrainingState
from dreamkeras.training.epochs.progress import Progress

LOGS = {"loss": 1.23456, "r": 0.5, "val_r": 0.25}
LINE = "epoch {}/2  loss 1.2346  r 0.500  validation r 0.250"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def go_through(callback, epochs=(0, 1), steps=3):
    for epoch in epochs:
        callback.on_epoch_begin(epoch)
        for batch in range(steps):
            callback.state.steps += 1
            callback.on_train_batch_end(batch, LOGS)
        callback.on_epoch_end(epoch, LOGS)
    callback.on_train_end()


@pytest.fixture
def terminal(monkeypatch):
    """Replaces standard error by a terminal and returns its text. Called within a test, because pytest also replaces it."""

    def open_terminal():
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        return screen

    return open_terminal


def test_without_a_terminal_each_epoch_has_a_line(capsys):
    go_through(Progress(2, 6, TrainingState()))
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", [LINE.format(1), LINE.format(2)])


@pytest.mark.parametrize(
    ("logs", "shown"),
    [({}, "undefined"), ({"val_relative_mse": math.nan}, "undefined"), ({"val_relative_mse": 1.03149}, "undefined (relative error 1.031)")],
)
def test_an_undefined_r_is_printed_as_undefined(logs, shown, capsys):
    callback = Progress(2, 6, TrainingState())
    callback.on_epoch_end(0, {**LOGS, "val_r": math.nan, **logs})
    assert capsys.readouterr().err == f"epoch 1/2  loss 1.2346  r 0.500  validation r {shown}\n"


def test_a_terminal_shows_a_bar_and_the_lines(terminal, capsys):
    screen = terminal()
    go_through(Progress(2, 6, TrainingState()))
    shown = screen.getvalue()
    assert "\x1b[" in shown
    assert "epoch 1 " in shown
    assert "loss 1.2346  r 0.500" in shown
    assert all(LINE.format(epoch) in shown for epoch in (1, 2))
    assert capsys.readouterr().out == ""


def test_the_bar_of_a_resumed_run_starts_at_its_epoch(terminal):
    terminal()
    callback = Progress(2, 6, TrainingState(steps=3))
    callback.on_epoch_begin(1)
    assert callback.bar.tasks[0].completed == 3
    assert callback.bar.tasks[0].total == 6
    go_through(callback, epochs=[1])
    assert callback.bar.tasks[0].finished


def test_close_restores_the_cursor_and_can_be_called_twice(terminal):
    screen, callback = terminal(), Progress(2, 6, TrainingState())
    callback.close()
    assert screen.getvalue() == ""
    callback.on_epoch_begin(0)
    callback.close()
    callback.close()
    assert screen.getvalue().count("\x1b[?25h") == 1


def test_the_bar_is_imported_only_for_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_bar", None)
    go_through(Progress(2, 6, TrainingState()))
    assert capsys.readouterr().err


class TestExpectedTime:
    def go(self, monkeypatch, seconds, steps, validated=3):
        times = itertools.count(0, seconds)
        monkeypatch.setattr(progress, "perf_counter", lambda: next(times))
        go_through(Progress(2, 2 * steps, TrainingState(), validated), steps=steps)

    def test_is_printed_once_after_the_first_steps(self, monkeypatch, capsys):
        self.go(monkeypatch, 2, 30)
        # After 21 steps of 2 s, 39 steps remain, and two validations of 3 batches.
        lines = capsys.readouterr().err.splitlines()
        assert lines == ["Expected time: 1 min 30 s.", LINE.format(1), LINE.format(2)]

    @pytest.mark.parametrize(("seconds", "steps", "validated"), [(2, 20, 3), (0.1, 30, 3), (2, 30, 0)])
    def test_is_not_printed_without_a_measurement(self, monkeypatch, capsys, seconds, steps, validated):
        self.go(monkeypatch, seconds, steps, validated)
        assert "Expected" not in capsys.readouterr().err
