"""Tests of the validation metrics of profiles against NumPy and SciPy."""

import numpy as np
import pytest
from profile_network import build_profile_network, windows
from scipy.spatial.distance import jensenshannon

from dreamkeras.training.epochs import profiles
from dreamkeras.training.epochs.profiles import epoch_figures, final_figures, group_losses, validation_loss

EXAMPLES = windows(30, margin=0)


@pytest.fixture(scope="module")
def network():
    network = build_profile_network()
    network.final.fit_scale(EXAMPLES.targets)
    return network


@pytest.fixture(scope="module")
def predicted(network):
    return network.predictor().predict(EXAMPLES.letters, verbose=0)


def distance(rows):
    return np.median([jensenshannon(*pair) for pair in rows])


def test_the_loss_is_that_of_the_mean_over_both_strands(network, predicted, monkeypatch):
    monkeypatch.setattr(profiles, "AT_ONCE", 7)
    surprise = -(EXAMPLES.profiles * np.log(predicted[:, 1:])).sum(axis=1) / np.median(EXAMPLES.profiles.sum(axis=1))
    error = np.square(EXAMPLES.targets - predicted[:, :1])[:, 0]
    assert validation_loss(network, EXAMPLES, predicted) == pytest.approx((surprise + 0.1 * error).mean(), rel=1e-4)


@pytest.mark.parametrize("groups", [1, 4, 200])
def test_the_losses_of_groups_are_those_of_their_windows(network, predicted, monkeypatch, groups):
    monkeypatch.setattr(profiles, "GROUPS", groups)
    found = group_losses(network, EXAMPLES, predicted)
    each = [validation_loss(network, EXAMPLES.select([row]), predicted[[row]]) for row in range(30)]
    np.testing.assert_allclose(found, [np.mean(part) for part in np.array_split(each, min(groups, 30))], rtol=1e-5)


def test_distances_are_those_of_peaks(network, predicted):
    rows = zip(EXAMPLES.profiles[EXAMPLES.is_peak], predicted[EXAMPLES.is_peak, 1:], strict=True)
    assert epoch_figures(network, EXAMPLES, predicted)["profile_jsd"] == pytest.approx(distance(rows), rel=1e-5)


def test_without_peaks_all_windows_are_used(network, predicted):
    quiet, answers = EXAMPLES.select(~EXAMPLES.is_peak), predicted[~EXAMPLES.is_peak]
    wanted = distance(zip(quiet.profiles, answers[:, 1:], strict=True))
    assert epoch_figures(network, quiet, answers)["profile_jsd"] == pytest.approx(wanted, rel=1e-5)


def test_final_metrics_include_baselines_and_counts_in_peaks(network, predicted):
    figures = final_figures(network, EXAMPLES, predicted)
    assert figures["peaks"] == 15
    wanted = np.corrcoef(EXAMPLES.targets[EXAMPLES.is_peak, 0], predicted[EXAMPLES.is_peak, 0])[0, 1]
    assert figures["peaks_r"] == pytest.approx(wanted, rel=1e-4)
    assert set(figures) == {
        *("loss", "peaks", "peaks_r", "profile_jsd", "profile_jsd_shuffled", "profile_jsd_average", "profile_nll"),
    }
