"""Files that are models, and files that are not; all of it through `load`."""

import json

import pytest
from toy_models import TOY, write_toy_model

from dreamkeras.errors import ModelError
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription


class TestRefusals:
    def test_unknown_path(self, tmp_path):
        with pytest.raises(ModelError, match=r"nowhere, which does not exist"):
            load(tmp_path / "nowhere")

    @pytest.mark.parametrize(
        ("files", "way"),
        [
            ((), ""),
            (("config.json",), ": dreamkeras train --resume --out {}"),
            (("config.json", "model.keras"), ": dreamkeras export {}"),
        ],
    )
    def test_run_folder_without_a_model_tells_the_way_to_one(self, tmp_path, files, way):
        for file in files:
            (tmp_path / file).touch()
        with pytest.raises(ModelError) as caught:
            load(tmp_path)
        assert str(caught.value) == f"Expected a run folder with a model.onnx, got {tmp_path} without one{way.format(tmp_path)}."

    def test_text_file(self, tmp_path):
        (tmp_path / "m.onnx").write_text("ACGT\n")
        with pytest.raises(ModelError, match="Expected an ONNX model"):
            load(tmp_path / "m.onnx")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"metadata": {}}, "without our metadata"),
            ({"metadata": {METADATA_KEY: "{}"}}, "model description"),
            ({"metadata": {METADATA_KEY: "no json"}}, "model description"),
            ({"input_name": "x"}, r"one input `letters tensor\(uint8\) \[batch, 12\]`, got `x "),
            ({"input_type": "INT32"}, r"got `letters tensor\(int32\)"),
            ({"output_name": "y"}, r"one output `expression tensor\(float\) \[batch, 2\]`, got `y "),
            ({"shape": ("batch", 11)}, "got `letters .*11"),
            ({"shape": (4, 12)}, "got `letters .*4, 12"),
        ],
    )
    def test_onnx_that_is_not_ours(self, tmp_path, changes, message):
        path = write_toy_model(tmp_path / "m.onnx", **changes)
        with pytest.raises(ModelError, match=message) as caught:
            load(path)
        assert "m.onnx" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_newer_format_asks_for_an_update(self, tmp_path):
        fields = {**json.loads(ModelDescription("toy", TOY, ("gc", "a"), ("", "")).to_json()), "format": 99}
        path = write_toy_model(tmp_path / "m.onnx", metadata={METADATA_KEY: json.dumps(fields)})
        with pytest.raises(ModelError, match="update dreamkeras"):
            load(path)

    def test_open_width_is_taken(self, tmp_path):
        path = write_toy_model(tmp_path / "m.onnx", shape=("batch", "width"))
        assert load(path).predict(["ACGT"]).tolist() == [[2.0, 1.0]]
