import numpy as np
import pytest
from weight_sum import PLAIN, WeightSum

from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.variants import scoring as module
from dreamkeras.variants.effects import Column
from dreamkeras.variants.scoring import AlleleWindows, VariantScorer
from dreamkeras.variants.status import Status

LETTERS = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (2, 3, 7, PLAIN.length))
"""Letters of two alleles in three copies of seven rows."""

SCORED = np.array([0, 2, 3, 6])


def allele_windows(letters=LETTERS, scored=SCORED):
    statuses = np.full(letters.shape[2], Status.OUTSIDE, np.uint8)
    statuses[scored] = Status.OK
    return AlleleWindows(statuses, lambda rows: [letters[:, :, rows].reshape(-1, PLAIN.length)], letters.shape[1])


def by_hand(predictor, letters=LETTERS):
    """float32 (2, rows, tasks): the mean over copies."""
    flat = predictor.score_letters(letters.reshape(-1, PLAIN.length))
    return flat.reshape(*letters.shape[:3], -1).mean(axis=1)


def test_values_of_ok_rows_are_means_over_copies():
    predictor = WeightSum(tasks=2)
    found = VariantScorer(predictor).score(allele_windows())
    ref, alt = by_hand(predictor)
    wanted = np.stack([ref, alt, alt - ref], axis=2).reshape(7, 6)
    np.testing.assert_allclose(found.values[SCORED], wanted[SCORED], atol=1e-5)
    assert np.isnan(np.delete(found.values, SCORED, axis=0)).all()
    np.testing.assert_array_equal(found.statuses, allele_windows().statuses)


def test_effects_are_computed_for_each_member():
    members = [WeightSum(seed=seed) for seed in range(3)]
    scorer = VariantScorer(Ensemble(members))
    values = scorer.score(allele_windows()).values[SCORED]
    effects = np.array([np.subtract(*by_hand(member)[::-1]) for member in members])[:, SCORED, 0]
    assert scorer.names == ("task 0_ref", "task 0_alt", "task 0_effect", "task 0_effect_sd", "task 0_agreement")
    np.testing.assert_allclose(values[:, 2], effects.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(values[:, 3], effects.std(axis=0, ddof=1), atol=1e-5)
    np.testing.assert_array_equal(values[:, 4], (np.sign(effects) == np.sign(effects.mean(axis=0))).mean(axis=0).astype(np.float32))


def test_no_window_is_scored_twice():
    predictor = WeightSum()
    same = LETTERS.copy()
    same[0] = same[0, :1, :1]  # all rows have one reference
    same[1, :, 6] = same[1, :, 2]
    VariantScorer(predictor).score(allele_windows(same))
    assert predictor.asked == 1 + 3 * 3


@pytest.mark.parametrize("letters", [1, 12 * 6, 12 * 12, 1 << 20])
def test_values_do_not_depend_on_the_number_of_windows_at_a_time(monkeypatch, letters):
    whole = VariantScorer(WeightSum()).score(allele_windows()).values
    monkeypatch.setattr(module, "AT_ONCE", letters)
    made = []
    asked = allele_windows()
    counting = asked._replace(windows=lambda rows: made.append(len(rows)) or asked.windows(rows))
    np.testing.assert_array_equal(VariantScorer(WeightSum()).score(counting).values, whole)
    assert made == {1: [1] * 4, 72: [1] * 4, 144: [2, 2]}.get(letters, [4])


def test_a_batch_without_ok_rows_is_not_scored():
    predictor = WeightSum()
    found = VariantScorer(predictor).score(allele_windows(scored=np.array([], int)))
    assert (found.values.shape, np.isnan(found.values).all(), predictor.asked) == ((7, 3), True, 0)


def test_additional_columns_follow_the_others_of_each_task():
    ratio = Column("ratio", lambda ref, alt: alt.mean(axis=1) / ref.mean(axis=1), "Ratio of {task}")
    scorer = VariantScorer(WeightSum(tasks=2), more=[ratio])
    values = scorer.score(allele_windows()).values[SCORED]
    assert [name.split("_")[-1] for name in scorer.names] == ["ref", "alt", "effect", "ratio"] * 2
    np.testing.assert_allclose(values[:, 3], values[:, 1] / values[:, 0], rtol=1e-5)
