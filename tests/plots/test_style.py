import os
import subprocess
import sys

import pytest

from dreamkeras.errors import DreamkerasError, MissingPackageError
from dreamkeras.plots.style import DPI, draw_plots, new_figure, save_figure


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


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
@pytest.mark.parametrize("settings", [b"backend: nonsense\ntext.usetex: True\nno.key: 5\n", b"font.family: \xe9\n"])
def test_settings_of_the_user_have_no_effect_on_plots(tmp_path, backend, settings):
    (tmp_path / "matplotlibrc").write_bytes(settings)
    code = (
        "import os; from dreamkeras.plots.training import plot_history\n"
        "plot_history([{'epoch': 1, 'loss': 1.0, 'r': 0.5}], 'plot.png'); print(os.environ['MPLBACKEND'], 'MATPLOTLIBRC' in os.environ)"
    )
    environment = {**os.environ, "MPLBACKEND": backend}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == ([backend, "False"], "")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_valid_settings_of_the_user_remain_for_other_plots(tmp_path):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\n")
    code = (
        "from dreamkeras.plots.style import import_fonts, plain_settings; import_fonts(); import matplotlib as mpl\n"
        "with plain_settings(): print(mpl.rcParams['lines.linewidth'])\n"
        "print(mpl.rcParams['lines.linewidth'], mpl.rcParams['backend'])"
    )
    environment = {**os.environ, "MPLBACKEND": "svg"}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1.5", "7.0", "svg"]


def test_a_failed_plot_is_a_warning(tmp_path, capsys):
    def fail():
        raise RuntimeError("no\nfonts")

    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    drawn = draw_plots({paths[0]: fail, paths[1]: lambda: None, paths[2]: fail})
    assert drawn == [paths[1]]
    assert capsys.readouterr().err == "Warning: 2 plots were not drawn (a.png): no fonts\n"
