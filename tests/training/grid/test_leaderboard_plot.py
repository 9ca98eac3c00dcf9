import subprocess
import sys

import pytest

from dreamkeras.errors import InputError
from dreamkeras.statistics.bootstrap import Interval
from dreamkeras.training.grid import leaderboard_plot
from dreamkeras.training.grid.leaderboard import LeaderboardRow
from dreamkeras.training.grid.leaderboard_plot import plot_leaderboard

pytest.importorskip("matplotlib")

ROWS = [
    LeaderboardRow("good", (0.70, 0.72), 0.71, 0.014, 1000, 2.0, 50.0, None),
    LeaderboardRow("fair", (0.6,), 0.6, float("nan"), 1000, 2.0, 50.0, Interval(0.11, 0.05, 0.2)),
    LeaderboardRow("odd", (float("nan"),), float("nan"), float("nan"), 1, 0.1, 1.0, Interval(*[float("nan")] * 3)),
]


@pytest.fixture
def figures(monkeypatch):
    """Collects the figures instead of saving them."""
    kept = []
    save = leaderboard_plot.save_figure
    monkeypatch.setattr(leaderboard_plot, "save_figure", lambda figure, path: (save(figure, path), kept.append(figure)))
    return kept


def test_the_file_is_a_png(tmp_path):
    plot_leaderboard(ROWS, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_each_combination_has_a_line_with_the_best_on_top(tmp_path, figures):
    plot_leaderboard(ROWS, tmp_path / "plot.png")
    left, _ = figures[0].axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["good", "fair", "odd"]
    assert left.get_ylim() == (2.5, -0.5)


def test_every_run_is_a_point(tmp_path, figures):
    plot_leaderboard(ROWS, tmp_path / "plot.png")
    (runs,) = [line for line in figures[0].axes[0].lines if line.get_label() == "single run"]
    assert runs.get_xydata()[:3].tolist() == [[0.70, 0], [0.72, 0], [0.6, 1]]


def test_intervals_are_those_of_the_distance_to_the_best(tmp_path, figures):
    plot_leaderboard(ROWS[:2], tmp_path / "plot.png")
    (lines,) = figures[0].axes[1].collections
    assert lines.get_segments()[0].tolist() == [[0.05, 1], [0.2, 1]]


def test_a_single_combination_is_drawn(tmp_path, figures):
    plot_leaderboard(ROWS[:1], tmp_path / "plot.png")
    assert not figures[0].axes[1].collections


def test_an_empty_leaderboard_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least one combination"):
        plot_leaderboard([], tmp_path / "plot.png")


def test_the_import_does_not_require_matplotlib():
    code = "import sys, dreamkeras.training.grid.leaderboard_plot; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
