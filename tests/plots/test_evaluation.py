import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.plots.evaluation import calibration_curve, plot_calibration, plot_intervals
from dreamkeras.statistics.bootstrap import Interval

pytest.importorskip("matplotlib")


def size(path):
    """Returns width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def test_the_curve_of_calibrated_predictions_is_the_diagonal():
    random = np.random.default_rng(0)
    predicted = random.uniform(0, 10, 20_000)
    found = calibration_curve(predicted + random.normal(size=20_000), predicted)
    assert len(found.predicted) == 20
    assert (np.diff(found.predicted) > 0).all()
    np.testing.assert_allclose(found.measured, found.predicted, atol=0.15)
    np.testing.assert_allclose(found.error, 1 / np.sqrt(1000), rtol=0.15)


def test_few_sequences_form_groups_of_two():
    found = calibration_curve([1, 3, 9], [5, 6, 7])
    assert found.measured.tolist() == [pytest.approx(13 / 3)]
    assert found.error.tolist() == [pytest.approx(np.std([1, 3, 9], ddof=1) / np.sqrt(3))]


@pytest.mark.parametrize("columns", [([1], [1]), ([1, 2], [1, 2, 3]), ([[1, 2]], [[1, 2]])])
def test_invalid_columns_are_refused(columns):
    with pytest.raises(InputError, match="two arrays of at least 2"):
        calibration_curve(*columns)


def test_plots_are_png_files(tmp_path):
    values = np.arange(100.0)
    plot_calibration(values, values, tmp_path / "a.png", "x", "u")
    assert size(tmp_path / "a.png") == (750, 750)
    some = [Interval(0.5, 0.4, 0.6), Interval(0.2, 0.25, 0.3)]  # a value can be outside its percentile interval
    plot_intervals(["all", "yeast"], {"one": some, "two": some[::-1]}, tmp_path / "b.png", "r")
    assert size(tmp_path / "b.png")[0] == 1050


@pytest.mark.parametrize("intervals", [{}, {"one": [Interval(0, 0, 0)]}])
def test_a_model_without_all_intervals_is_refused(tmp_path, intervals):
    with pytest.raises(InputError, match="Expected 2 intervals for each model"):
        plot_intervals(["all", "yeast"], intervals, tmp_path / "b.png", "r")
    assert not (tmp_path / "b.png").exists()
