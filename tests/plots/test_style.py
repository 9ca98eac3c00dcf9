import sys

import pytest

from dreamkeras.errors import DreamkerasError, MissingPackageError
from dreamkeras.plots.style import DPI, new_figure, save_figure


def test_figure_has_the_requested_size(tmp_path):
    figure = new_figure(4, 3)
    figure.subplots()
    save_figure(figure, tmp_path / "plot.png")
    header = (tmp_path / "plot.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (4 * DPI, 3 * DPI)


def test_top_and_right_spines_are_hidden(tmp_path):
    figure = new_figure(4, 3)
    axes = figure.subplots()
    save_figure(figure, tmp_path / "plot.png")
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]


def test_error_for_a_missing_folder(tmp_path):
    with pytest.raises(DreamkerasError, match=r"plot\.png"):
        save_figure(new_figure(4, 3), tmp_path / "no" / "plot.png")
    assert not (tmp_path / "no").exists()


def test_error_without_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[train\]'"):
        new_figure(1, 1)
