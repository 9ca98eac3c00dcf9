import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.confidence import measure as measuring
from dreamkeras.confidence.background import Background
from dreamkeras.confidence.familiarity import Familiarity
from dreamkeras.confidence.intervals import Intervals, measure_intervals
from dreamkeras.confidence.measure import measure_calibration, sample_inserts
from dreamkeras.data.simulation.library import examples, simulate
from dreamkeras.sequence.construct import YEAST


@pytest.fixture(scope="module")
def library():
    return simulate(2000, seed=3)


def inserts_of(library):
    left, right = len(YEAST.left_adapter), len(YEAST.right_adapter)
    return [library.sequences[row][left:-right] for row in range(len(library.values))]


class TestInserts:
    def test_are_the_letters_between_the_adapters(self, library):
        found = sample_inserts(examples(library), YEAST)
        assert [found[row] for row in range(len(found))] == inserts_of(library)

    def test_a_random_sample_is_drawn_from_many_sequences(self, library, monkeypatch):
        monkeypatch.setattr(measuring, "SAMPLE", 100)
        first, again, other = (sample_inserts(examples(library), YEAST, seed) for seed in (0, 0, 1))
        texts = [first[row] for row in range(len(first))]
        assert len(set(texts)) == 100
        assert set(texts) <= set(inserts_of(library))
        assert first.flat.tobytes() == again.flat.tobytes() != other.flat.tobytes()


def test_parts_can_be_read_by_their_modules(library):
    scorer = WeightSum(YEAST)
    calibration = measure_intervals(np.arange(40.0)[:, None], np.zeros((40, 1)), scorer.tasks)
    inserts = sample_inserts(examples(library), YEAST)
    found = measure_calibration(scorer, calibration, inserts)
    assert list(found) == ["intervals", "background", "familiarity"]
    assert Intervals.from_json(found["intervals"], scorer.tasks).residuals["task 0"].n == 40
    assert Background.from_json(found["background"], scorer.tasks).sequences == 1000
    assert Familiarity.from_json(found["familiarity"]).sequences == 2000


def test_intervals_have_the_nominal_coverage_with_known_noise(library):
    """With normal noise, 90 % intervals have a half width of 1.645 standard deviations and cover 90 % of new measurements."""
    scorer, random = WeightSum(YEAST), np.random.default_rng(0)
    predicted = scorer.score_letters(YEAST.windows(library.sequences))
    measured = predicted + 2 * random.standard_normal(predicted.shape)
    found = measure_intervals(measured[:1000], predicted[:1000], scorer.tasks)
    assert found.half_widths(0.9)[0] == pytest.approx(2 * 1.645, rel=0.08)
    low, high = found.bounds(predicted[1000:], 0.9)
    assert 0.87 < ((measured[1000:] >= low) & (measured[1000:] <= high)).mean() < 0.93
