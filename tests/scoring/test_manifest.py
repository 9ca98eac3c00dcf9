import hashlib
import json
import sys

from dreamkeras.scoring.manifest import write_manifest


def test_manifest_contains_command_files_and_versions(tmp_path):
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


def test_manifest_contains_additional_entries(tmp_path):
    write_manifest(tmp_path / "a.tsv.manifest.json", "dreamkeras variants", [], [], {"alleles": {"ok": 3}})
    (file,) = tmp_path.iterdir()
    assert (file.name, json.loads(file.read_text())["alleles"]) == ("a.tsv.manifest.json", {"ok": 3})
