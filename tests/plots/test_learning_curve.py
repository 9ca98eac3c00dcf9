"""The plot of a learning curve."""

import math

import pytest

from dreamkeras.errors import InputError
from dreamkeras.plots import learning_curve
from dreamkeras.plots.learning_curve import plot_learning_curve

STAGES = [{"rows": rows, "r": r, "baseline_r": r / 2} for rows, r in ((250, 0.4), (500, 0.5), (1000, 0.56))]


@pytest.fixture
def drawn(monkeypatch):
    """List of the axes that were saved."""
    kept, save = [], learning_curve.save_figure
    monkeypatch.setattr(learning_curve, "save_figure", lambda figure, path: (save(figure, path), kept.append(figure.axes[0])))
    return kept


@pytest.mark.parametrize(("expected", "lines"), [(0.036, 4), (math.nan, 2)])
def test_the_curve_has_the_network_the_baseline_and_the_expected_gain(drawn, tmp_path, expected, lines):
    plot_learning_curve(STAGES, expected, tmp_path / "curve.png", tasks=2)
    axes = drawn[0]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[0.4, 0.5, 0.56], [0.2, 0.25, 0.28]]
    assert len(axes.lines) == lines
    if lines == 4:
        assert (axes.lines[-1].get_xdata()[0], axes.lines[-1].get_ydata()[0]) == (2000, pytest.approx(0.596))
    assert axes.get_ylabel() == "Validation r, mean over 2 tasks"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["250", "500", "1,000", "2,000"]


def test_an_empty_curve_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least one stage"):
        plot_learning_curve([], 0, tmp_path / "curve.png")
