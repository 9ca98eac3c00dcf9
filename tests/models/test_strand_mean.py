"""What a network answers for letters alone; `test_prixfixe` has the mean of values, here is that of profiles."""

import numpy as np
import pytest
from profile_network import CONSTRUCT, POSITIONS, build_profile_network, windows

from dreamkeras.errors import ModelError
from dreamkeras.models.strand_mean import StrandMean
from dreamkeras.sequence.alphabet import reverse_complement

EXAMPLES = windows(9, margin=0)


@pytest.fixture(scope="module")
def network():
    return build_profile_network()


def strand(network, letters):
    """Counts and probabilities of a strand as it is given."""
    outputs = network.predict_on_batch({"letters": letters, "flags": EXAMPLES.flags})
    powers = np.exp(outputs["profile"] - outputs["profile"].max(axis=1, keepdims=True))
    return outputs["expression"], powers / powers.sum(axis=1, keepdims=True)


def test_a_profile_is_the_mean_of_both_strands_the_other_turned_round(network):
    (counts, profile), (other_counts, other) = (
        strand(network, letters) for letters in (EXAMPLES.letters, reverse_complement(EXAMPLES.letters))
    )
    columns = network.predictor().predict_on_batch(EXAMPLES.letters)
    assert columns.shape == (9, 1 + POSITIONS)
    np.testing.assert_allclose(columns[:, :1], (counts + other_counts) / 2, atol=1e-5)
    np.testing.assert_allclose(columns[:, 1:], (profile + other[:, ::-1]) / 2, atol=1e-6)
    np.testing.assert_allclose(columns[:, 1:].sum(axis=1), 1, atol=1e-5)


def test_the_other_strand_gets_the_same_answer_turned_round(network):
    predict = network.predictor().predict_on_batch
    columns, other = predict(EXAMPLES.letters), predict(reverse_complement(EXAMPLES.letters))
    np.testing.assert_allclose(other[:, 1:], columns[:, :0:-1], atol=1e-6)


def test_shapes_are_told_before_anything_is_computed(network):
    assert StrandMean(network).compute_output_shape((None, CONSTRUCT.length)) == {"expression": (None, 1), "profile": (None, POSITIONS)}


def test_profiles_have_no_test_shifts(network):
    with pytest.raises(ModelError, match="Expected no test shifts of a network that answers a profile"):
        network.with_options(test_shifts=2)
