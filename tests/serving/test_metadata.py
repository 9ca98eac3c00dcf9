import importlib.metadata

import pytest

from dreamkeras.serving.metadata import EXTENSIONS, model_config, model_metadata, model_statistics, server_metadata
from dreamkeras.serving.settings import Settings


@pytest.fixture(scope="module")
def model(running):
    return running.service.models.get("toy")


def test_server_metadata_has_version_and_extensions():
    found = server_metadata()
    assert found == {"name": "dreamkeras", "version": importlib.metadata.version("dreamkeras"), "extensions": list(EXTENSIONS)}


def test_metadata_lists_each_input_once(running, model):
    found = model_metadata(model, running.service.models)
    assert [tensor["name"] for tensor in found["inputs"]] == ["sequences", "letters"]
    assert (found["name"], found["versions"], found["platform"]) == ("toy", ["1"], "onnxruntime_onnx")


def test_metadata_and_config_agree_on_shapes(running, model):
    config = model_config(model, Settings())
    for side, sides in (("input", "inputs"), ("output", "outputs")):
        shapes = [tensor["shape"] for tensor in model_metadata(model, running.service.models)[sides]]
        assert shapes == [[-1, *tensor["dims"]] for tensor in config[side]]


def test_config_contains_the_settings(model):
    settings = Settings(rows=100, batch_rows=32, delay_seconds=0.002, queue_rows=500, timeout_seconds=3)
    config = model_config(model, settings)
    assert config["max_batch_size"] == 100
    batching = config["dynamic_batching"]
    assert (batching["preferred_batch_size"], batching["max_queue_delay_microseconds"]) == ([model.batch_rows], 2000)
    assert batching["default_queue_policy"]["default_timeout_microseconds"] == 3_000_000
    assert batching["default_queue_policy"]["max_queue_size"] == 500


def test_config_marks_both_inputs_as_optional(model):
    assert [tensor["optional"] for tensor in model_config(model, Settings())["input"]] == [True, True]


def test_config_contains_construct_tasks_and_units(model):
    parameters = model_config(model, Settings())["parameters"]
    assert {name: value["string_value"] for name, value in parameters.items()} == {
        "construct": "toy",
        "tasks": "gc, a",
        "units": "letters, letters",
    }


def test_statistics_contain_the_model_name(model):
    found = model_statistics(model)
    assert (found["name"], found["version"]) == ("toy", "1")
    assert set(found) == {
        "name",
        "version",
        "last_inference",
        "inference_count",
        "execution_count",
        "inference_stats",
        "batch_stats",
        "memory_usage",
    }
