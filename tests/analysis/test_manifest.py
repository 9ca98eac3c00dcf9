import hashlib
import json
import sys

from dreamkeras.analysis.manifest import write_manifest


def test_the_manifest_names_command_files_and_versions(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.onnx").write_bytes(b"model")
    (tmp_path / "data.tsv").write_bytes(b"data")
    write_manifest(tmp_path / "manifest.json", "dreamkeras evaluate data.tsv", [str(tmp_path / "run")], [str(tmp_path / "data.tsv"), "-"])
    found = json.loads((tmp_path / "manifest.json").read_text())
    assert found["command"] == "dreamkeras evaluate data.tsv"
    assert found["models"] == {str(tmp_path / "run"): hashlib.sha256(b"model").hexdigest()}
    assert found["inputs"] == {str(tmp_path / "data.tsv"): hashlib.sha256(b"data").hexdigest(), "-": None}
    assert found["versions"]["python"] == sys.version.split()[0]
    assert {"dreamkeras", "numpy"} <= set(found["versions"])
