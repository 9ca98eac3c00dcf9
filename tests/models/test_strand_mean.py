"""StrandMean on profiles. `test_prixfixe` tests the mean of expression values."""

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
    """Returns counts and probabilities for the strand as given."""
    outputs = network.predict_on_batch({"letters": letters, "flags": EXAMPLES.flags})
    powers = np.exp(outputs["profile"] - outputs["profile"].max(axis=1, keepdims=True))
    return outputs["expression"], powers / powers.sum(axis=1, keepdims=True)


def test_a_profile_is_the_mean_over_strands_with_the_reverse_strand_reversed(network):
    (counts, profile), (other_counts, other) = (
        strand(network, letters) for letters in (EXAMPLES.letters, reverse_complement(EXAMPLES.letters))
    )
    columns = network.predictor().predict_on_batch(EXAMPLES.letters)
    assert columns.shape == (9, 1 + POSITIONS)
    np.testing.assert_allclose(columns[:, :1], (counts + other_counts) / 2, atol=1e-5)
    np.testing.assert_allclose(columns[:, 1:], (profile + other[:, ::-1]) / 2, atol=1e-6)
    np.testing.assert_allclose(columns[:, 1:].sum(axis=1), 1, atol=1e-5)


def test_the_profile_of_the_reverse_complement_is_reversed(network):
    predict = network.predictor().predict_on_batch
    columns, other = predict(EXAMPLES.letters), predict(reverse_complement(EXAMPLES.letters))
    np.testing.assert_allclose(other[:, 1:], columns[:, :0:-1], atol=1e-6)


def test_output_shapes_are_known_before_computing(network):
    assert StrandMean(network).compute_output_shape((None, CONSTRUCT.length)) == {"expression": (None, 1), "profile": (None, POSITIONS)}


def test_test_shifts_with_a_profile_are_rejected(network):
    with pytest.raises(ModelError, match="Test shifts are not available for a network with a profile"):
        network.with_options(test_shifts=2)
