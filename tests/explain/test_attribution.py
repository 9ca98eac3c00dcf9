import numpy as np
from random_attributions import attribution


def test_importance_is_the_score_of_the_sequence_letter():
    found = attribution("ACgt", "TN")
    wanted = [found.scores[row, base] for row, base in enumerate([0, 1, 2, 3, 3])]
    np.testing.assert_array_equal(found.importance()[:5], wanted)
    np.testing.assert_array_equal(found.importance()[5], 0)


def test_importance_of_an_ambiguity_code_is_the_mean_over_its_bases():
    found = attribution("AR")
    np.testing.assert_allclose(found.importance()[1], found.scores[1, [0, 2]].mean(axis=0), rtol=1e-6)


def test_hypothetical_contributions_are_the_scores():
    found = attribution("ACGT")
    assert found.hypothetical() is found.scores


def test_completeness_error_is_the_sum_of_contributions_minus_the_difference():
    found = attribution("ACG", "", "TTGCA")
    importance = found.importance()
    sums = np.array([importance[:3].sum(0), np.zeros(2), importance[3:].sum(0)])
    np.testing.assert_allclose(found.completeness_error(), sums - (found.reference - found.baseline), atol=1e-6)


def test_no_sequences_have_no_errors():
    assert attribution().completeness_error().shape == (0, 2)
