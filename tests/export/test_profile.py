"""The export of a network with a profile: its two outputs equal those of Keras."""

import numpy as np
import pytest
from profile_network import CONSTRUCT, POSITIONS, build_profile_network

from dreamkeras.errors import ModelError
from dreamkeras.export.parity import Parity, compare, parity_letters, require_parity
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.ragged import Ragged


@pytest.fixture(scope="module")
def network():
    return build_profile_network()


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    for package in ("tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    from dreamkeras.export import export_onnx

    folder = tmp_path_factory.mktemp("profile")
    network.save(folder / "model.keras")
    export_onnx(folder, reference=lambda letters: network.predictor().predict(letters, verbose=0))
    return folder / "model.onnx"


def test_outputs_are_counts_and_profile(file):
    predictor = load(file)
    outputs = [(output.name, output.type, output.shape) for output in predictor.session.get_outputs()]
    assert outputs == [("counts", "tensor(float)", ["batch", 1]), ("profile", "tensor(float)", ["batch", POSITIONS])]
    assert predictor.description.profile == POSITIONS
    assert predictor.tasks == predictor.columns == ("log_counts",)


def test_both_outputs_equal_those_of_keras(file, network):
    letters = parity_letters(CONSTRUCT)[:50]
    columns = network.predictor().predict(letters, verbose=0)
    predictor = load(file)
    np.testing.assert_allclose(predictor.score_letters(letters), columns[:, :1], atol=1e-4)
    np.testing.assert_allclose(predictor.score_profiles(letters, batch_size=7), columns[:, 1:], atol=1e-5)


def test_sequences_are_cut_into_windows_first(file):
    predictor, texts = load(file), ["acgt" * 15, "GGG"]
    windows = CONSTRUCT.windows(Ragged.from_strings(texts))
    np.testing.assert_array_equal(predictor.predict_profiles(texts), predictor.score_profiles(windows))
    assert predictor.predict_profiles([]).shape == (0, POSITIONS)


def test_the_report_includes_the_profile_distance(file):
    parity = load(file).description.parity
    assert 0 <= parity["profile_distance"] < 1e-4
    assert "profile distance" in str(Parity(**parity))


def test_half_precision_keeps_the_profile(file, tmp_path):
    from dreamkeras.export import export_onnx

    description = export_onnx(file.parent, tmp_path / "half.onnx", precision="float16")
    assert 0 < description.parity["profile_distance"] < 0.05
    rows = load(tmp_path / "half.onnx").score_profiles(parity_letters(CONSTRUCT)[:4])
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=5e-3)


def test_profile_distance_is_the_fraction_of_reads_at_different_positions():
    keras, exported = np.array([[1.0, 0.5, 0.5], [2.0, 0.25, 0.75]]), np.array([[1.5, 0.5, 0.5], [2.0, 0.5, 0.5]])
    parity = compare(keras, exported, "jax", "float32", tasks=1)
    assert (parity.largest_difference, parity.profile_distance) == (0.5, 0.25)


def test_different_profiles_are_rejected():
    with pytest.raises(ModelError, match=r"profiles differ .* by a distance of 0\.002, which exceeds 0\.001, over 3 sequences"):
        require_parity(Parity(3, 0.0, 1.0, "jax", "float32", profile_distance=0.002))
