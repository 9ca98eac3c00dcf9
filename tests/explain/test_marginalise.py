import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.errors import InputError
from dreamkeras.explain.marginalise import marginalise, random_inserts
from dreamkeras.explain.motif_sites import Site, arrange, arrange_pair
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.ragged import Ragged

BACKGROUNDS = random_inserts(40, 12, 0.5, seed=3)


class Product(WeightSum):
    """Square of a weight sum, so that motifs interact."""

    def score_windows(self, windows, batch_size=64, progress=None):
        return super().score_windows(windows, batch_size, progress) ** 2


def motif_effect(predictor, motif, position, backgrounds=BACKGROUNDS):
    """Returns the weights of a motif minus those of the letters it replaces, (backgrounds, tasks)."""
    rows = []
    for index in range(len(backgrounds)):
        old = backgrounds[index][position : position + len(motif)]
        pairs = enumerate(zip(motif, old, strict=True), position)
        rows.append(
            sum(predictor.weights[place, BASES.index(new)] - predictor.weights[place, BASES.index(was)] for place, (new, was) in pairs)
        )
    return np.array(rows)


def test_effects_on_a_weight_sum_are_differences_of_weights():
    predictor = WeightSum(tasks=2)
    found = marginalise(["TGAC"], arrange([0, 3, 8]), BACKGROUNDS, predictor)
    for effects, (site,) in zip(found.effects, found.arrangements, strict=True):
        motif = "GTCA" if site.reverse else "TGAC"
        np.testing.assert_allclose(effects, motif_effect(predictor, motif, site.position), atol=2e-6)
    np.testing.assert_allclose(found.alone[:, 0], found.effects)


def test_effects_of_two_motifs_on_a_weight_sum_are_additive():
    predictor = WeightSum()
    found = marginalise(["TGA", "CC"], arrange_pair(["TGA", "CC"], [1], [0, 4], "+"), BACKGROUNDS, predictor)
    one, two = motif_effect(predictor, "TGA", 1), motif_effect(predictor, "CC", 8)
    np.testing.assert_allclose(found.effects[1], one + two, atol=2e-6)
    np.testing.assert_allclose(found.alone[1], [one, two], atol=2e-6)
    np.testing.assert_allclose(found.interaction(), 0, atol=3e-6)


def test_the_interaction_in_a_square_is_twice_the_product():
    predictor, linear = Product(), WeightSum()
    found = marginalise(["TGA", "CC"], arrange_pair(["TGA", "CC"], [1], [4], "+"), BACKGROUNDS, predictor)
    wanted = 2 * motif_effect(linear, "TGA", 1) * motif_effect(linear, "CC", 8)
    np.testing.assert_allclose(found.interaction()[0], wanted, atol=1e-4)


def test_ambiguous_letters_are_the_same_in_all_arrangements():
    predictor = WeightSum()
    predictor.weights[:] = np.array([0.0, 1, 2, 3])[:, None]
    backgrounds = Ragged.from_strings(["A" * 12] * 20)
    effects = marginalise(["NWSN"], arrange([0, 5], "+"), backgrounds, predictor, seed=4).effects
    np.testing.assert_array_equal(effects[0], effects[1])
    assert set(effects.ravel().tolist()) == {1.0, 2.0, 4.0, 5.0}  # A or T, C or G


def test_each_arrangement_is_scored_once():
    predictor = WeightSum()
    marginalise(["TGA", "CC"], arrange_pair(["TGA", "CC"], [1], [0, 4], "+"), BACKGROUNDS, predictor)
    assert predictor.asked == 40 * (1 + 1 + 2 + 2)  # backgrounds, first motif, second motif at two positions, both motifs at two spacings


def test_means_have_intervals_that_shrink_with_backgrounds():
    predictor = WeightSum()
    widths = []
    for number in (50, 800):
        found = marginalise(["TGAC"], arrange([3], "+"), random_inserts(number, 12), predictor)
        summary = found.summary(found.effects)
        np.testing.assert_allclose(summary.mean, found.effects.mean(axis=1, dtype=np.float64))
        assert summary.low < summary.mean < summary.high
        deviation = found.effects.std() / np.sqrt(number)
        np.testing.assert_allclose((summary.high - summary.low) / 2, 1.96 * deviation, rtol=0.15)
        widths.append((summary.high - summary.low).item())
    assert widths[1] < widths[0] / 2


def test_summaries_have_the_shape_of_arrangements_and_tasks():
    found = marginalise(["TG"], arrange(range(5)), BACKGROUNDS, WeightSum(tasks=3))
    assert [part.shape for part in found.summary(found.effects, draws=20)] == [(10, 3)] * 3


def test_an_ensembles_effects_are_the_mean_of_its_members():
    members = [WeightSum(seed=seed) for seed in (1, 2)]
    together = marginalise(["TGA"], arrange([2]), BACKGROUNDS, Ensemble(members)).effects
    alone = [marginalise(["TGA"], arrange([2]), BACKGROUNDS, member).effects for member in members]
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=2e-6)


def test_random_inserts_have_the_given_gc_content():
    found = random_inserts(500, 80, 0.3, seed=1)
    assert found.lengths.tolist() == [80] * 500
    assert abs(np.isin(found.flat, np.frombuffer(b"GC", np.uint8)).mean() - 0.3) < 0.01
    assert len({found[i] for i in range(500)}) == 500
    np.testing.assert_array_equal(found.flat, random_inserts(500, 80, 0.3, seed=1).flat)


@pytest.mark.parametrize(
    ("motifs", "arrangements", "backgrounds", "message"),
    [
        (["TGA"], arrange([10]), BACKGROUNDS, "Motif TGA at positions 11 to 13 is outside the shortest background, which has 12 letters"),
        (["TGA"], [(Site(0, -1, False),)], BACKGROUNDS, "Motif TGA at positions 0 to 2 is outside"),
        (["TGA"], arrange([0]), Ragged.from_strings([]), "at least one background, got none"),
        (["TGA"], arrange([0]), Ragged.from_strings(["ACGT", "A" * 13]), "got 13 in background 2"),
        (["T!"], arrange([0]), BACKGROUNDS, "Expected a motif"),
    ],
)
def test_invalid_arguments_are_refused(motifs, arrangements, backgrounds, message):
    with pytest.raises(InputError, match=message):
        marginalise(motifs, arrangements, backgrounds, WeightSum())


def test_gc_content_must_be_from_0_to_1():
    with pytest.raises(InputError, match="from 0 to 1, got 50"):
        random_inserts(1, 10, 50)
