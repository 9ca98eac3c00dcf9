import io
import sys

from dreamkeras.training.run_folder.phases import show_phases


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run_phases():
    with show_phases(2) as start:
        start("Exporting")
        start("Drawing")


def test_a_terminal_shows_every_phase_and_is_restored(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    run_phases()
    shown = screen.getvalue()
    assert 0 < shown.index("Exporting") < shown.index("Drawing")
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


def test_without_a_terminal_nothing_is_shown(capsys):
    run_phases()
    assert capsys.readouterr() == ("", "")
