import dataclasses

import numpy as np
import pytest
from toy_models import TOY, write_toy_model
from triton_process import running_triton, write_python_model

from dreamkeras.errors import DreamkerasError, ModelError
from dreamkeras.export.triton import MOST_ROWS, config_text, copy_onnx, triton_version
from dreamkeras.models.names import TRITON_DEVICES
from dreamkeras.scoring.predictor import PACKAGED_MODEL, load
from dreamkeras.sequence.description import ModelDescription

TOY_DESCRIPTION = ModelDescription("toy", TOY, ("gc", "a"), ("letters", "letters"))


@pytest.fixture
def toy(tmp_path):
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path / "toy.onnx")


def parse(text):
    """Parses a `config.pbtxt` with Triton's own message definition. An unknown field is an error."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    messages = pytest.importorskip("tritonclient.grpc.model_config_pb2")
    return text_format.Parse(text, messages.ModelConfig())


def write_version(repository, model, name="toy", **options):
    with triton_version(repository, name, **options) as version:
        copy_onnx(model, version.unfinished)
        assert not version.file.exists()
    return version.file


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def signature_of(onnx_file):
    """Returns names, types and widths of the inputs and outputs of an ONNX file in the form of Triton's configuration."""
    import onnx

    types = {onnx.TensorProto.UINT8: "TYPE_UINT8", onnx.TensorProto.FLOAT: "TYPE_FP32"}
    graph = onnx.load(onnx_file).graph
    sides = []
    for tensors in (graph.input, graph.output):
        shapes = [tensor.type.tensor_type for tensor in tensors]
        assert all(shape.shape.dim[0].dim_param == "batch" for shape in shapes)
        sides.append(
            [
                (tensor.name, types[shape.elem_type], [dim.dim_value for dim in shape.shape.dim[1:]])
                for tensor, shape in zip(tensors, shapes, strict=True)
            ]
        )
    return sides


class TestConfig:
    @pytest.mark.parametrize("device", TRITON_DEVICES)
    def test_inputs_and_outputs_equal_those_of_the_onnx_file(self, device):
        pytest.importorskip("onnx")
        config = parse(config_text("promoter", load(PACKAGED_MODEL).description, device))
        enums = config.DESCRIPTOR.file.enum_types_by_name["DataType"].values_by_number
        sides = [[(one.name, enums[one.data_type].name, list(one.dims)) for one in side] for side in (config.input, config.output)]
        assert sides == signature_of(PACKAGED_MODEL)
        assert (config.name, config.backend) == ("promoter", "onnxruntime")

    def test_ensembles_have_the_output_sd(self):
        config = parse(config_text("both", dataclasses.replace(TOY_DESCRIPTION, members=[{}, {}])))
        assert [(output.name, list(output.dims)) for output in config.output] == [("expression", [2]), ("sd", [2])]

    def test_profile_models_have_the_outputs_counts_and_profile(self):
        atac = ModelDescription("atac", TOY, ("log_counts",), ("ln(1 + reads)",), profile=7)
        assert [(output.name, list(output.dims)) for output in parse(config_text("atac", atac)).output] == [
            ("counts", [1]),
            ("profile", [7]),
        ]

    @pytest.mark.parametrize("device", TRITON_DEVICES)
    def test_requests_are_batched_and_a_full_queue_rejects(self, device):
        config = parse(config_text("toy", TOY_DESCRIPTION, device))
        policy = config.dynamic_batching.default_queue_policy
        assert config.dynamic_batching.max_queue_delay_microseconds > 0
        assert policy.timeout_action == policy.REJECT
        assert policy.default_timeout_microseconds > 0
        assert policy.allow_timeout_override
        assert policy.max_queue_size > 0

    @pytest.mark.parametrize("device", TRITON_DEVICES)
    def test_all_versions_are_served(self, device):
        assert parse(config_text("toy", TOY_DESCRIPTION, device)).version_policy.WhichOneof("policy_choice") == "all"

    @pytest.mark.parametrize("device", TRITON_DEVICES)
    def test_the_smallest_and_the_largest_batch_are_warmed_up(self, device):
        config = parse(config_text("toy", TOY_DESCRIPTION, device))
        assert [warmup.batch_size for warmup in config.model_warmup] == [1, config.max_batch_size] == [1, MOST_ROWS[device]]
        assert all(list(warmup.inputs["letters"].dims) == [TOY.length] for warmup in config.model_warmup)

    def test_device(self):
        configs = {device: parse(config_text("toy", TOY_DESCRIPTION, device)) for device in TRITON_DEVICES}
        kinds = {
            device: [(group.count, group.Kind.Name(group.kind)) for group in config.instance_group] for device, config in configs.items()
        }
        assert kinds == {"cpu": [(1, "KIND_CPU")], "gpu": [(1, "KIND_GPU")], "tensorrt": [(1, "KIND_GPU")]}
        assert {device: sorted(config.parameters) for device, config in configs.items()} == {
            "cpu": ["intra_op_thread_count"],
            "gpu": ["cudnn_conv_algo_search"],
            "tensorrt": ["cudnn_conv_algo_search"],
        }

    def test_triton_accepts_the_configuration(self, tmp_path):
        # The Triton in the wheel has no ONNX Runtime backend. The rest of the configuration is the same for every backend.
        text = config_text("toy", TOY_DESCRIPTION).replace('"onnxruntime"', '"python"')
        write_python_model(tmp_path / "repository/toy", text, inputs=["letters"])
        with running_triton(tmp_path / "repository", tmp_path) as running:
            triton = pytest.importorskip("tritonclient.http")
            with triton.InferenceServerClient(running.http) as client:
                letters = triton.InferInput("letters", [2, 12], "UINT8")
                letters.set_data_from_numpy(np.frombuffer(b"ACGTACGTNNNNGGGGNNNNNNNN", np.uint8).reshape(2, 12))
                assert client.infer("toy", [letters]).as_numpy("expression").tolist() == [[4, 2], [4, 0]]
                assert client.get_model_config("toy")["dynamic_batching"]["default_queue_policy"]["max_queue_size"] == 4096

    def test_tensorrt_has_one_profile_for_all_batch_sizes(self):
        text = {device: config_text("toy", TOY_DESCRIPTION, device) for device in TRITON_DEVICES}
        (accelerator,) = parse(text["tensorrt"]).optimization.execution_accelerators.gpu_execution_accelerator
        shapes = [accelerator.parameters[f"trt_profile_{end}_shapes"] for end in ("min", "max")]
        assert (accelerator.name, shapes) == ("tensorrt", ["letters:1x12", f"letters:{MOST_ROWS['tensorrt']}x12"])
        assert "tensorrt" not in text["cpu"] + text["gpu"]


class TestVersion:
    def test_the_first_version_writes_the_configuration(self, toy, tmp_path):
        file = write_version(tmp_path / "repository", toy, device="gpu")
        assert file == tmp_path / "repository/toy/1/model.onnx"
        assert files(tmp_path / "repository") == ["toy/1/model.onnx", "toy/config.pbtxt"]
        assert (tmp_path / "repository/toy/config.pbtxt").read_text() == config_text("toy", TOY_DESCRIPTION, "gpu")
        assert file.read_bytes() == toy.read_bytes()

    def test_further_versions_keep_an_edited_configuration(self, toy, tmp_path):
        write_version(tmp_path / "repository", toy)
        config = tmp_path / "repository/toy/config.pbtxt"
        config.write_text(config.read_text() + "# mine\n")
        assert write_version(tmp_path / "repository", write_toy_model(tmp_path / "b.onnx", weight=2)).parent.name == "2"
        (tmp_path / "repository/toy/9").mkdir()
        assert write_version(tmp_path / "repository", toy).parent.name == "10"
        assert config.read_text().endswith("# mine\n")

    def test_a_model_with_other_outputs_is_rejected_and_leaves_no_file(self, toy, tmp_path):
        write_version(tmp_path / "repository", toy)
        other = write_toy_model(tmp_path / "other.onnx", tasks=("gc",))
        with pytest.raises(ModelError, match=r"'expression': 2.*config.pbtxt, got .*'expression': 1.*--name"):
            write_version(tmp_path / "repository", other)
        assert files(tmp_path / "repository") == ["toy/1/model.onnx", "toy/config.pbtxt"]

    @pytest.mark.parametrize("before", [0, 1])
    def test_a_failed_export_leaves_no_file(self, toy, tmp_path, before):
        for _ in range(before):
            write_version(tmp_path / "repository", toy)
        there = files(tmp_path / "repository")
        with pytest.raises(ModelError):
            write_version(tmp_path / "repository", tmp_path / "no.onnx")
        assert files(tmp_path / "repository") == there

    @pytest.mark.parametrize("first_line", ["", 'name: "toy"\n', "# dreamkeras is fine\n", "# dreamkeras [1]\n"])
    def test_a_configuration_that_dreamkeras_did_not_write_is_kept(self, toy, tmp_path, first_line):
        folder = tmp_path / "repository/toy"
        folder.mkdir(parents=True)
        (folder / "config.pbtxt").write_text(first_line)
        with pytest.raises(ModelError, match=r"config.pbtxt.*--name"):
            write_version(tmp_path / "repository", toy)
        assert files(folder) == ["config.pbtxt"]

    @pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "é", "x" * 129, 'a"b'])
    def test_a_name_that_is_not_a_plain_folder_name_is_rejected(self, tmp_path, name):
        with pytest.raises(ModelError, match="Expected a model name of"), triton_version(tmp_path / "repository", name):
            pytest.fail("the block ran")
        assert not (tmp_path / "repository").exists()

    def test_unknown_device(self, tmp_path):
        with pytest.raises(ModelError, match="cpu, gpu, tensorrt, got 'tpu'"), triton_version(tmp_path, "toy", "tpu"):
            pytest.fail("the block ran")

    def test_repository_that_cannot_be_written(self, toy, tmp_path):
        with pytest.raises(DreamkerasError, match="Cannot write"):
            write_version(toy, toy)


def test_copying_another_file_is_rejected(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"other\.onnx"):
        copy_onnx(tmp_path / "other.onnx", tmp_path / "copy.onnx")
    assert files(tmp_path) == ["other.onnx"]
