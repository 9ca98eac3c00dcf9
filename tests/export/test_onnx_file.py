import json
import os
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import pytest

import dreamkeras
from dreamkeras.data.assays.yeast import YEAST_ASSAY
from dreamkeras.errors import DreamkerasError, MissingPackageError, ModelError
from dreamkeras.export import export_onnx, onnx_file
from dreamkeras.export.keras_settings import keras_backend
from dreamkeras.export.onnx_file import default_output
from dreamkeras.export.parity import Parity, parity_letters
from dreamkeras.models.names import EXPORT_PRECISIONS, STRAND_RULES
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.description import ModelDescription


@pytest.fixture(scope="session")
def model(exported):
    return dreamkeras.load(exported.onnx, device="cpu")


@pytest.fixture(scope="session")
def graph(exported):
    import onnx

    return onnx.load(exported.onnx)


@pytest.fixture(scope="session")
def strands_of_keras(saved, letters):
    """Returns the Keras predictions for each strand, (2, 64, 1)."""
    network = load_network(saved)
    flags = np.zeros((len(letters), 2), np.float32)
    reverse = flags + np.array([1, 0], np.float32)
    sides = ((letters, flags), (reverse_complement(letters), reverse))
    return np.stack([network.predict({"letters": text, "flags": flag}, verbose=0)["expression"] for text, flag in sides])


def load_network(file):
    from dreamkeras.export import tracing

    return tracing.load_network(file)


def dimensions(tensor):
    return [dim.dim_param or dim.dim_value for dim in tensor.type.tensor_type.shape.dim]


class TestGraph:
    def test_has_the_input_letters_and_the_output_expression(self, graph):
        sides = (graph.graph.input, graph.graph.output)
        shapes = [[(tensor.name, tensor.type.tensor_type.elem_type, dimensions(tensor)) for tensor in side] for side in sides]
        assert shapes == [[("letters", 2, ["batch", 150])], [("expression", 1, ["batch", 1])]]

    def test_every_convolution_is_one_node_that_includes_its_normalisation(self, graph):
        convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
        groups = Counter(next(field.i for field in node.attribute if field.name == "group") for node in convolutions)
        assert groups == {1: 2 + 3 * 3, 64: 2, 32: 1}
        assert all(len(node.input) == 3 for node in convolutions)
        assert not {node.op_type for node in graph.graph.node} & {"StatefulPartitionedCall", "BatchNormalization"}

    def test_has_no_changes_of_layout_between_convolutions(self, graph):
        kinds = Counter(node.op_type for node in graph.graph.node)
        assert kinds["Squeeze"] == 0
        assert kinds["Transpose"] <= 6  # two for the reverse complement, one before the first convolution, one for each of three gates

    def test_is_named_after_the_model(self, graph):
        assert graph.graph.name == "dream-cnn-small"

    def test_has_the_operator_set_of_the_description(self, graph, exported):
        assert str(next(entry.version for entry in graph.opset_import if not entry.domain)) == exported.description.versions["opset"]


class TestCheck:
    @pytest.fixture
    def copy(self, graph):
        return type(graph).FromString(graph.SerializeToString())

    def test_a_second_input_is_rejected(self, copy):
        copy.graph.input.append(copy.graph.input[0])
        copy.graph.input[1].name = "stray"
        with pytest.raises(ModelError, match=r"only input of the exported graph of net, got \['letters', 'stray'\]: a block"):
            onnx_file.check_graph(copy, "net")

    def test_a_node_with_an_undefined_input_is_rejected(self, copy):
        del copy.graph.node[0]
        with pytest.raises(ModelError, match="The exported graph of net is not valid ONNX: "):
            onnx_file.check_graph(copy, "net")


class TestPredictions:
    def test_equal_the_mean_over_both_strands_in_keras(self, model, letters, strands_of_keras):
        np.testing.assert_allclose(model.score_letters(letters), strands_of_keras.mean(0), atol=3e-4)
        assert np.abs(strands_of_keras[0] - strands_of_keras[1]).max() > 0.1

    def test_equal_those_of_the_onnx_reference_evaluator(self, graph, model, letters):
        from onnx.reference import ReferenceEvaluator

        (expression,) = ReferenceEvaluator(graph).run(None, {"letters": letters[:4]})
        np.testing.assert_allclose(expression, model.score_letters(letters[:4]), atol=3e-4)

    def test_are_not_constant(self, model, letters):
        assert model.score_letters(letters).std() > 0.1

    @pytest.mark.parametrize("size", [1, 2, 7, 64])
    def test_do_not_depend_on_the_batch_size(self, model, letters, size):
        np.testing.assert_allclose(model.score_letters(letters, size), model.score_letters(letters, 13), atol=3e-4)

    def test_do_not_depend_on_case(self, model, letters):
        np.testing.assert_array_equal(model.score_letters(letters | 0x20), model.score_letters(letters & 0xDF))


class TestDescription:
    def test_in_the_file_equals_the_returned_one(self, model, exported):
        assert model.description == exported.description
        assert ModelDescription.from_json(exported.description.to_json()) == exported.description

    def test_construct_tasks_and_units(self, exported):
        description = exported.description
        assert (description.construct, description.tasks, description.units) == (YEAST, YEAST_ASSAY.tasks, YEAST_ASSAY.units)

    def test_training_is_read_from_the_run_folder_without_the_path_of_the_data(self, exported):
        assert exported.description.training == {
            "assay": "yeast",
            "backend": "jax",
            "seed": 3,
            "data": "private.tsv",
            "validation": {"r": 0.5, "n": 10},
        }

    def test_versions(self, exported):
        versions = exported.description.versions
        for package in ("dreamkeras", "keras", "tensorflow", "tf2onnx", "onnx"):
            assert versions[package] == version(package)
        assert versions["backend"] == "jax"  # the backend of the training, from config.json

    def test_parity(self, exported):
        parity = Parity(**exported.description.parity)
        assert (parity.sequences, parity.keras_backend, parity.precision) == (1000, "tensorflow", "float32")
        assert parity.largest_difference < 5e-4
        assert parity.r > 0.99999


@pytest.fixture
def traced_already(traced, monkeypatch):
    """Skips tracing with TensorFlow, which the tested options do not affect."""
    monkeypatch.setattr(onnx_file, "trace_with_tensorflow", lambda *choices: traced)


class TestOptions:
    def test_float16_halves_the_file_size_and_keeps_the_types(self, saved, traced_already, exported, letters, model, tmp_path):
        description = export_onnx(saved, tmp_path / "half.onnx", precision="float16")
        assert (tmp_path / "half.onnx").stat().st_size < 0.65 * exported.onnx.stat().st_size
        half = dreamkeras.load(tmp_path / "half.onnx", device="cpu").score_letters(letters)
        assert half.dtype == np.float32
        assert 0 < np.abs(half - model.score_letters(letters)).max() < 0.3
        assert description.parity["precision"] == "float16"
        assert description.parity["r"] > 0.999

    def test_int8_is_smaller_and_correlates_with_float32(self, saved, traced_already, exported, letters, model, tmp_path):
        description = export_onnx(saved, tmp_path / "int8.onnx", precision="int8", least_r=0.8)
        assert (tmp_path / "int8.onnx").stat().st_size < 0.9 * exported.onnx.stat().st_size
        values = dreamkeras.load(tmp_path / "int8.onnx", device="cpu").score_letters(letters)
        assert np.abs(values - model.score_letters(letters)).max() > 0
        assert np.corrcoef(values[:, 0], model.score_letters(letters)[:, 0])[0, 1] > 0.9
        assert (description.parity["precision"], description.parity["r"] >= 0.9) == ("int8", True)

    def test_int8_below_the_minimum_r_leaves_no_file(self, saved, traced_already, tmp_path):
        with pytest.raises(
            ModelError, match=r"The int8 model's correlation with the Keras model is 0\.9.*, below 1 .* over 1,000 sequences"
        ):
            export_onnx(saved, tmp_path / "int8.onnx", precision="int8", least_r=1.0)
        assert list(tmp_path.iterdir()) == []

    def test_forward_predicts_the_strand_as_given(self, saved, letters, strands_of_keras, tmp_path):
        description = export_onnx(saved, tmp_path / "forward.onnx", strands="forward", training={"assay": "mine"})
        assert description.construct.strands == "given"
        assert description.training == {"assay": "mine"}
        assert "backend" not in description.versions
        forward = dreamkeras.load(tmp_path / "forward.onnx", device="cpu").score_letters(letters)
        np.testing.assert_allclose(forward, strands_of_keras[0], atol=3e-4)

    def test_calibration_is_kept_if_the_export_predicts_the_same(self, saved, traced_already, tmp_path):
        residuals, quantiles = {"n": 1, "ranks": [1], "sizes": [2.0]}, {"expression": [0.0, 1.0]}
        background = {"sequences": 3, "random": quantiles, "shuffled": quantiles, "effects": quantiles}
        known = {"intervals": {"expression": residuals}, "background": background, "familiarity": {"c": 3}}
        folder = tmp_path / "run"
        folder.mkdir()
        (folder / "model.keras").write_bytes(saved.read_bytes())
        (folder / "calibration.json").write_text(json.dumps(known))
        assert export_onnx(folder).calibration == dreamkeras.load(folder).calibration == known
        assert export_onnx(folder, precision="float16").calibration == known
        assert export_onnx(folder, precision="int8", least_r=0).calibration == {
            "familiarity": {"c": 3}
        }  # the r of this int8 model is below 0.999
        assert export_onnx(folder, strands="both").calibration == {"familiarity": {"c": 3}}
        assert export_onnx(folder, calibration=lambda scorer: {"asked": list(scorer.tasks)}).calibration == {"asked": ["expression"]}

    def test_reference_replaces_the_predictions_with_tensorflow(self, saved, traced_already, tmp_path):
        import keras

        predictor = load_network(saved).predictor()
        description = export_onnx(saved, tmp_path / "m.onnx", reference=lambda letters: predictor.predict(letters, verbose=0))
        assert description.parity["keras_backend"] == keras.backend.backend()
        assert description.parity["largest_difference"] < 5e-4

    @pytest.mark.parametrize("is_given", [True, False])
    def test_keras_predicts_the_chosen_number_of_sequences_once(self, saved, traced, tmp_path, monkeypatch, is_given):
        seen, predictor = [], load_network(saved).predictor()

        def predict(letters):
            seen.append(len(letters))
            return predictor.predict(letters, verbose=0)

        def trace(file, strands, without_bias, sequences):
            seen.append(sequences)
            return traced._replace(predicted=predictor.predict(parity_letters(traced.description.construct, 40), verbose=0))

        monkeypatch.setattr(onnx_file, "trace_with_tensorflow", trace)
        description = export_onnx(saved, tmp_path / "m.onnx", sequences=40, reference=predict if is_given else None)
        assert (description.parity["sequences"], seen) == (40, [0, 40] if is_given else [40])

    def test_wrong_reference_leaves_no_file(self, saved, traced_already, tmp_path):
        with pytest.raises(ModelError, match=r"from those of the Keras model by .*, more than 0\.001 .* over 1,000 sequences"):
            export_onnx(saved, tmp_path / "m.onnx", reference=lambda letters: np.arange(len(letters))[:, None])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("path", "output"), [("run", "run/model.onnx"), ("run/a.keras", "run/a.onnx")])
    def test_default_output_is_next_to_the_model(self, path, output, tmp_path):
        (tmp_path / "run").mkdir()
        assert default_output(tmp_path / path) == tmp_path / output

    def test_command_has_the_same_choices(self):
        from dreamkeras.cli.commands.export import command

        choices = {option.name: tuple(getattr(option.type, "choices", ())) for option in command.params}
        assert (choices["precision"], choices["strands"]) == (EXPORT_PRECISIONS, tuple(STRAND_RULES))


class TestErrors:
    """Errors that are found before TensorFlow is used."""

    @pytest.mark.parametrize(("option", "value"), [("precision", "int4"), ("strands", "given")])
    def test_unknown_value(self, saved, option, value):
        with pytest.raises(ModelError, match=f"Expected {option} to be one of .*, got '{value}'"):
            export_onnx(saved, **{option: value})

    def test_missing_model(self, tmp_path):
        with pytest.raises(ModelError, match=r"Expected a run folder or a \.keras file, got '.*no', which does not exist"):
            export_onnx(tmp_path / "no")

    def test_folder_without_a_model(self, tmp_path):
        with pytest.raises(ModelError, match=r"Expected a run folder that contains model\.keras, got '.*'\.$"):
            export_onnx(tmp_path)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("m.keras", b">a\nACGT\n", "a run folder or a .keras file, got a FASTA file: {}."),
            ("m.h5", b"\x89HDF\r\n\x1a\n", "a run folder or a .keras file, got an HDF5 file: {}."),
            ("m.zip", b"PK\x03\x04", "a run folder or a .keras file, got a zip archive: {}. Extract the files from it."),
            ("m.zip", b"PK\x03\x04" + bytes(26) + b"config.json", "a file name that ends with .keras, got {}. Rename the file."),
        ],
    )
    def test_other_kinds_of_files_are_named(self, tmp_path, name, content, message):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError) as caught:
            export_onnx(tmp_path / name)
        assert str(caught.value) == f"Expected {message.format(tmp_path / name)}"

    def test_output_that_cannot_be_written_is_found_first(self, saved, tmp_path, monkeypatch):
        monkeypatch.setattr(onnx_file, "trace_with_tensorflow", lambda *args: pytest.fail("traced"))
        with pytest.raises(DreamkerasError, match=r"Cannot write .*: the folder .* does not exist"):
            export_onnx(saved, tmp_path / "no" / "m.onnx")

    @pytest.mark.parametrize("package", ["tensorflow", "tf2onnx", "onnx"])
    def test_missing_package(self, saved, package, monkeypatch):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingPackageError, match=rf"{package}: pip install 'dreamkeras\[train\]'"):
            export_onnx(saved)

    def test_existing_file_is_kept_after_a_failure(self, tmp_path):
        (tmp_path / "m.onnx").write_text("before")
        (tmp_path / "m.keras").write_bytes(b"PK\x03\x04 no zip")
        with pytest.raises(ModelError, match=r"Expected a \.keras file written by dreamkeras, got"):
            export_onnx(tmp_path / "m.keras")
        assert (tmp_path / "m.onnx").read_text() == "before"
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_model_saved_under_another_backend(backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if keras_backend() not in (None, "tensorflow"):
        pytest.skip("With this backend, the other tests export a model that it saved.")
    code = "import sys; from saved_models import save_small_network; save_small_network(sys.argv[1], seed=4)"
    env = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    file = tmp_path / "model.keras"
    subprocess.run([sys.executable, "-c", code, file], env=env, check=True, capture_output=True)
    assert export_onnx(file).parity["largest_difference"] < 5e-4


def test_importing_the_package_imports_no_framework():
    code = "import sys, dreamkeras.export; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "torch", "jax"} & set(loaded)
