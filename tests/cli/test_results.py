import json
from pathlib import Path

import click
import numpy as np
import pytest

from dreamkeras.cli.results import leave_manifest, model_files, open_results, refuse_clashes
from dreamkeras.errors import InputError

VALUES = np.array([[1.5], [2.25]], np.float32)


def write(output, format=None):
    with open_results(str(output), ("expression",), format) as writer:
        writer.write(["a", "b"], VALUES)


def test_standard_output_is_tsv(capfdbinary):
    write("-")
    assert capfdbinary.readouterr().out == b"id\texpression\na\t1.5\nb\t2.25\n"


def write_then_fail(output):
    with open_results(output, ("expression",)) as writer:
        writer.write(["a", "b"], VALUES)
        raise ZeroDivisionError


@pytest.mark.parametrize("format", ["tsv", "csv", "jsonl", "parquet"])
def test_standard_output_gets_the_bytes_that_a_file_gets(tmp_path, capfdbinary, format):
    write(tmp_path / f"o.{format}")
    write("-", format)
    assert capfdbinary.readouterr().out == (tmp_path / f"o.{format}").read_bytes()


def test_failure_publishes_nothing_and_leaves_no_file(tmp_path, capfdbinary, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for output in ("-", tmp_path / "o.tsv"):
        with pytest.raises(ZeroDivisionError):
            write_then_fail(str(output))
    assert capfdbinary.readouterr().out == b""
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_published_before_the_end(tmp_path, capfdbinary):
    with open_results("-", ("expression",)) as first, open_results(str(tmp_path / "o.tsv"), ("expression",)) as second:
        for writer in (first, second):
            writer.write(["a", "b"] * 50_000, VALUES.repeat(50_000, 0))
        assert capfdbinary.readouterr().out == b""
        assert not (tmp_path / "o.tsv").exists()
    assert capfdbinary.readouterr().out.count(b"\n") == 100_001


def test_an_output_may_not_be_an_input(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    refuse_clashes([str(tmp_path / "a"), "-"], str(tmp_path / "c"))
    with pytest.raises(InputError, match=f"an output beside the inputs, got {tmp_path}/b for both"):
        refuse_clashes(["-", str(tmp_path / "a")], str(tmp_path / "b"))


@pytest.mark.parametrize("names", [("a", "b"), ("a", "./a"), ("new", "x/../new"), ("link", "none"), ("folder", "folder")])
def test_an_output_may_not_be_another(tmp_path, monkeypatch, names):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "none")
    with pytest.raises(click.UsageError, match=f"a name of its own for each result, got {names[1]} twice"):
        refuse_clashes([], names[0], None, "other", names[1])


def test_standard_output_takes_one_result_and_devices_any(tmp_path):
    refuse_clashes(["-"], "-", None, "/dev/null", Path("/dev/null"), tmp_path / "a", tmp_path / "b")
    with pytest.raises(click.UsageError, match="one result at most on standard output"):
        refuse_clashes([], "-", str(tmp_path / "a"), "-")


def test_what_a_run_folder_holds_is_an_input(tmp_path):
    (tmp_path / "model.keras").write_text("x")
    refuse_clashes([None, *model_files([tmp_path])], str(tmp_path / "o.tsv"))
    with pytest.raises(InputError, match="an output beside the inputs"):
        refuse_clashes(model_files([tmp_path]), str(tmp_path / "model.keras"))


@pytest.mark.parametrize("command", ["predict", "mutagenesis", "ablate", "variants"])
def test_a_model_is_never_an_output(run, toy_model, tmp_path, command):
    model, pairs = tmp_path / "m.onnx", tmp_path / "p.csv"
    model.write_bytes(toy_model.read_bytes())
    pairs.write_text("id,sequence,ref,alt\na,ACGTA,ACGTA,ACGTC\n")
    result = run(command, pairs, "-m", model, "-o", model)
    assert (result.exit_code, "Expected an output beside the inputs" in result.stderr) == (1, True), result.stderr
    assert model.read_bytes() == toy_model.read_bytes()


def test_a_manifest_tells_the_command_the_models_and_the_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/usr/bin/dk", "ablate", "a.fa"])
    (tmp_path / "a.fa").write_text("x")
    leave_manifest("-", (), ["a.fa"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.fa"]
    leave_manifest("o.tsv", (), ["a.fa", "-"], {"more": 1})
    manifest = json.loads((tmp_path / "o.tsv.manifest.json").read_text())
    assert (manifest["command"], manifest["more"], list(manifest["inputs"])) == ("dreamkeras ablate a.fa", 1, ["a.fa", "-"])
    assert [Path(path).suffix for path in manifest["models"]] == [".onnx"]
