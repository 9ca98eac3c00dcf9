"""Notes beside figures: units, peaks, what was seen in training, and why a figure is missing."""

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
def test_the_bulk_of_the_values_decides_the_units(values):
    inside, outside = (sum(value in kind for value in values) for kind in ((0.0, 8.5, 17.0), (-0.1, 17.1)))
    units = Units.of(YEAST, np.array(values)[:, None])
    assert (units.outside, units.values) == (outside, inside + outside)
    assert units.are_the_models is (inside >= 3 * outside)
    assert len(units.notes("x")) == (outside > 0)


def test_outliers_are_counted_and_other_units_named():
    (one,) = Units(3, 200, 18).notes("t.tsv")
    assert one == "3 of the 200 measured values in t.tsv are outside 0 to 17, the range of the bins: all figures include them."
    (other,) = Units(120, 200, 18).notes("t.tsv")
    assert "outside 0 to 17" in other
    assert "not in the model's units. Correlations are unaffected; errors are left out." in other


def test_values_that_are_no_means_of_bins_may_be_anything():
    units = Units.of(find_assay("lentimpra"), np.array([[-1e9], [1e9]]))
    assert (units.are_the_models, units.notes("x")) == (True, [])


def test_non_peaks_and_what_was_left_out_are_told():
    found = examples([1, 2, 3, 4], is_peak=np.array([True, True, False, False]), remarks=("Centred.",))
    assert remarks(found, "a/p.bed") == [
        "Centred.",
        "2 of the 4 windows are non-peaks, which were added to the 2 peaks in p.bed: figures are of the peaks alone, and of all.",
    ]
    assert remarks(examples([1, 2, 3], left_out={"without a value": 2}), "a/t.tsv") == ["Read 5 rows of t.tsv; left out 2 without a value."]
    assert remarks(examples([1]), "-") == ["Read 1 row of standard input."]
    assert remarks(examples([1, 2], is_peak=np.ones(2, bool)), "p.bed") == []


def test_data_that_are_gone_are_told(tmp_path):
    known = {"m": TrainingData("yeast", None, str(tmp_path / "gone.tsv")), "n": TrainingData("yeast", None, None), "o": None}
    assert overlap_notes(known, examples([1]), "t") == [
        f"m: {tmp_path}/gone.tsv is not there, so that no sequence could be compared with those it was trained on."
    ]


OPPOSITE = "The replicates of t do not correlate (r -1.000): the noise ceiling is undefined."
CONSTANT = "No two replicates of t that vary have sequences in common: the noise ceiling is undefined."


@pytest.mark.parametrize(("measured", "predicted", "replicates", "notes"), [
    ([1, 2, 3, 4], [1, 2, 3, 5], None, []),
    ([2, 2, 2, np.nan], [1, 2, 3, 5], None, ["All measured values of t are the same: r and rho are undefined."]),
    ([1, 2, 3, np.nan], [4, 4, 4, 5], None, ["All predictions of t by m are the same: r and rho are undefined."]),
    ([1, 2, 3, 4], [1, 2, 3, 5], [[1, 4], [2, 3], [3, 2], [4, 1]], [OPPOSITE]),
    ([1, 2, 3, 4], [1, 2, 3, 5], [[1, 4], [1, 3], [1, 2], [1, 1]], [CONSTANT]),
])  # fmt: skip
def test_a_missing_figure_has_its_reason(measured, predicted, replicates, notes):
    values = None if replicates is None else np.array(replicates, np.float32)[:, None]
    test, models = examples(measured, replicates=values), {"m": np.array(predicted, float)[:, None]}
    found = evaluate(test, ("t",), models, draws=20)
    assert undefined_notes(found, test, ("t",), models) == notes
    undefined = [np.isnan(found.figures["m"]["t"].r.value), *(np.isnan(ceiling.ceiling_r) for ceiling in found.ceilings.values())]
    assert any(undefined) is bool(notes)


def test_peaks_have_reasons_of_their_own():
    test = examples([1, 1, 3, 4], is_peak=np.array([True, True, False, False]))
    models = {"m": np.arange(4.0)[:, None]}
    found = evaluate(test, ("t",), models, draws=20)
    assert undefined_notes(found, test, ("t",), models) == [
        "All measured values of t among the peaks are the same: r and rho are undefined."
    ]
    assert found.peaks is not None
