import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from dreamkeras.cli.main import main
from dreamkeras.cli.results import leave_manifest, model_files, open_results, open_shards, refuse_clashes
from dreamkeras.errors import InputError
from dreamkeras.files.folders import claim, open_folder
from dreamkeras.scoring.shards import Shard

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
def test_standard_output_and_files_have_the_same_bytes(tmp_path, capfdbinary, format):
    write(tmp_path / f"o.{format}")
    write("-", format)
    assert capfdbinary.readouterr().out == (tmp_path / f"o.{format}").read_bytes()


def test_a_failure_leaves_no_file(tmp_path, capfdbinary, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for output in ("-", tmp_path / "o.tsv"):
        with pytest.raises(ZeroDivisionError):
            write_then_fail(str(output))
    assert capfdbinary.readouterr().out == b""
    assert list(tmp_path.iterdir()) == []


def test_the_file_appears_only_at_the_end(tmp_path, capfdbinary):
    with open_results("-", ("expression",)) as first, open_results(str(tmp_path / "o.tsv"), ("expression",)) as second:
        for writer in (first, second):
            writer.write(["a", "b"] * 50_000, VALUES.repeat(50_000, 0))
        assert capfdbinary.readouterr().out == b""
        assert not (tmp_path / "o.tsv").exists()
    assert capfdbinary.readouterr().out.count(b"\n") == 100_001


def test_an_output_cannot_be_an_input(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    refuse_clashes([str(tmp_path / "a"), "-"], str(tmp_path / "c"))
    with pytest.raises(InputError, match=f"Output would overwrite the input '{tmp_path}/b'. Choose another output."):
        refuse_clashes(["-", str(tmp_path / "a")], str(tmp_path / "b"))


@pytest.mark.parametrize("names", [("a", "b"), ("a", "./a"), ("new", "x/../new"), ("link", "none"), ("folder", "folder")])
def test_two_outputs_cannot_be_the_same(tmp_path, monkeypatch, names):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "none")
    with pytest.raises(click.UsageError, match=f"Two results would be written to {names[1]}. Choose different names."):
        refuse_clashes([], names[0], None, "other", names[1])


@pytest.mark.skipif(not Path("/dev/fd/0").exists(), reason="descriptors have no names here")
def test_an_output_cannot_be_an_input_by_a_descriptor(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    with (tmp_path / "a").open("a") as file:
        name = f"/dev/fd/{file.fileno()}"
        (tmp_path / "link").symlink_to(name)
        refuse_clashes([str(tmp_path / "b")], name)
        for output in (name, tmp_path / "link"):
            with pytest.raises(InputError, match=f"Output would overwrite the input '{output}'. Choose another output."):
                refuse_clashes(["-", str(tmp_path / "a")], output)
            with pytest.raises(click.UsageError, match="Two results would be written to "):
                refuse_clashes([], output, str(tmp_path / "a"))


def test_only_one_result_can_be_standard_output_under_any_name(tmp_path):
    for names in (("-", "/dev/stdout"), ("/dev/stdout", "/dev/fd/1")):
        with pytest.raises(click.UsageError, match="Only one result can be written to standard output"):
            refuse_clashes([], *names)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(click.UsageError, match="Two results would be written to "):
        refuse_clashes([], tmp_path / "pipe", tmp_path / "pipe")


def test_only_devices_can_take_several_results(tmp_path):
    refuse_clashes(["-"], "-", None, "/dev/null", Path("/dev/null"), tmp_path / "a", tmp_path / "b")
    with pytest.raises(click.UsageError, match="Only one result can be written to standard output"):
        refuse_clashes([], "-", str(tmp_path / "a"), "-")


def test_files_of_a_run_folder_are_inputs(tmp_path):
    (tmp_path / "model.keras").write_text("x")
    refuse_clashes([None, *model_files([tmp_path])], str(tmp_path / "o.tsv"))
    with pytest.raises(InputError, match="Output would overwrite the input"):
        refuse_clashes(model_files([tmp_path]), str(tmp_path / "model.keras"))


@pytest.mark.parametrize("command", ["predict", "mutagenesis", "ablate", "variants"])
def test_a_model_cannot_be_an_output(run, toy_model, tmp_path, command):
    model, pairs = tmp_path / "m.onnx", tmp_path / "p.csv"
    model.write_bytes(toy_model.read_bytes())
    pairs.write_text("id,sequence,ref,alt\na,ACGTA,ACGTA,ACGTC\n")
    result = run(command, pairs, "-m", model, "-o", model)
    assert (result.exit_code, "Output would overwrite the input" in result.stderr) == (1, True), result.stderr
    assert model.read_bytes() == toy_model.read_bytes()


@pytest.fixture
def shell(toy_model, tmp_path):
    """`shell(line)`: a line of bash in a folder with in.fa, p.csv, g.fa and toy.onnx, where `dreamkeras` is the command."""
    (tmp_path / "toy.onnx").write_bytes(toy_model.read_bytes())
    (tmp_path / "in.fa").write_text(">first\nACGT\n>second\nggggcc\n")
    (tmp_path / "p.csv").write_text("id,ref,alt\na,ACGTA,ACGTC\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "dreamkeras"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from dreamkeras.cli.main import main; main()" "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"

    def run_line(line):
        command = ["bash", "-o", "pipefail", "-c", line]
        return subprocess.run(command, cwd=tmp_path, env={**os.environ, "PATH": path}, check=False, capture_output=True, text=True)

    return run_line


RESULTS = "id\tgc\ta\nfirst\t2\t1\nsecond\t6\t0\n"

STREAMS = {
    "-o /dev/stdout >> keep": "before\n" + RESULTS,
    "-o - >> keep": "before\n" + RESULTS,
    "-o /dev/stderr 2>> keep": "before\n" + RESULTS,
    "-o /dev/fd/7 7>> keep": "before\n" + RESULTS,
    "-o /proc/self/fd/7 7>> keep": "before\n" + RESULTS,
    "-o link >> keep": "before\n" + RESULTS,
    "-o /dev/stdout > keep": RESULTS,
    "-o >(gzip -n | gunzip >> keep; touch done); while [ ! -e done ]; do sleep 0.01; done": "before\n" + RESULTS,
    "-o pipe & timeout 100 cat pipe >> keep; wait $!": "before\n" + RESULTS,
    "-o pipe.csv.gz & timeout 100 cat pipe.csv.gz | gunzip >> keep; wait $!": "before\n" + RESULTS.replace("\t", ","),
}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="not every name of a descriptor is known here")
@pytest.mark.parametrize("line", STREAMS)
def test_streams_are_written_to_and_not_replaced(shell, tmp_path, line):
    (tmp_path / "keep").write_text("before\n")
    (tmp_path / "link").symlink_to("/dev/stdout")
    for name in ("pipe", "pipe.csv.gz"):
        os.mkfifo(tmp_path / name)
    inode = (tmp_path / "keep").stat().st_ino
    done = shell(f"dreamkeras predict in.fa -m toy.onnx {line}")
    read = "" if "stderr" in line else "Read 2 records.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", read)
    assert ((tmp_path / "keep").read_text(), (tmp_path / "keep").stat().st_ino) == (STREAMS[line], inode)
    assert not list(tmp_path.glob("*.manifest.json"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="not every name of a descriptor is known here")
@pytest.mark.parametrize(
    "line",
    ["in.fa >> in.fa", "in.fa -o /dev/stdout >> in.fa", "- -o in.fa < in.fa", "in.fa -o link 7>> in.fa", "in.fa -o /dev/fd/7 7>> toy.onnx"],
)
def test_a_redirected_input_cannot_be_an_output(shell, tmp_path, line):
    (tmp_path / "link").symlink_to("/dev/fd/7")
    before = {name: (tmp_path / name).read_bytes() for name in ("in.fa", "toy.onnx")}
    done = shell(f"dreamkeras predict -m toy.onnx {line}")
    assert (done.returncode, done.stderr.startswith("Error: Output would overwrite the input")) == (1, True), done.stderr
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    "line",
    [
        "mutagenesis in.fa -m toy.onnx",
        "mutagenesis in.fa -m toy.onnx --format npz",
        "ablate in.fa -m toy.onnx --format parquet",
        "variants p.csv -m toy.onnx --format jsonl",
        "marginalise GC -m toy.onnx --length 8 --number 3",
        "simulate -n 3",
    ],
)
def test_commands_write_the_same_to_streams_and_files(shell, tmp_path, line):
    (tmp_path / "keep").write_text("before\n")
    done = shell(f"dreamkeras {line} -o /dev/stdout >> keep; dreamkeras {line} -o file")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "keep").read_bytes() == b"before\n" + (tmp_path / "file").read_bytes()
    assert not list(tmp_path.glob("keep.*"))


@pytest.mark.parametrize("name", ["o.tsv", "o.csv", "o.jsonl"])
def test_gzip_is_chosen_by_the_suffix(shell, tmp_path, name):
    lines = ["predict in.fa -m toy.onnx", "mutagenesis in.fa -m toy.onnx --meme m{} --seqlets s.tsv{}", "variants p.csv -m toy.onnx"]
    for number, line in enumerate(lines):
        for suffix in ("", ".gz"):
            done = shell(f"dreamkeras {line.format(suffix, suffix)} -o {number}.{name}{suffix}")
            assert done.returncode == 0, done.stderr
        assert gzip.decompress((tmp_path / f"{number}.{name}.gz").read_bytes()) == (tmp_path / f"{number}.{name}").read_bytes()
    for beside in ("m", "s.tsv"):
        assert gzip.decompress((tmp_path / f"{beside}.gz").read_bytes()) == (tmp_path / beside).read_bytes()


def test_a_manifest_has_the_command_models_and_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/usr/bin/dk", "ablate", "a.fa"])
    (tmp_path / "a.fa").write_text("x")
    leave_manifest("-", (), ["a.fa"])
    leave_manifest("/dev/stdout", (), ["a.fa"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.fa"]
    leave_manifest("o.tsv", (), ["a.fa", "-"], {"more": 1})
    manifest = json.loads((tmp_path / "o.tsv.manifest.json").read_text())
    assert (manifest["command"], manifest["more"], list(manifest["inputs"])) == ("dreamkeras ablate a.fa", 1, ["a.fa", "-"])
    assert [Path(path).suffix for path in manifest["models"]] == [".onnx"]


WAITING = """
import sys
from dreamkeras.scoring.shards import Shards
add = Shards.add
def wait(self, shard):
    add(self, shard)
    print("held", flush=True)
    sys.stdin.read()
Shards.add = wait
from dreamkeras.cli.main import main
main()
"""


@pytest.mark.parametrize("line", ["predict in.fa", "mutagenesis in.fa", "variants p.csv"])
def test_the_second_of_two_resumed_processes_is_refused(shell, run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    assert shell(f"dreamkeras {line} -m toy.onnx -o whole.tsv").returncode == 0
    args = [*line.split(), "-m", "toy.onnx", "-o", "o.tsv", "--resume"]
    with subprocess.Popen([sys.executable, "-c", WAITING, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        kept = sorted(Path("o.tsv.unfinished").iterdir())
        for _ in range(2):
            result = run(*args)
            assert (result.exit_code, result.stderr) == (
                1,
                "Error: Another process is writing to 'o.tsv'. Wait until that process has ended, or choose another name.\n",
            )
        assert sorted(Path("o.tsv.unfinished").iterdir()) == kept
        first.communicate("")
    assert first.returncode == 0
    assert Path("o.tsv").read_bytes() == Path("whole.tsv").read_bytes()
    assert not list(tmp_path.glob("*.unfinished"))


def test_resumed_shards_give_the_same_gzip(shell, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dreamkeras.scoring.pipeline.SHARD", 64)
    (tmp_path / "many.fa").write_text("".join(f">s{number}\nACGTAC\n" for number in range(200)))
    assert run("predict", "many.fa", "-m", "toy.onnx", "-o", "o.tsv.gz", "--resume").exit_code == 0
    assert run("predict", "many.fa", "-m", "toy.onnx", "-o", "whole.tsv.gz").exit_code == 0
    assert Path("o.tsv.gz").read_bytes() == Path("whole.tsv.gz").read_bytes()


@pytest.mark.parametrize("command", ["predict", "mutagenesis", "variants"])
@pytest.mark.parametrize("output", ["-", "/dev/stdout", "/dev/fd/7", "/dev/null"])
def test_streams_cannot_be_resumed(run, toy_model, command, output):
    result = run(command, "in.fa", "-m", toy_model, "-o", output, "--resume")
    assert (result.exit_code, "--resume requires a file as -o" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("output", ["o.parquet.gz", "o.npz.gz", "o.xlsx"])
@pytest.mark.parametrize("options", [(), ("--resume",)])
def test_an_unknown_format_is_refused_before_scoring(run, toy_model, tmp_path, output, options):
    (tmp_path / "in.fa").write_text(">a\nACGT\n")
    result = run("mutagenesis", tmp_path / "in.fa", "-m", toy_model, "-o", tmp_path / output, *options)
    assert (result.exit_code, result.stderr.count("\n"), output in result.stderr) == (1, 1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.fa"]


FILLING = {
    "design --target max -m toy.onnx -o run": open_folder,
    "evaluate t.tsv -m toy.onnx -o run": open_folder,
    "mutagenesis in.fa -m toy.onnx -o o.tsv --logos run": open_folder,
    "mutagenesis in.fa -m toy.onnx -o o.tsv --modisco run --resume": open_folder,
    "export toy.onnx --triton . --name run": open_folder,
    "import-weights w.pth --model dream-cnn -o run": open_folder,
    "benchmark p.csv -o run": claim,
    "train p.csv --model dream-cnn-small --out run": claim,
    "train p.csv --model dream-cnn-small --folds 2 --out run": claim,
    "download yeast --to run --mirror http://localhost:1": claim,
}


@pytest.mark.parametrize("line", FILLING)
def test_a_folder_locked_by_another_process_is_refused(shell, run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    with FILLING[line](Path("run")):
        before = sorted(Path().rglob("*"))
        result = run(*line.split())
        assert (result.exit_code, result.stderr) == (
            1,
            "Error: Another process is writing to 'run'. Wait until that process has ended, or choose another name.\n",
        )
        assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    "line",
    [
        "export run",
        "export toy.onnx toy.onnx -o run/both.onnx",
        "calibrate t.tsv -m run",
        "calibrate t.tsv -m run/model.onnx",
        "calibrate t.tsv -m toy.onnx -o run/other.onnx",
    ],
)
def test_a_model_is_not_written_into_a_running_run(run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for name in ("config.json", "model.keras", "model.onnx"):
        Path("run", name).write_text("{}")
    with claim(Path("run")):
        result = run(*line.split())
    assert result.exit_code == 1
    assert re.fullmatch(
        "Error: Another process is writing to .*run'. Wait until that process has ended, or choose another name.\n", result.stderr
    )


@pytest.mark.parametrize(("one", "other"), [("logs/o.tsv", "logs"), ("logs", "logs/../logs/deep/o.tsv")])
def test_results_are_not_written_into_the_folder_of_other_results(tmp_path, monkeypatch, one, other):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError, match=r"^Results cannot be written into the folder of other results: move \S+ out of logs\.$"):
        refuse_clashes((), one, other)
    refuse_clashes((), "logs/o.tsv", "logs/more", "-", "/dev/null")


def test_a_closed_standard_error_is_not_a_failure(shell, tmp_path):
    """No file gets the descriptor of standard error, to which libraries write."""
    assert shell("dreamkeras predict in.fa -m toy.onnx -o o.tsv 2>&-").returncode == 0
    assert (tmp_path / "o.tsv").read_text() == RESULTS
    assert shell("dreamkeras predict none.fa -m toy.onnx -o new.tsv 2>&-").returncode == 1
    assert not (tmp_path / "new.tsv").exists()


@pytest.mark.parametrize(
    "line",
    [
        "predict seqs.fa -m LOOP",
        "predict LOOP",
        "predict seqs.fa -o LOOP",
        "calibrate LOOP -m LOOP -o LOOP",
        "export LOOP -o model.onnx",
        "export model.onnx -o LOOP",
        "benchmark LOOP --out LOOP",
        "variants LOOP --genome LOOP",
        "serve -m LOOP --port 0",
        "train LOOP --out run",
        "simulate -n 3 -o LOOP",
        "design --target max -o LOOP",
    ],
)
def test_a_loop_of_symbolic_links_is_one_line(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    Path("seqs.fa").write_text(">a\nACGT\n")
    Path("LOOP").symlink_to("LOOP")
    result = CliRunner().invoke(main, line.split())
    assert isinstance(result.exception, SystemExit)
    assert re.fullmatch(r"Error: .+\n", result.stderr)
    assert {path.name for path in Path().iterdir()} == {"LOOP", "seqs.fa"}


@pytest.mark.parametrize("shards", [0, 1])
def test_hint_at_resuming_is_printed_only_if_shards_were_saved(tmp_path, toy_model, capsys, shards):
    def interrupted():
        with open_shards(str(tmp_path / "o.tsv"), ["gc"], (str(toy_model),), (str(tmp_path / "s.fa"),), [], resume=True) as kept:
            for _ in range(shards):
                kept.add(Shard(["a"], np.zeros((1, 1), np.float32)))
            raise KeyboardInterrupt

    (tmp_path / "s.fa").write_text(">a\nACGT\n")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().err == "The finished predictions are saved. Repeat the command to resume.\n" * shards
