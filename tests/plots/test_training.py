"""Tests of plots: contents of figures before they are saved, and the resulting files."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError
from dreamkeras.plots import training as plots
from dreamkeras.plots.training import plot_history, plot_predictions, plot_residuals, plot_seeds

HISTORY = [
    {
        "epoch": epoch,
        "loss": 2 / epoch,
        "r": 0.2 * epoch,
        "val_mse": 1.0,
        "val_r": val_r,
        "val_rho": 0.1,
        "learning_rate": 1e-3,
        "seconds": 2,
    }
    for epoch, val_r in ((1, 0.1), (2, 0.4), (3, 0.3))
]


@pytest.fixture
def figures(monkeypatch):
    """List of the figures that would have been saved."""
    kept = []
    save = plots.save_figure
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: (save(figure, path), kept.append(figure)))
    return kept


def columns(rows, seed=0):
    """Lengths, measurements and predictions of sequences. Nearly all sequences have the same length."""
    generator = np.random.default_rng(seed)
    measured = generator.uniform(0, 17, rows)
    lengths = np.where(generator.random(rows) < 0.9, 110, generator.integers(100, 121, rows))
    return lengths, measured, measured + generator.normal(0, 2, rows)


def draw(name, path, rows=200):
    """Draws the plot of the given kind."""
    lengths, measured, predicted = columns(rows)
    if name == "plot_history":
        plot_history(HISTORY, path)
    elif name == "plot_predictions":
        plot_predictions(measured, predicted, path, "expression", "bins")
    else:
        plot_residuals(lengths, measured, predicted, path, "expression", "bins")


def line(axes, label):
    (found,) = [drawn for drawn in axes.lines if drawn.get_label() == label]
    return found


def labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize("name", plots.__all__)
@pytest.mark.parametrize("rows", [200, 3000])
def test_a_plot_is_a_png_of_readable_size_that_is_not_empty(name, rows, tmp_path):
    from matplotlib.image import imread

    draw(name, tmp_path / "plot.png", rows)
    height, width, _ = imread(tmp_path / "plot.png").shape
    assert 500 <= height <= 1000
    assert 800 <= width <= 1500
    assert imread(tmp_path / "plot.png")[..., :3].std() > 0.05


@pytest.mark.parametrize("name", plots.__all__)
def test_axes_of_every_panel_have_labels(name, tmp_path, figures):
    draw(name, tmp_path / "plot.png")
    below = [axes for axes in figures[0].axes if axes.get_xlabel()]
    assert below
    assert all(axes.get_ylabel() for axes in figures[0].axes)


@pytest.mark.parametrize("name", ["plot_predictions", "plot_residuals"])
def test_labels_of_axes_contain_task_and_unit(name, tmp_path, figures):
    draw(name, tmp_path / "plot.png")
    assert "expression\nbins" in figures[0].axes[0].get_ylabel()


@pytest.mark.parametrize("name", plots.__all__)
def test_a_plot_replaces_an_existing_file(name, tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(b"old")
    draw(name, str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", plots.__all__)
def test_error_names_a_missing_folder(name, tmp_path):
    with pytest.raises(DreamkerasError, match="nowhere"):
        draw(name, tmp_path / "nowhere" / "plot.png")


@pytest.mark.parametrize("name", plots.__all__)
def test_error_without_matplotlib_names_the_extra(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[train\]'"):
        draw(name, tmp_path / "plot.png")
    assert not list(tmp_path.iterdir())


def test_history_has_loss_in_one_panel_and_both_correlations_in_the_other(tmp_path, figures):
    plot_history(HISTORY, tmp_path / "plot.png")
    loss, correlation = figures[0].axes
    assert loss.lines[0].get_xydata().tolist() == [[1, 2], [2, 1], [3, pytest.approx(2 / 3)]]
    assert line(correlation, "training").get_ydata() == pytest.approx([0.2, 0.4, 0.6])
    assert line(correlation, "validation").get_ydata() == pytest.approx([0.1, 0.4, 0.3])


def test_history_marks_the_epoch_of_the_saved_model(tmp_path, figures):
    plot_history(HISTORY, tmp_path / "plot.png", 2)
    assert labels(figures[0]) == ["training", "validation", "saved: 0.400 (epoch 2)"]
    assert line(figures[0].axes[1], "saved: 0.400 (epoch 2)").get_xydata().tolist() == [[2, 0.4]]


def test_history_with_a_validation_loss_shows_it(tmp_path, figures):
    plot_history([{**row, "val_loss": loss} for row, loss in zip(HISTORY, (3.0, 2.0, 1.5), strict=True)], tmp_path / "plot.png", 3)
    loss, _ = figures[0].axes
    assert loss.lines[1].get_ydata().tolist() == [3, 2, 1.5]
    assert labels(figures[0])[-1] == "saved: 0.300 (epoch 3)"


def test_history_of_one_epoch_shows_a_point(tmp_path, figures):
    plot_history(HISTORY[:1], tmp_path / "plot.png")
    assert figures[0].axes[0].lines[0].get_marker() == "o"
    assert all(tick == int(tick) for tick in figures[0].axes[0].get_xticks())


def test_history_without_validation_has_no_validation_line(tmp_path, figures):
    plot_history([{"epoch": 1, "loss": 1.0, "r": 0.1}, {"epoch": 2, "loss": 0.5, "r": 0.2}], tmp_path / "plot.png")
    assert labels(figures[0]) == ["training"]


def test_history_with_undefined_correlations_is_drawn(tmp_path, figures):
    rows = [{**row, "val_r": float("nan")} for row in HISTORY]
    plot_history(rows, tmp_path / "plot.png", 2)
    assert labels(figures[0]) == ["training", "validation"]
    plot_history([*rows, {**HISTORY[0], "epoch": 4}], tmp_path / "plot.png", 4)
    assert labels(figures[1])[-1] == "saved: 0.100 (epoch 4)"


def test_history_of_many_epochs_has_no_markers(tmp_path, figures):
    plot_history([{**HISTORY[0], "epoch": epoch} for epoch in range(1, 81)], tmp_path / "plot.png")
    assert line(figures[0].axes[1], "validation").get_marker() == "None"


def test_an_empty_history_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least one epoch"):
        plot_history([], tmp_path / "plot.png")
    assert not list(tmp_path.iterdir())


def test_history_is_not_modified(tmp_path):
    rows = [dict(row) for row in HISTORY]
    plot_history(rows, tmp_path / "plot.png")
    assert rows == HISTORY


def test_each_seed_has_a_line_and_the_ensemble_a_level(tmp_path, figures):
    histories = {f"seed-{seed}": [{"epoch": epoch, "loss": 2.0 - epoch, "val_r": 0.1 * seed} for epoch in (1, 2)] for seed in (1, 2)}
    plot_seeds(histories, tmp_path / "plot.png", 0.35)
    loss, correlation = figures[0].axes
    assert [drawn.get_ydata().tolist() for drawn in loss.lines] == [[1, 0], [1, 0]]
    assert [set(drawn.get_ydata()) for drawn in correlation.lines] == [{0.1}, {0.2}, {0.35}]
    assert labels(figures[0]) == ["seed-1", "seed-2", "mean prediction: 0.350"]
    with pytest.raises(InputError, match="at least one epoch"):
        plot_seeds({"seed-1": []}, tmp_path / "plot.png")


def test_title_of_predictions_contains_r_and_n(tmp_path, figures):
    _, measured, predicted = columns(300)
    plot_predictions(measured, predicted, tmp_path / "plot.png")
    assert figures[0].axes[0].get_title() == f"r = {np.corrcoef(measured, predicted)[0, 1]:.3f}, n = 300"


def test_few_predictions_are_points_and_many_are_a_density(tmp_path, figures):
    for rows in (plots.MANY - 1, plots.MANY):
        _, measured, predicted = columns(rows)
        plot_predictions(measured, predicted, tmp_path / "plot.png")
    few, many = figures
    assert len(few.axes[0].collections[0].get_offsets()) == plots.MANY - 1
    assert len(few.axes) == 1
    assert many.axes[0].collections[0].get_array().sum() == plots.MANY
    assert many.axes[1].get_ylabel() == "Sequences per hexagon"


def test_density_of_hexagons_with_one_sequence_has_a_scale(tmp_path, figures):
    spread = np.arange(0.0, 36 * 60, 36)
    measured, predicted = (grid.ravel() for grid in np.meshgrid(spread, spread))
    plot_predictions(measured, predicted, tmp_path / "plot.png")
    plot_predictions(np.full(plots.MANY, 3.0), np.full(plots.MANY, 4.0), tmp_path / "plot.png")
    assert all(figure.axes[1].get_ylim()[0] == 1 < figure.axes[1].get_ylim()[1] for figure in figures)


def test_predictions_and_measurements_have_the_same_axes(tmp_path, figures):
    plot_predictions([0.0, 1, 2], [10.0, 11, 13], tmp_path / "plot.png")
    axes = figures[0].axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[0] < 0
    assert axes.get_xlim()[1] > 13


@pytest.mark.parametrize(("measured", "predicted"), [([1.0, 2, 3], [5.0, 5, 5]), ([1.0], [1.0]), ([4.0, 4], [4.0, 4])])
def test_title_of_predictions_without_r_is_undefined(measured, predicted, tmp_path, figures):
    plot_predictions(measured, predicted, tmp_path / "plot.png")
    assert figures[0].axes[0].get_title() == f"r = undefined, n = {len(measured)}"


def test_predictions_that_are_not_finite_are_counted_and_omitted(tmp_path, figures):
    plot_predictions([1.0, 2, 3, 4, 5], [1.0, np.nan, 3, np.inf, 5], tmp_path / "plot.png")
    assert figures[0].axes[0].get_title() == "r = 1.000, n = 3 (2 not finite)"
    plot_predictions([1.0, 2], [np.nan, np.nan], tmp_path / "plot.png")
    assert figures[1].axes[0].get_title() == "r = undefined, n = 0 (2 not finite)"


def test_residuals_of_common_lengths_are_quantiles(tmp_path, figures):
    lengths, measured, predicted = columns(400)
    plot_residuals(lengths, measured, predicted, tmp_path / "plot.png")
    centers, medians = line(figures[0].axes[0], "median").get_data()
    residuals = (predicted - measured)[lengths == 110]
    assert medians[list(centers).index(110)] == pytest.approx(np.median(residuals))
    (wide,) = [lines for lines in figures[0].axes[0].collections if lines.get_label() == "5 to 95 %"]
    segment = wide.get_segments()[list(centers).index(110)]
    assert segment[:, 1] == pytest.approx(np.quantile(residuals, [0.05, 0.95]))


def test_residuals_of_rare_lengths_are_single_points(tmp_path, figures):
    lengths = np.array([90, 90] + [110] * plots.FEW)
    predicted = np.arange(len(lengths)) / 10
    plot_residuals(lengths, np.zeros(len(lengths)), predicted, tmp_path / "plot.png")
    (single,) = [label for label in labels(figures[0]) if label.startswith("sequences in groups")]
    assert line(figures[0].axes[0], single).get_xydata().tolist() == [[90, 0], [90, 0.1]]
    assert line(figures[0].axes[0], "median").get_xdata() == [110]


def test_residuals_are_positive_where_predictions_are_too_high(tmp_path, figures):
    plot_residuals([100, 101], [1.0, 1], [4.0, 0], tmp_path / "plot.png")
    single = figures[0].axes[0].lines[0]
    assert single.get_xydata().tolist() == [[100, 3], [101, -1]]


def test_every_sequence_is_counted_once(tmp_path, figures):
    lengths, measured, predicted = columns(500)
    plot_residuals(lengths, measured, predicted, tmp_path / "plot.png")
    bars = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in figures[0].axes[1].patches}
    assert bars == pytest.approx(dict(zip(*np.unique(lengths, return_counts=True), strict=True)))


def test_a_wide_range_of_lengths_is_grouped(tmp_path, figures):
    lengths = np.arange(200, 1200)
    plot_residuals(lengths, np.zeros(1000), np.ones(1000), tmp_path / "plot.png")
    bars = figures[0].axes[1].patches
    assert len(bars) == plots.GROUPS
    assert {bar.get_height() for bar in bars} == {20}
    assert bars[0].get_x() + bars[0].get_width() / 2 == pytest.approx(209.5)


@pytest.mark.parametrize("lengths", [[110] * 20, [1], [87, 135]])
def test_any_range_of_lengths_is_drawn(lengths, tmp_path, figures):
    plot_residuals(lengths, np.zeros(len(lengths)), np.ones(len(lengths)), tmp_path / "plot.png")
    residuals, counts = figures[0].axes
    assert [bar.get_height() for bar in counts.patches if bar.get_height()] == list(Counter(lengths).values())
    low, high = residuals.get_xlim()
    assert low < min(lengths) <= max(lengths) < high
    assert {y for drawn in residuals.lines for y in drawn.get_ydata()} >= {1}


def test_residuals_that_are_not_finite_are_omitted(tmp_path, figures):
    plot_residuals([100, 101], [0.0, 0], [np.nan, 1], tmp_path / "plot.png")
    assert figures[0].axes[0].lines[0].get_xydata().tolist() == [[101, 1]]
    plot_residuals([100, 101], [0.0, 0], [np.nan, np.nan], tmp_path / "plot.png")
    assert not figures[1].axes[1].patches


def test_columns_that_do_not_match_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\(3,\), \(2,\)"):
        plot_predictions([1.0, 2, 3], [1.0, 2], tmp_path / "plot.png")
    with pytest.raises(InputError, match=r"\(2, 1\)"):
        plot_residuals([1, 2], [[1.0], [2.0]], [1.0, 2], tmp_path / "plot.png")


def test_plots_change_no_global_state_and_import_no_framework():
    code = (
        "import sys; from dreamkeras.plots.training import plot_history; assert 'matplotlib' not in sys.modules;"
        "plot_history([{'epoch': 1, 'loss': 1.0, 'r': 0.1, 'val_r': 0.2}], '/dev/null');"
        "print(sorted({'matplotlib.pyplot', 'pandas', 'scipy', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
