"""EnzymeBias: a bias network inside another network."""

import dataclasses

import keras
import numpy as np
import pytest
from profile_network import CONSTRUCT, build_profile_network, windows
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import ModelError
from dreamkeras.models.bias import _log_sum, check_bias

QUIET = windows(12, margin=0)
INPUTS = {"letters": QUIET.letters, "flags": QUIET.flags}


@pytest.fixture(scope="module")
def parts():
    """Returns a network, a bias network, and the first network with the second as its bias."""
    body, bias = build_profile_network(1), build_profile_network(2)
    return body, bias, body.with_options(bias=bias)


def answers(network):
    return network.predict_on_batch(INPUTS)


def test_logits_and_reads_add_up(parts):
    body, bias, both = map(answers, parts)
    np.testing.assert_allclose(both["profile"], body["profile"] + bias["profile"], atol=1e-5)
    np.testing.assert_allclose(np.exp(both["expression"]), np.exp(body["expression"]) + np.exp(bias["expression"]), rtol=1e-5)


def test_logarithms_of_many_reads_do_not_overflow():
    one, other = np.array([200, 100, -200, 100, 1], np.float32), np.array([100, 200, -200, 100, 2], np.float32)
    summed = keras.ops.convert_to_numpy(_log_sum(*map(keras.ops.convert_to_tensor, (one, other))))
    np.testing.assert_allclose(summed, np.logaddexp(one, other), rtol=1e-6)


def test_only_the_surrounding_network_is_trained(parts):
    body, bias, both = parts
    assert {id(weight) for weight in both.trainable_weights} == {id(weight) for weight in body.trainable_weights}
    assert {id(weight) for weight in bias.weights} <= {id(weight) for weight in both.weights}


def test_fit_level_matches_the_mean_outside_peaks(parts):
    network = build_profile_network(1).with_options(bias=build_profile_network(2))
    network.bias.fit_level(QUIET.letters, QUIET.targets)
    shifted = parts[1].predictor().predict(QUIET.letters, verbose=0)[:, :1] + float(network.bias.shift)
    assert shifted.mean() == pytest.approx(QUIET.targets.mean(), abs=1e-4)


def test_fit_level_without_windows_is_an_error():
    network = build_profile_network(1).with_options(bias=build_profile_network(2))
    with pytest.raises(ModelError, match="Expected windows outside peaks in the training data"):
        network.bias.fit_level(QUIET.letters[:0], QUIET.targets[:0])


def test_a_saved_network_includes_its_bias(parts, tmp_path):
    both = parts[2]
    both.bias.shift.assign(0.7)
    both.save(tmp_path / "both.keras")
    again = keras.saving.load_model(tmp_path / "both.keras", compile=False)
    for name, values in answers(both).items():
        np.testing.assert_allclose(answers(again)[name], values, atol=1e-6)
    assert float(again.bias.shift) == pytest.approx(0.7)


def test_a_bias_with_a_shorter_window_reads_the_middle():
    bias = build_profile_network(2, construct=dataclasses.replace(CONSTRUCT, length=40))
    both, body = build_profile_network(1).with_options(bias=bias), build_profile_network(1)
    alone = bias.predict_on_batch({**INPUTS, "letters": QUIET.letters[:, 10:50]})
    np.testing.assert_allclose(answers(both)["profile"], answers(body)["profile"] + alone["profile"], atol=1e-5)


def test_a_bias_that_does_not_fit_the_network_is_rejected():
    bias = build_profile_network(2)
    with pytest.raises(ModelError, match="window can be centred in 50 bases, got tiny-profile with a window of 60 bases"):
        check_bias(bias, dataclasses.replace(CONSTRUCT, length=50), 20)
    with pytest.raises(ModelError, match=r"bias network with a profile of 30 positions, got tiny-profile with a profile of 20 positions"):
        check_bias(bias, CONSTRUCT, 30)
    with pytest.raises(ModelError, match=r"with a profile of 20 positions, got tiny without a profile"):
        check_bias(tiny(find_assay("yeast")), CONSTRUCT, 20)
    with pytest.raises(ModelError, match=r"flags of the surrounding network \(is_reverse\), got tiny-profile \(no flags\)"):
        check_bias(bias, dataclasses.replace(CONSTRUCT, flags=("is_reverse",)), 20)
