import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest
from toy_models import write_toy_model

from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.scoring import cpus
from dreamkeras.scoring import session as session_module
from dreamkeras.scoring.names import DEVICES
from dreamkeras.scoring.session import open_session, run_session

CPU, CUDA = session_module.CPU, session_module.CUDA


@pytest.fixture
def gpu_runtime(monkeypatch):
    """Stub of onnxruntime-gpu. `runtime.loads` lists the providers that its sessions report, or is None for an error."""
    runtime = types.ModuleType("onnxruntime")
    runtime.loads = [CUDA, CPU]
    runtime.opened = []

    class InferenceSession:
        def __init__(self, path, options, providers, enable_fallback):
            names = [name if isinstance(name, str) else name[0] for name in providers]
            runtime.opened.append(names)
            runtime.severity = options.log_severity_level
            print("*** EP Error ***")
            if CUDA in names and runtime.loads is None:
                raise RuntimeError("libcudnn.so.9: cannot open\nshared object file")
            self.held = [name for name in names if name in (runtime.loads or [CPU])]

        def get_providers(self):
            return self.held

    runtime.InferenceSession = InferenceSession
    runtime.SessionOptions = types.SimpleNamespace
    runtime.get_available_providers = lambda: [CUDA, CPU]
    runtime.set_default_logger_severity = lambda level: None
    runtime.preload_dlls = lambda: print("Failed to load libcudart.so.13")
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    return runtime


def test_default_number_of_threads_is_the_number_of_cpus(toy_model, monkeypatch):
    monkeypatch.setattr(cpus, "available_cpus", lambda: 3)
    assert open_session(str(toy_model), "cpu").get_session_options().intra_op_num_threads == 3
    assert open_session(str(toy_model), "cpu", threads=1).get_session_options().intra_op_num_threads == 1


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_cpu_is_used_without_a_gpu(toy_model, device):
    assert open_session(str(toy_model), device).get_providers() == [CPU]


def test_unknown_device_is_refused_with_the_known_ones(toy_model):
    with pytest.raises(ModelError, match="auto, cpu, cuda, got 'tpu'"):
        open_session(str(toy_model), "tpu")
    assert DEVICES == ("auto", "cpu", "cuda")


def test_no_threads_are_refused(toy_model):
    with pytest.raises(ModelError, match="at least 1 thread, got 0"):
        open_session(str(toy_model), "cpu", threads=0)


def test_missing_onnxruntime_names_the_extra(toy_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[cpu\]'"):
        open_session(str(toy_model))


def test_cuda_without_the_gpu_build_names_the_extra(toy_model, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    with pytest.raises(MissingPackageError, match=r"dreamkeras\[gpu\]"):
        open_session(str(toy_model), "cuda")


def test_error_names_both_packages_if_both_are_installed(toy_model, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    monkeypatch.setattr(session_module, "_is_installed", lambda package: True)
    with pytest.raises(MissingPackageError, match=r"both onnxruntime and .*pip uninstall -y onnxruntime onnxruntime-gpu; "):
        open_session(str(toy_model), "cuda")


def test_incomplete_installation_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", types.ModuleType("onnxruntime"))
    monkeypatch.setattr(session_module, "_is_installed", lambda package: package == "onnxruntime-gpu")
    way = r"the installation is incomplete: pip uninstall -y onnxruntime-gpu; pip install 'dreamkeras\[cpu\]'"
    with pytest.raises(MissingPackageError, match=way):
        open_session("m.onnx")


def test_installed_packages_are_found_by_their_metadata():
    assert session_module._is_installed("numpy")
    assert not session_module._is_installed("no-such-package")


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_cuda_is_used_if_it_loads(gpu_runtime, device):
    assert open_session("m.onnx", device).get_providers() == [CUDA, CPU]


@pytest.mark.parametrize("loads", [[CPU], None], ids=["silently without CUDA", "with an error"])
def test_cuda_that_does_not_load_is_an_error_with_cuda_and_falls_back_to_cpu_with_auto(gpu_runtime, loads):
    gpu_runtime.loads = loads
    with pytest.raises(ModelError, match="CUDA cannot be used for device 'cuda'"):
        open_session("m.onnx", "cuda")
    assert open_session("m.onnx", "auto").get_providers() == [CPU]


def test_cpu_never_tries_cuda(gpu_runtime):
    open_session("m.onnx", "cpu")
    assert gpu_runtime.opened == [[CPU]]


def test_onnxruntime_before_1_21_has_nothing_to_preload(gpu_runtime):
    del gpu_runtime.preload_dlls
    assert open_session("m.onnx", "cuda").get_providers() == [CUDA, CPU]


def test_output_of_onnxruntime_about_cuda_is_suppressed(gpu_runtime, capfd):
    open_session("m.onnx", "cuda")
    assert capfd.readouterr() == ("", "")


def test_opening_and_running_is_silent(toy_model, capfd):
    run_session(open_session(str(toy_model)), ["expression"], {"letters": np.zeros((1, 12), np.uint8)})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"no model at all\n", b"\x08\x08\x12\x04" + b"\xff" * 99])
def test_error_for_a_file_that_is_not_onnx_is_one_line(tmp_path, content, capfd):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"ONNX Runtime cannot open the model .*m\.onnx") as caught:
        open_session(str(tmp_path / "m.onnx"))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def changed_model(path, change):
    """Writes the toy model after a change of its protobuf to a path of more than 300 characters."""
    onnx = pytest.importorskip("onnx")
    path = path / ("d" * 200) / ("e" * 200) / "m.onnx"
    path.parent.mkdir(parents=True)
    model = onnx.load(write_toy_model(path))
    change(model)
    path.write_bytes(model.SerializeToString())
    return str(path)


class TestCauseOfAnError:
    @pytest.mark.parametrize(
        ("attribute", "value", "cause"),
        [
            ("op_type", "NoSuchOperator", "No Op registered for NoSuchOperator"),
            ("domain", "com.example", "No opset import for domain 'com.example'"),
        ],
    )
    def test_long_path_does_not_hide_the_cause(self, tmp_path, attribute, value, cause):
        path = changed_model(tmp_path, lambda model: setattr(model.graph.node[0], attribute, value))
        with pytest.raises(ModelError) as caught:
            open_session(path)
        assert cause in str(caught.value)
        assert str(caught.value).count(path) == 1

    @pytest.mark.parametrize(
        ("change", "wanted"),
        [
            (lambda model: setattr(model, "ir_version", 99), "its IR version 99 requires a release of ONNX Runtime after 1.32"),
            (lambda model: setattr(model.opset_import[0], "version", 99), "its opset 99 requires a release of ONNX Runtime after 1.32"),
        ],
    )
    def test_model_newer_than_all_known_releases(self, tmp_path, change, wanted):
        with pytest.raises(ModelError) as caught:
            open_session(changed_model(tmp_path, change))
        assert wanted in str(caught.value)
        assert re.search(
            r"but onnxruntime\S* \d+\.\d+\.\d+ is installed\. Upgrade the package: pip install --upgrade onnxruntime", str(caught.value)
        )

    @pytest.mark.parametrize(
        ("said", "wanted"),
        [
            ("Unsupported model IR version: 11, max supported IR version: 10", "its IR version 11 requires ONNX Runtime 1.23 or later"),
            ("Unsupported model IR version: 12, max supported IR version: 10", "its IR version 12 requires ONNX Runtime 1.24 or later"),
            ("Opset 23 is under development and support for this is limited.", "its opset 23 requires ONNX Runtime 1.23 or later"),
        ],
    )
    def test_model_of_a_known_release(self, gpu_runtime, said, wanted):
        def refuse(*args, **options):
            raise RuntimeError(f"[ONNXRuntimeError] : 1 : FAIL : Load model from m.onnx failed:{said}")

        gpu_runtime.InferenceSession = refuse
        with pytest.raises(ModelError, match=wanted):
            open_session("m.onnx", "cpu")

    def test_place_in_the_source_of_onnxruntime_is_left_out(self, gpu_runtime):
        def refuse(*args, **options):
            place = "/onnxruntime_src/onnxruntime/core/graph/model.cc:256 onnxruntime::Model::Model(onnx::ModelProto&&, const Path&)"
            raise RuntimeError(f"[ONNXRuntimeError] : 1 : FAIL : Load model from m.onnx failed:{place} No graph.\n")

        gpu_runtime.InferenceSession = refuse
        with pytest.raises(ModelError) as caught:
            open_session("m.onnx", "cpu")
        assert str(caught.value) == "ONNX Runtime cannot open the model m.onnx: No graph."


def test_truncated_model_is_refused(tmp_path):
    whole = write_toy_model(tmp_path / "m.onnx").read_bytes()
    (tmp_path / "m.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        open_session(str(tmp_path / "m.onnx"))


def test_error_names_the_shape_of_a_failed_batch(toy_model):
    session = open_session(str(toy_model))
    with pytest.raises(ModelError, match=r"letters \(2, 5\).*smaller batch") as caught:
        run_session(session, ["expression"], {"letters": np.zeros((2, 5), np.uint8)})
    assert "\n" not in str(caught.value)


TELEMETRY = session_module.TELEMETRY


@pytest.mark.parametrize(("before", "seen"), [(None, "1"), ("", "1"), ("0", "0"), ("true", "true")])
def test_telemetry_is_off_while_onnx_runtime_is_imported_unless_the_user_has_chosen(monkeypatch, before, seen):
    pytest.importorskip("onnxruntime")
    saw = []
    monkeypatch.delenv(TELEMETRY) if before is None else monkeypatch.setenv(TELEMETRY, before)
    monkeypatch.setattr(session_module.importlib, "import_module", lambda name: saw.append(os.environ.get(TELEMETRY)) or sys.modules[name])
    session_module.import_onnxruntime()
    assert saw[0] == seen
    assert os.environ.get(TELEMETRY) == before


def test_import_with_an_unwritable_temporary_folder_prints_and_writes_nothing(toy_model, tmp_path):
    hidden = {name: value for name, value in os.environ.items() if name not in ("CI", TELEMETRY)}
    code = f"from dreamkeras.scoring.session import open_session; open_session({str(toy_model)!r})"
    environment = hidden | {"TMPDIR": "/proc/self", "HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr, list(tmp_path.glob(".*"))) == ("", "", [])


def test_errors_of_onnxruntime_are_printed_and_its_warnings_are_not(gpu_runtime):
    open_session("m.onnx", "auto")
    assert gpu_runtime.severity == 3  # 0 verbose, 1 info, 2 warning, 3 error, 4 fatal
