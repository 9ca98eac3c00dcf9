import zipfile

import numpy as np
import pytest
from saved_models import build_small_network

from dreamkeras.errors import ModelError

keras = pytest.importorskip("keras")
tracing = pytest.importorskip("dreamkeras.export.tracing")


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def mixed(request, tmp_path):
    """Returns a model and the file in which it was saved in mixed precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    try:
        network = build_small_network()
    finally:
        keras.config.set_dtype_policy(before)
    network.save(tmp_path / "mixed.keras")
    return network, tmp_path / "mixed.keras"


class TestLoading:
    def test_restores_weights_and_construct(self, saved):
        network, ours = tracing.load_network(saved), build_small_network()
        assert (network.name, network.construct) == (ours.name, ours.construct)
        for theirs, weight in zip(network.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_array_equal(theirs, weight)

    def test_mixed_precision_computes_in_float32(self, mixed, letters):
        network, file = mixed
        flags = np.zeros((len(letters), 2), np.float32)
        loaded = tracing.load_network(file)
        assert {layer.compute_dtype for layer in loaded._flatten_layers()} == {"float32"}
        same = build_small_network()
        same.set_weights(network.get_weights())
        inputs = {"letters": letters, "flags": flags}
        answers, wanted = (model.predict(inputs, verbose=0)["expression"] for model in (loaded, same))
        np.testing.assert_allclose(answers, wanted, atol=1e-4)
        assert np.abs(network.predict(inputs, verbose=0)["expression"] - wanted).max() > 1e-3

    def test_predictions_can_be_skipped(self, mixed, monkeypatch):
        monkeypatch.setattr(tracing, "_convert", lambda network: b"graph")
        assert tracing.trace(mixed[1], None, sequences=0).predicted.size == 0
        assert tracing.trace(mixed[1], None, sequences=3).predicted.shape == (3, 1)

    def test_keeps_the_callers_policy(self, mixed):
        tracing.load_network(mixed[1])
        assert keras.config.dtype_policy().name == "float32"

    @pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
    def test_file_that_is_not_an_archive(self, tmp_path, content):
        (tmp_path / "m.keras").write_bytes(content)
        with pytest.raises(ModelError, match=r"written by dreamkeras, got .*m\.keras, which Keras cannot load: File"):
            tracing.load_network(tmp_path / "m.keras")

    def test_archive_without_a_model(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("a.txt", "text")
        with pytest.raises(ModelError, match=r"There is no item named 'config\.json'"):
            tracing.load_network(tmp_path / "m.keras")

    def test_model_of_another_kind(self, tmp_path):
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
        with pytest.raises(ModelError, match="Expected a model saved by dreamkeras, got a Sequential in"):
            tracing.load_network(tmp_path / "m.keras")


def test_description_has_the_operator_set_and_no_backend(traced):
    versions = traced.description.versions
    assert versions["opset"] == str(tracing.OPSET)
    assert "backend" not in versions


def test_predictions_have_one_row_for_each_sequence(traced):
    assert traced.predicted.shape == (1000, 1)
    assert traced.predicted.dtype == np.float32
