"""Tests of notes on units, peaks, overlap with training data and undefined metrics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.examples import Examples
from dreamkeras.evaluation.evaluate import evaluate
from dreamkeras.evaluation.notes import Units, overlap_notes, remarks, undefined_notes
from dreamkeras.evaluation.training_data import TrainingData

YEAST = find_assay("yeast")


def examples(targets, **fields):
    targets = np.asarray(targets, np.float32).reshape(len(targets), -1)
    n = len(targets)
    return Examples(
        [str(i) for i in range(n)], np.full((n, 5), 65, np.uint8), targets, np.zeros((n, 0), np.float32), np.full(n, 5, np.int32), **fields
    )


@given(st.lists(st.sampled_from([-0.1, 0.0, 8.5, 17.0, 17.1, np.nan]), min_size=1, max_size=40))
def test_units_depend_on_the_share_of_values_within_the_bins(values):
    inside, outside = (sum(value in kind for value in values) for kind in ((0.0, 8.5, 17.0), (-0.1, 17.1)))
    units = Units.of(YEAST, np.array(values)[:, None])
    assert (units.outside, units.values) == (outside, inside + outside)
    assert units.are_the_models is (inside >= 3 * outside)
    assert len(units.notes("x")) == (outside > 0)


def test_outliers_are_counted_and_other_units_named():
    (one,) = Units(3, 200, 18).notes("t.tsv")
    found = "3 of the 200 measured values in t.tsv are outside 0 to 17, the range of the bins"
    assert one == f"{found}. All metrics include the values outside the range."
    (other,) = Units(120, 200, 18).notes("t.tsv")
    assert "outside 0 to 17" in other
    assert "so the values are not in the model's units. Correlations are still valid; mean squared errors are omitted." in other


def test_values_of_an_assay_without_bins_are_not_checked():
    units = Units.of(find_assay("lentimpra"), np.array([[-1e9], [1e9]]))
    assert (units.are_the_models, units.notes("x")) == (True, [])


def test_remarks_on_non_peaks_and_skipped_rows():
    found = examples([1, 2, 3, 4], is_peak=np.array([True, True, False, False]), remarks=("Centred.",))
    assert remarks(found, "a/p.bed") == [
        "Centred.",
        "2 of the 4 windows are non-peaks, which were added to the 2 peaks in p.bed. Metrics are reported for peaks and for all windows.",
    ]
    assert remarks(examples([1, 2, 3], left_out={"without a value": 2}), "a/t.tsv") == ["Read 5 rows of t.tsv; skipped 2 without a value."]
    assert remarks(examples([1]), "-") == ["Read 1 row of standard input."]
    assert remarks(examples([1, 2], is_peak=np.ones(2, bool)), "p.bed") == []


def test_note_on_missing_training_data(tmp_path):
    known = {"m": TrainingData("yeast", None, str(tmp_path / "gone.tsv")), "n": TrainingData("yeast", None, None), "o": None}
    assert overlap_notes(known, examples([1]), "t") == [
        f"m: {tmp_path}/gone.tsv does not exist, so overlap with the training data was not checked."
    ]


OPPOSITE = "The replicates of t do not correlate (r -1.000): the noise ceiling is undefined."
CONSTANT = "No two replicates of t vary and share 2 or more sequences: the noise ceiling is undefined."


@pytest.mark.parametrize(("measured", "predicted", "replicates", "notes"), [
    ([1, 2, 3, 4], [1, 2, 3, 5], None, []),
    ([2, 2, 2, np.nan], [1, 2, 3, 5], None, ["All measured values of t are the same: r and rho are undefined."]),
    ([1, 2, 3, np.nan], [4, 4, 4, 5], None, ["All predictions of t by m are the same: r and rho are undefined."]),
    ([1, 2, 3, 4], [1, 2, 3, 5], [[1, 4], [2, 3], [3, 2], [4, 1]], [OPPOSITE]),
    ([1, 2, 3, 4], [1, 2, 3, 5], [[1, 4], [1, 3], [1, 2], [1, 1]], [CONSTANT]),
])  # fmt: skip
def test_reasons_for_undefined_metrics(measured, predicted, replicates, notes):
    values = None if replicates is None else np.array(replicates, np.float32)[:, None]
    test, models = examples(measured, replicates=values), {"m": np.array(predicted, float)[:, None]}
    found = evaluate(test, ("t",), models, draws=20)
    assert undefined_notes(found, test, ("t",), models) == notes
    undefined = [np.isnan(found.figures["m"]["t"].r.value), *(np.isnan(ceiling.ceiling_r) for ceiling in found.ceilings.values())]
    assert any(undefined) is bool(notes)


def test_reasons_for_undefined_metrics_of_peaks():
    test = examples([1, 1, 3, 4], is_peak=np.array([True, True, False, False]))
    models = {"m": np.arange(4.0)[:, None]}
    found = evaluate(test, ("t",), models, draws=20)
    assert undefined_notes(found, test, ("t",), models) == [
        "All measured values of t among the peaks are the same: r and rho are undefined."
    ]
    assert found.peaks is not None
