import pickle

import numpy as np
import pytest
from calibrated import INSERTS, TEXTS, Knowing, scored
from weight_sum import PLAIN, WeightSum

from dreamkeras.confidence.background import Background
from dreamkeras.confidence.columns import ConfidenceColumns, ScorerWithConfidence
from dreamkeras.confidence.familiarity import LABELS, measure_familiarity
from dreamkeras.confidence.intervals import measure_intervals
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

ALL = ConfidenceColumns(0.9, percentile=True, unusual=True)


def test_no_sequences_have_no_rows():
    """The pipeline scores an empty batch if all windows of a batch were scored before."""
    scorer, nothing = ALL.add_to(Knowing()), Ragged.from_strings([])
    values = scorer.score_windows([PLAIN.windows(nothing)])
    assert scorer.add_columns(values, scorer.text_codes(nothing)).shape == (0, len(scorer.columns))


def test_without_columns_the_scorer_is_returned_unchanged():
    scorer = WeightSum()
    assert ConfidenceColumns().add_to(scorer) is scorer


def test_order_of_added_columns():
    scorer = ALL.add_to(Knowing())
    bounds = ("task 0_low", "task 0_high", "task 1_low", "task 1_high")
    assert scorer.columns == ("task 0", "task 1", *bounds, "task 0_percentile", "task 1_percentile", "unusual")
    assert (scorer.tasks, scorer.units, scorer.name) == (("task 0", "task 1"), ("points", "points"), "weight sum")
    assert scorer.texts == {"unusual": LABELS}


def test_values_equal_those_of_each_part():
    scorer = Knowing()
    values = scored(ALL.add_to(scorer))
    plain = scorer.predict(TEXTS)
    np.testing.assert_allclose(values[:, :2], plain)
    np.testing.assert_allclose(values[:, 2:6], np.stack([plain - 90, plain + 90], axis=2).reshape(4, 4), rtol=1e-6)
    np.testing.assert_allclose(values[:, 6:8], Background.of(scorer).percentiles(plain))
    assert values[:, 8].tolist() == measure_familiarity(INSERTS).codes(Ragged.from_strings(TEXTS)).tolist()
    assert LABELS[int(values[3, 8])].startswith("length")


@pytest.mark.parametrize("confidence", [ConfidenceColumns(0.5), ConfidenceColumns(percentile=True), ConfidenceColumns(unusual=True)])
def test_each_part_alone_has_the_same_values(confidence):
    everything = dict(
        zip(ALL._replace(interval=0.5).add_to(Knowing()).columns, scored(ALL._replace(interval=0.5).add_to(Knowing())).T, strict=True)
    )
    scorer = confidence.add_to(Knowing())
    for name, column in zip(scorer.columns, scored(scorer).T, strict=True):
        np.testing.assert_array_equal(column, everything[name])


def test_a_repeated_window_is_scored_once():
    scorer = Knowing()
    scored(ALL.add_to(scorer))
    assert scorer.asked == 3


def test_records_that_do_not_fit_are_skipped():
    assert len(scored(ALL.add_to(Knowing()), ["ACGT", "A", "ACGT!"], on_error="skip")) == 1


def test_predict_returns_the_predictions_of_the_model():
    np.testing.assert_array_equal(ConfidenceColumns(0.9).add_to(Knowing()).predict(TEXTS), Knowing().predict(TEXTS))
    ensemble = Ensemble([WeightSum(seed=1), WeightSum(seed=2)])
    scorer = ScorerWithConfidence(ensemble, ConfidenceColumns())
    for one, other in zip(scorer.predict_spread(TEXTS), ensemble.predict_spread(TEXTS), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_feature_is_unusual_if_it_is_for_any_member():
    short, long = Knowing(), Knowing(seed=1)
    short.known["familiarity"] = measure_familiarity(Ragged.from_strings(["ACGT", "TTTT", "CCGG", "AACC"])).to_json()
    texts = ["ACGT", INSERTS[0]]
    codes = [
        scored(ConfidenceColumns(unusual=True).add_to(scorer), texts)[:, -1].astype(int)
        for scorer in (short, long, Ensemble([short, long]))
    ]
    assert codes[2].tolist() == (codes[0] | codes[1]).tolist()
    assert codes[0].tolist() != codes[1].tolist()


@pytest.mark.parametrize("turn", [1, -1])
def test_familiarity_of_each_member_uses_the_inserts_of_its_construct(turn):
    """For one construct the insert is the 12 letters between adapters, and for the other all 16 letters."""
    adapted = Construct("adapted", 16, left_adapter="GG", right_adapter="CC", shortest=2, strands="given")
    longer = Construct("longer", 20, alignment="left", shortest=2, strands="given")
    insert = INSERTS[0]
    members = [Knowing(construct=adapted), Knowing(construct=longer)]
    members[1].known["familiarity"] = measure_familiarity(Ragged.from_strings([f"GG{insert}CC"])).to_json()
    values = scored(ConfidenceColumns(unusual=True).add_to(Ensemble(members[::turn])), [f"GG{insert}CC", insert])
    assert LABELS[int(values[0, -1])] == ""
    assert LABELS[int(values[1, -1])].startswith("length")  # for the model that was trained on 16 letters


@pytest.mark.parametrize("confidence", [ConfidenceColumns(0.9), ConfidenceColumns(percentile=True)])
def test_intervals_and_percentiles_of_several_models_are_refused(confidence):
    with pytest.raises(ModelError, match="Expected one model with "):
        confidence.add_to(Ensemble([Knowing(), Knowing()]))


@pytest.mark.parametrize("confidence", [ConfidenceColumns(0.9), ConfidenceColumns(percentile=True), ConfidenceColumns(unusual=True)])
def test_a_model_without_a_calibration_is_refused(confidence):
    with pytest.raises(ModelError, match="Calibrate the model with dreamkeras calibrate"):
        confidence.add_to(WeightSum())


def test_a_calibration_of_other_tasks_is_refused():
    scorer = Knowing()
    scorer.known["intervals"] = measure_intervals(np.ones((99, 1)), np.zeros((99, 1)), ["another"]).to_json()
    with pytest.raises(ModelError, match="Expected intervals for task 0, task 1, got intervals for another"):
        ConfidenceColumns(0.9).add_to(scorer)


def test_intervals_are_assigned_by_the_names_of_tasks():
    scorer, sizes = Knowing(), np.arange(1.0, 100)[:, None] * [1, 100]
    scorer.known["intervals"] = dict(reversed(measure_intervals(sizes, 0 * sizes, scorer.tasks).to_json().items()))
    values = scored(ConfidenceColumns(0.9).add_to(scorer))
    np.testing.assert_allclose(values[:, [3, 5]] - values[:, :2], np.tile([90, 9000], (4, 1)), rtol=1e-5)


def test_level_is_checked_before_anything_is_scored():
    with pytest.raises(InputError, match="between 0 and 1"):
        ConfidenceColumns(95).add_to(Knowing())


def test_scorer_can_be_pickled():
    assert pickle.loads(pickle.dumps(ALL)) == ALL


def test_windows_of_a_construct_are_scored_as_by_the_model():
    letters = PLAIN.windows(Ragged.from_strings(TEXTS))
    scorer = ALL.add_to(Knowing())
    assert scorer.construct is PLAIN
    np.testing.assert_array_equal(scorer.score_letters(letters), Knowing().score_letters(letters))


def test_ensemble_of_scorers_with_columns_is_that_of_their_models():
    models = [Knowing(seed=1), Knowing(seed=2)]
    joined = Ensemble([ALL.add_to(models[0]), ConfidenceColumns(unusual=True).add_to(models[1])])
    assert (joined.columns, joined.texts) == (Ensemble(models).columns, {})
    np.testing.assert_array_equal(scored(joined), scored(Ensemble(models)))


def test_columns_can_be_added_in_steps():
    scorer = ConfidenceColumns(0.9).add_to(ConfidenceColumns(unusual=True).add_to(ConfidenceColumns(percentile=True).add_to(Knowing())))
    found, wanted = dict(zip(scorer.columns, scored(scorer).T, strict=True)), ALL.add_to(Knowing())
    assert (set(found), scorer.texts) == (set(wanted.columns), wanted.texts)
    for name, column in zip(wanted.columns, scored(wanted).T, strict=True):
        np.testing.assert_array_equal(found[name], column)


@pytest.mark.parametrize("confidence", [ConfidenceColumns(0.5), ConfidenceColumns(percentile=True), ConfidenceColumns(unusual=True)])
def test_a_column_cannot_be_added_twice(confidence):
    with pytest.raises(InputError, match="The scorer weight sum already has the column "):
        confidence.add_to(ALL.add_to(Knowing()))
