import sys

import pytest

from dreamkeras.cli.progress import show_bytes, show_records


@pytest.mark.parametrize("show", [show_bytes, show_records])
def test_without_a_terminal_nothing_is_shown_and_rich_is_not_imported(monkeypatch, capsys, show):
    monkeypatch.setitem(sys.modules, "rich", None)
    with show() as advance:
        assert advance is None
    assert capsys.readouterr() == ("", "")


def test_terminal_shows_records_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with show_records() as advance:
        advance(1_200)
        advance(34)
    out, err = capsys.readouterr()
    assert out == ""
    assert "1,234 records" in err


def test_the_noun_of_records_can_be_set(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with show_records("mutants") as advance:
        advance(1_200)
    assert "1,200 mutants" in capsys.readouterr().err


def test_terminal_shows_the_bytes_of_each_file_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with show_bytes() as watch:
        watch("train.txt", 4_000_000, 8_000_000)
        watch("val.txt", 1_000, 2_000)
        watch("val.txt", 2_000, 2_000)
    out, err = capsys.readouterr()
    assert out == ""
    assert "train.txt" in err
    assert "4.0/8.0 MB" in err
    assert "2.0/2.0 kB" in err
