import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import PLAIN, WeightSum

from dreamkeras.confidence.background import KINDS, SEQUENCES, Background, effect_percentile, measure_background, percentiles
from dreamkeras.errors import InputError, ModelError
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

INSERTS = Ragged.from_strings(["ACGTACGTACGT", "TTTTGGGG", "CCNCCC"] * 5)


class Recorder(WeightSum):
    """Scorer that records the windows it scores."""

    def __init__(self, *args):
        super().__init__(*args)
        self.windows = []

    def score_windows(self, windows, batch_size=64, progress=None):
        self.windows.append(windows[0].copy())
        return super().score_windows(windows, batch_size, progress)


@pytest.fixture(scope="module")
def measured():
    scorer = Recorder(PLAIN, 2)
    return scorer, measure_background(scorer, INSERTS)


class TestPercentiles:
    @given(st.lists(st.integers(0, 20), min_size=2, max_size=40), st.integers(-1, 21))
    def test_of_equal_values_is_their_mean_percentile(self, row, value):
        """With one quantile per observation, the percentile lies between the shares of steps below and not above."""
        row = sorted(row)
        found = percentiles(np.array([row], float), np.array([[float(value)]]))[0, 0]
        steps = len(row) - 1
        equal = [place for place, other in enumerate(row) if other == value]
        if equal:
            assert found == pytest.approx(100 * np.mean(equal) / steps, abs=1e-4)
        else:
            below = sum(other < value for other in row)
            assert 100 * max(below - 1, 0) / steps - 1e-4 <= found <= 100 * min(below, steps) / steps + 1e-4

    @given(st.lists(st.floats(-1000, 1000, width=16), min_size=2, max_size=60, unique=True))
    def test_between_quantiles_equals_interpolation_by_numpy(self, row):
        row, values = np.sort(row), np.linspace(-1100, 1100, 57)
        values = values[~np.isin(values, row)]
        wanted = np.interp(values, row, np.linspace(0, 100, len(row)))
        np.testing.assert_allclose(percentiles(row[None], values[:, None])[:, 0], wanted, atol=1e-4)

    def test_of_nan_is_nan(self):
        assert np.isnan(percentiles(np.array([[0.0, 1.0]]), np.array([[np.nan]]))).all()

    def test_each_task_has_a_separate_distribution(self):
        quantiles = np.array([[0.0, 10.0], [0.0, 100.0]])
        np.testing.assert_allclose(percentiles(quantiles, np.array([[5.0, 5.0]])), [[50, 5]])


class TestMeasure:
    def test_quantiles_are_those_of_the_predictions(self, measured):
        scorer, found = measured
        drawn, shuffled, changed = (np.einsum("nlb,lbt->nt", ONE_HOT[letters], scorer.weights) for letters in scorer.windows)
        steps = np.linspace(0, 1, 201)
        np.testing.assert_allclose(found.random, np.quantile(drawn, steps, axis=0).T, atol=1e-5)
        np.testing.assert_allclose(found.shuffled, np.quantile(shuffled, steps, axis=0).T, atol=1e-5)
        np.testing.assert_allclose(found.effects, np.quantile(abs(changed - shuffled), steps, axis=0).T, atol=1e-5)

    def test_random_sequences_have_the_lengths_and_bases_of_the_inserts(self, measured):
        drawn = measured[0].windows[0]
        assert len(drawn) == SEQUENCES
        assert set((drawn != ord("N")).sum(1)) == {6, 8, 12}
        counts = np.bincount(drawn.ravel(), minlength=256)[list(b"ACGT")]
        np.testing.assert_allclose(counts / counts.sum(), np.array([3, 8, 7, 7]) / 25, atol=0.03)

    def test_shuffled_sequences_have_the_dinucleotides_of_inserts(self, measured):
        kept = {tuple(sorted(INSERTS[row])) for row in range(3)}
        texts = [row.tobytes().decode()[: max(6, len(row.tobytes().rstrip(b"N")))] for row in measured[0].windows[1]]
        assert {tuple(sorted(text)) for text in texts} == kept

    def test_effects_are_those_of_one_base_change(self, measured):
        _, shuffled, changed = measured[0].windows
        apart = shuffled != changed
        assert (apart.sum(1) == 1).all()
        assert set(np.unique(changed[apart])) == set(b"ACGT")
        assert np.unique(np.nonzero(apart)[1]).size == 12

    def test_result_depends_only_on_the_seed(self):
        one, again, other = (measure_background(WeightSum(), INSERTS, seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one.random, again.random)
        assert not np.array_equal(one.random, other.random)

    def test_fewer_sequences_are_used_for_long_windows(self):
        long = Construct("long", length=4096, alignment="left", strands="given")
        assert measure_background(WeightSum(long), INSERTS).sequences == 128

    def test_a_smaller_number_of_sequences_can_be_chosen(self):
        assert measure_background(WeightSum(), INSERTS, sequences=20).sequences == 20

    def test_inserts_without_known_bases_are_refused(self):
        with pytest.raises(InputError, match="no insert of the training data has a known base"):
            measure_background(WeightSum(), Ragged.from_strings(["NNNN"]))


class TestBackground:
    def test_percentiles_of_fresh_random_sequences_are_uniform(self):
        random = np.random.default_rng(0)
        inserts, fresh = (Ragged.from_lengths(random.choice(list(b"ACGT"), 36_000).astype(np.uint8), np.full(3000, 12)) for _ in range(2))
        scorer = WeightSum(PLAIN, 2)
        values = scorer.score_letters(PLAIN.windows(fresh))
        for column in measure_background(scorer, inserts).percentiles(values).T:
            counts = np.histogram(column, np.linspace(0, 100, 11))[0]
            assert abs(counts - 300).max() < 100  # both samples are random: four standard deviations

    def test_percentile_is_the_mean_of_both_kinds(self):
        found = Background(3, np.array([[0.0, 1, 2]]), np.array([[1.0, 2, 3]]), np.array([[0.0, 4, 8]]))
        np.testing.assert_allclose(found.percentiles(np.array([[1.5], [9], [-9]])), [[50], [100], [0]])

    def test_effect_percentiles_depend_on_absolute_values(self):
        found = Background(3, np.array([[0.0, 1, 2]]), np.array([[1.0, 2, 3]]), np.array([[0.0, 4, 8]]))
        np.testing.assert_allclose(found.effect_percentiles(np.array([[2.0], [-2], [-9]])), [[25], [25], [100]])

    def test_json_round_trip_by_the_names_of_tasks(self, measured):
        scorer, found = measured
        fields = json.loads(json.dumps(found.to_json(scorer.tasks)))
        again = Background.from_json(fields, scorer.tasks[::-1])
        for kind in KINDS:
            np.testing.assert_allclose(getattr(again, kind), getattr(found, kind)[::-1], rtol=1e-6)

    @pytest.mark.parametrize("change", [{"random": {}}, {"effects": {"x": [1]}}, {"sequences": "many"}, {"shuffled": 3}])
    def test_malformed_fields_are_refused(self, change):
        quantiles = {kind: {"x": [0, 1]} for kind in KINDS}
        assert Background.from_json({"sequences": 1, **quantiles}, ("x",)).sequences == 1
        with pytest.raises(ModelError, match="background"):
            Background.from_json({"sequences": 1, **quantiles, **change}, ("x",))


def test_variants_have_a_column_with_the_percentile_of_the_mean_effect():
    class Knowing(WeightSum):
        @property
        def calibration(self):
            return {"background": {"sequences": 3, **{kind: {"task 0": [0, 2, 4]} for kind in KINDS}}}

    column = effect_percentile(Knowing())
    ref, alt = np.zeros((2, 2, 1)), np.array([[[1.0], [3]], [[-1], [-1]]])  # two members
    np.testing.assert_allclose(column.values(ref, alt), [[50], [25]])
    assert column.name == "effect_percentile"
    with pytest.raises(ModelError, match=r"The model weight sum has no background in its calibration\."):
        effect_percentile(WeightSum())
