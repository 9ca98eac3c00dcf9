import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_the_example_passes_all_checks(run, monkeypatch):
    keras = pytest.importorskip("keras")
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.chdir(EXAMPLES)
    backend = keras.backend.backend()
    result = run("check", "own_block:ResNetCore", "--backend", backend)
    assert (result.exit_code, result.stderr) == (0, ""), result.stdout
    lines = result.stdout.splitlines()
    assert lines[0] == f"check\t{backend}"
    assert len(lines) == 8
    assert all(line.endswith("\tok") for line in lines[1:])


def test_a_registered_name_requires_a_slot(run):
    result = run("check", "bhi")
    assert result.exit_code == 2
    assert "--slot" in result.stderr


def test_a_failed_import_is_one_line(run):
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    result = run("check", "no_such_module:Block")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert "no_such_module" in result.stderr
    assert result.stderr.count("\n") == 1
