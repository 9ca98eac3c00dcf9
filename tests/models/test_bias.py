"""The enzyme's bias inside another network."""

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
    """A network, one of the bias, and the first around the second."""
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


def test_only_the_network_around_it_is_trained(parts):
    body, bias, both = parts
    assert {id(weight) for weight in both.trainable_weights} == {id(weight) for weight in body.trainable_weights}
    assert {id(weight) for weight in bias.weights} <= {id(weight) for weight in both.weights}


def test_its_level_becomes_that_of_the_windows_without_peaks(parts):
    network = build_profile_network(1).with_options(bias=build_profile_network(2))
    network.bias.fit_level(QUIET.letters, QUIET.targets)
    shifted = parts[1].predictor().predict(QUIET.letters, verbose=0)[:, :1] + float(network.bias.shift)
    assert shifted.mean() == pytest.approx(QUIET.targets.mean(), abs=1e-4)


def test_without_such_windows_there_is_no_level():
    network = build_profile_network(1).with_options(bias=build_profile_network(2))
    with pytest.raises(ModelError, match="Expected non-peaks in the training data"):
        network.bias.fit_level(QUIET.letters[:0], QUIET.targets[:0])


def test_a_saved_network_brings_its_bias_along(parts, tmp_path):
    both = parts[2]
    both.bias.shift.assign(0.7)
    both.save(tmp_path / "both.keras")
    again = keras.saving.load_model(tmp_path / "both.keras", compile=False)
    for name, values in answers(both).items():
        np.testing.assert_allclose(answers(again)[name], values, atol=1e-6)
    assert float(again.bias.shift) == pytest.approx(0.7)


def test_shorter_windows_are_taken_from_the_middle():
    bias = build_profile_network(2, construct=dataclasses.replace(CONSTRUCT, length=40))
    both, body = build_profile_network(1).with_options(bias=bias), build_profile_network(1)
    alone = bias.predict_on_batch({**INPUTS, "letters": QUIET.letters[:, 10:50]})
    np.testing.assert_allclose(answers(both)["profile"], answers(body)["profile"] + alone["profile"], atol=1e-5)


def test_what_does_not_lie_in_the_middle_is_refused():
    bias = build_profile_network(2)
    with pytest.raises(ModelError, match="windows in the middle of 50 letters, got tiny-profile of 60"):
        check_bias(bias, dataclasses.replace(CONSTRUCT, length=50), 20)
    with pytest.raises(ModelError, match="profile of 30 positions for letters alone"):
        check_bias(bias, CONSTRUCT, 30)
    with pytest.raises(ModelError, match=r"profile of 20 positions for letters alone, .* got tiny with None"):
        check_bias(tiny(find_assay("yeast")), CONSTRUCT, 20)
