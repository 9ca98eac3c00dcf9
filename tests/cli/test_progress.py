import sys

from dreamkeras.cli.progress import show_records


def test_nothing_is_shown_and_rich_is_not_needed_away_from_a_terminal(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich", None)
    with show_records() as advance:
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
