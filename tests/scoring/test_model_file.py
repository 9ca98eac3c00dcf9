"""Tests of `load` with valid and invalid model files."""

import gzip
import json

import pytest
from toy_models import TOY, write_toy_model

from dreamkeras.errors import ModelError
from dreamkeras.export.onnx_file import find_model
from dreamkeras.scoring.model_file import require_different
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
            (("config.json",), ". Create this file with `dreamkeras train --resume --out {}`"),
            (("config.json", "model.keras"), ". Create this file with `dreamkeras export {}`"),
        ],
    )
    def test_error_for_a_folder_without_a_model_names_the_command_that_creates_it(self, tmp_path, files, way):
        for file in files:
            (tmp_path / file).touch()
        with pytest.raises(ModelError) as caught:
            load(tmp_path)
        assert str(caught.value) == f"The folder {tmp_path} has no model.onnx{way.format(tmp_path)}."

    def test_a_folder_of_run_folders_names_the_first_ones(self, tmp_path):
        for run in "dacbe":
            (tmp_path / run).mkdir()
            (tmp_path / run / "model.keras").touch()
        first = ", ".join(f"'{tmp_path / run}'" for run in "abc")
        with pytest.raises(ModelError) as caught:
            load(tmp_path)
        assert str(caught.value) == f"The folder {tmp_path} has no model.onnx. Give one of the run folders in it: {first} and 2 more."
        with pytest.raises(ModelError, match="Give one of the run folders in it: '"):
            find_model(tmp_path)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"ACGT\n", "a text file: {}."),
            (b"", "an empty file: {}."),
            (b">a\nACGT\n", "a FASTA file: {}."),
            (b"PAR1", "a Parquet file: {}."),
            (b"<!doctype html>", "a web page: {}. Download the data file that the page refers to."),
            (gzip.compress(b"\x08\x08:\0"), "an ONNX model, compressed with gzip: {}."),
            (
                b"PK\x03\x04" + bytes(26) + b"metadata.json",
                "a Keras model: {}. Give the run folder of the model, or convert the model with dreamkeras export.",
            ),
        ],
    )
    def test_other_kinds_of_files_are_named(self, tmp_path, content, message):
        for file, given in ((tmp_path / "given", tmp_path / "given"), (tmp_path / "model.onnx", tmp_path)):
            file.write_bytes(content)
            with pytest.raises(ModelError) as caught:
                load(given)
            assert str(caught.value) == f"Expected an ONNX model or a run folder, got {message.format(file)}"

    def test_unknown_binary_data_is_reported_by_onnx_runtime(self, tmp_path):
        (tmp_path / "m.onnx").write_bytes(b"\xda\x01\0\xff")
        with pytest.raises(ModelError, match="ONNX Runtime cannot open the model"):
            load(tmp_path / "m.onnx")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"metadata": {}}, "no dreamkeras metadata"),
            ({"metadata": {METADATA_KEY: "{}"}}, "model description"),
            ({"metadata": {METADATA_KEY: "no json"}}, "model description"),
            ({"input_name": "x"}, r"one input `letters tensor\(uint8\) \[batch, 12\]`, got `x "),
            ({"input_type": "INT32"}, r"got `letters tensor\(int32\)"),
            ({"output_name": "y"}, r"one output `expression tensor\(float\) \[batch, 2\]`, got `y "),
            ({"shape": ("batch", 11)}, "got `letters .*11"),
            ({"shape": ("batch", 13)}, "got `letters .*13"),
            ({"shape": ("batch",)}, "got `letters "),
            ({"shape": ("batch", 12, 1)}, "got `letters "),
            ({"shape": (4, 12)}, "got `letters .*4, 12"),
        ],
    )
    def test_onnx_of_another_program(self, tmp_path, changes, message):
        path = write_toy_model(tmp_path / "m.onnx", **changes)
        with pytest.raises(ModelError, match=message) as caught:
            load(path)
        assert "m.onnx" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_newer_format_asks_for_an_update(self, tmp_path):
        fields = {**json.loads(ModelDescription("toy", TOY, ("gc", "a"), ("", "")).to_json()), "format": 99}
        path = write_toy_model(tmp_path / "m.onnx", metadata={METADATA_KEY: json.dumps(fields)})
        with pytest.raises(ModelError, match="Update dreamkeras"):
            load(path)

    def test_dynamic_width_is_accepted(self, tmp_path):
        path = write_toy_model(tmp_path / "m.onnx", shape=("batch", "width"))
        assert load(path).predict(["ACGT"]).tolist() == [[2.0, 1.0]]


class TestDifferentModels:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        """The current folder, with a run folder, a link to it, links to its model, and another model."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a").mkdir()
        for name in ("a/model.onnx", "a/model.keras", "b.onnx"):
            (tmp_path / name).touch()
        (tmp_path / "link").symlink_to("a")
        (tmp_path / "link.onnx").symlink_to("a/model.onnx")
        (tmp_path / "hard.onnx").hardlink_to("a/model.onnx")
        return tmp_path

    @pytest.mark.parametrize("other", [
        "a", "./a/", "a/../a", "{}/a", "link", "a/model.onnx", "link/model.onnx", "link.onnx", "hard.onnx", "a/model.keras",
    ])  # fmt: skip
    def test_one_model_under_two_names_is_refused(self, run, other):
        other = other.format(run)
        for models in (["a", "b.onnx", other], [other, "b.onnx", "a"]):
            with pytest.raises(ModelError) as caught:
                require_different(models)
            also = f", also as {models[2]}" * (other != "a")
            assert str(caught.value) == f"The model {models[0]} is given twice{also}."

    def test_others_are_different(self, run):
        require_different(["a", "b.onnx", "none.onnx", run / "none"])
        require_different([])

    def test_an_ensemble_with_a_repeated_model_is_refused(self, tmp_path):
        first, second = (write_toy_model(tmp_path / f"{weight}.onnx", weight=weight) for weight in (1, 2))
        assert load([first, second], "cpu").has_spread
        with pytest.raises(ModelError, match=r"^The model .*1\.onnx is given twice\."):
            load([first, second, str(first)], "cpu")
