"""The final block for profiles, compared with NumPy."""

import numpy as np
import pytest
from keras import ops
from keras_arrays import array, random_array, randomise

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.profile import ProfileFinal

READS = np.random.default_rng(1).poisson(3, (3, 8)).astype(np.float32)
TRUTH = {"expression": np.log1p(READS.sum(1, keepdims=True)), "profile": READS}
OUTPUTS = {"expression": random_array(3, 1), "profile": random_array(3, 8, seed=2)}


def made(positions=8, window=30, kernel_size=5, length=20):
    final = ProfileFinal(positions, window, kernel_size=kernel_size)
    final.build((None, length, 4))
    return randomise(final)


def total_loss(final, *weights):
    truth, outputs = ({name: ops.convert_to_tensor(values) for name, values in part.items()} for part in (TRUTH, OUTPUTS))
    return float(final.total_loss(truth, outputs, *weights))


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


@pytest.mark.parametrize(("length", "kernel_size"), [(20, 5), (20, 15), (8, 5), (10, 9)])
def test_logits_are_the_middle_of_a_wide_convolution(length, kernel_size):
    final, features = made(kernel_size=kernel_size, length=length), random_array(2, length, 4)
    padded = np.pad(features, ((0, 0), (kernel_size // 2, kernel_size // 2), (0, 0)))
    kernel, bias = array(final.profile.kernel)[:, :, 0], array(final.profile.bias)
    whole = np.stack([(padded[:, at : at + kernel_size] * kernel).sum((1, 2)) for at in range(length)], axis=1) + bias
    first = (length - 8) // 2
    np.testing.assert_allclose(array(final(features)["profile"]), whole[:, first : first + 8], atol=1e-4)


def test_counts_are_a_dense_layer_on_the_mean_of_all_positions():
    final, features = made(), random_array(2, 20, 4)
    final.fit_scale(np.log1p(np.array([[10.0], [20], [60]], np.float32)))
    raw = features.mean(1) @ array(final.counts.kernel) + array(final.counts.bias)
    logs = np.log([11, 21, 61])
    np.testing.assert_allclose(array(final(features)["expression"]), raw * logs.std() + logs.mean(), atol=1e-4)


def test_the_loss_is_the_scaled_likelihood_of_the_reads_plus_the_error_of_the_log_reads():
    final = made()
    final.fit_scale(np.log1p(np.array([[10.0], [20], [60]], np.float32)))
    surprise = -(READS * log_softmax(OUTPUTS["profile"])).sum(1)
    error = (TRUTH["expression"] - OUTPUTS["expression"])[:, 0] ** 2
    assert total_loss(final) == pytest.approx((surprise / 20 + 0.1 * error).mean(), rel=1e-5)
    weights = np.array([2, 0, 1], np.float32)
    assert total_loss(final, ops.convert_to_tensor(weights)) == pytest.approx(((surprise / 20 + 0.1 * error) * weights).mean(), rel=1e-5)


def test_a_median_of_zero_reads_does_not_divide_by_zero():
    final = made()
    final.fit_scale(np.zeros((3, 1), np.float32))
    assert float(array(final.reads)) == 1


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (6, "Expected features with 8 to 30 positions, got 6"),
        (9, "Cannot centre a profile of 8 positions in 9 positions"),
        (32, "Expected features with 8 to 30 positions, got 32"),
    ],
)
def test_features_in_which_the_profile_cannot_be_centred_are_rejected(length, message):
    with pytest.raises(ValueError, match=message):
        made(length=length)


def test_an_assay_without_a_profile_is_rejected():
    final = ProfileFinal.for_assay(find_assay("atac", AtacLayout("genome.fa", "reads.bw", length=300, profile_length=100)))
    assert (final.positions, final.window) == (100, 300)
    with pytest.raises(ModelError, match="Expected an assay with a profile for ProfileFinal, got yeast"):
        ProfileFinal.for_assay(find_assay("yeast"))
