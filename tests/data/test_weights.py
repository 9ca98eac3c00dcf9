"""Saturating weights and the effective number of examples, compared with closed forms."""

import dataclasses

import numpy as np
import pytest

from dreamkeras.data.assays.table import table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.weights import effective_number, saturated
from dreamkeras.training.config import RunConfig
from dreamkeras.training.run_data import with_window

LAYOUT = TableLayout(("y",), weight_column="reads", length=6)


def written(path, reads):
    rows = [f"ACGTA{'ACGT'[row % 4]},{row},{count}" for row, count in enumerate(reads)]
    path.write_text("\n".join(["seq,y,reads", *rows]) + "\n")
    return str(path)


def test_the_effective_number_of_equal_weights_is_their_count():
    assert effective_number(np.full(7, 3e37, np.float32)) == pytest.approx(7)
    assert effective_number(np.array([1e-30, 1, 0])) == pytest.approx(1)


def test_the_effective_number_is_the_variance_of_a_mean_over_that_of_a_weighted_mean():
    weights = np.random.default_rng(0).gamma(0.3, size=50)
    shares = weights / weights.sum()
    assert effective_number(weights) == pytest.approx(1 / np.sum(shares**2))


def test_saturating_weights_are_proportional_to_inverse_variances_of_counts_with_other_noise():
    counts, other, per_count = np.array([1, 3, 20, 5000]), 0.5, 8.0
    inverse = 1 / (other + per_count / counts)
    found = saturated(counts, per_count / other)
    np.testing.assert_allclose(found / found[0], inverse / inverse[0], rtol=1e-6)


def test_no_weight_is_rounded_to_zero():
    assert saturated(np.array([1e-30]), 1e36)[0] > 0


def test_rows_have_saturating_weights_with_the_median_of_the_file(tmp_path):
    path = written(tmp_path / "t.csv", [1, 9, 0, 4, 400])
    found = table_assay(LAYOUT).read(path).weights
    np.testing.assert_allclose(found, [1 / 7.5, 9 / 15.5, 4 / 10.5, 400 / 406.5], rtol=1e-6)
    assert table_assay(dataclasses.replace(LAYOUT, weight="raw")).read(path).weights.tolist() == [1, 9, 4, 400]
    halved = table_assay(dataclasses.replace(LAYOUT, weight_half=9.0)).read(path).weights
    np.testing.assert_allclose(halved, [0.1, 0.5, 4 / 13, 400 / 409], rtol=1e-6)


def test_the_constant_of_a_run_is_computed_without_the_test_fold(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("seq,y,reads,split\n" + "".join(f"ACGT,{w},{w},{'test' if w > 9 else 'train'}\n" for w in (1, 5, 6, 10, 1000)))
    layout = TableLayout(("y",), weight_column="reads", fold_column="split")
    config = RunConfig(data=str(path), assay="table", table=layout, test_fold="test")
    settled = with_window(config).table
    assert settled.weight_half == np.median([1, 5, 6])
    assert with_window(dataclasses.replace(config, test_fold=None)).table.weight_half == np.median([1, 5, 6, 10, 1000])
    assert table_assay(settled).read(str(path)).weights.tolist() == pytest.approx([w / (w + 5) for w in (1, 5, 6, 10, 1000)])


def test_inverse_variances_and_raw_weights_have_no_constant(tmp_path):
    path = written(tmp_path / "t.csv", [1, 9, 4])
    for layout in (TableLayout(("y",), variance_column="reads", length=6), dataclasses.replace(LAYOUT, weight="raw")):
        assert with_window(RunConfig(data=path, assay="table", table=layout)).table.weight_half is None
    inverse = table_assay(TableLayout(("y",), variance_column="reads", length=6)).read(path).weights
    np.testing.assert_allclose(inverse, [1, 1 / 9, 1 / 4], rtol=1e-6)
