"""Tests that every command gives the same results for a pipe as for a file, or refuses the pipe with one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filled_pipe import CHANNELS, filled_pipe, through
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_models import write_toy_model

LETTERS = "ACGTNacgtn"


def text_of(kind, records):
    if kind == "fasta":
        return "".join(f">{name} x\n{text[:3]}\n{text[3:]}\n" for name, text in records)
    if kind == "fastq":
        return "".join(f"@{name}\n{text}\n+\n{'I' * len(text)}\n" for name, text in records)
    if kind == "lines":
        return "".join(f"{text}\n" for _, text in records)
    comma = {"tsv": "\t", "csv": ","}[kind]
    return comma.join(("id", "seq")) + "\n" + "".join(f"{name}{comma}{text}\n" for name, text in records)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@given(st.data())
@settings(max_examples=60)
def test_predictions_do_not_depend_on_pipes_line_ends_or_batch_size(tmp_path_factory, model, data):
    from click.testing import CliRunner

    from dreamkeras.cli.main import main

    folder = tmp_path_factory.mktemp("data")
    kind = data.draw(st.sampled_from(["fasta", "fastq", "lines", "tsv", "csv"]))
    some = data.draw(st.lists(st.text(LETTERS, min_size=4, max_size=12), min_size=1, max_size=5))
    repeats = data.draw(st.sampled_from([1, 1, 3, 3000]))  # the last is longer than the part that is read to recognise the format
    records = [(f"s{number}", text) for number, text in enumerate(some * repeats)]
    options = ["--batch-size", str(data.draw(st.integers(1, 9 if repeats < 9 else 999)))] if data.draw(st.booleans()) else []
    content = text_of(kind, records).encode()

    def predict(path, stdin, *more):
        result = CliRunner().invoke(main, ["predict", str(path), "-m", str(model), *more], input=stdin)
        assert result.exit_code == 0, result.stderr
        assert result.stderr == f"Read {len(records):,} record{'s' * (len(records) != 1)}.\n"
        return result.stdout

    wanted = through("file", folder / "a", content, predict)
    assert wanted.count("\n") == 1 + len(records)
    channel = data.draw(st.sampled_from(CHANNELS[1:]))
    assert through(channel, folder / "b", content, lambda *args: predict(*args, *options)) == wanted


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="process substitution is bash's")
def test_process_substitution_is_accepted(tmp_path, model):
    (tmp_path / "a.fa").write_text("".join(f">s{number}\nACGTAC\n" for number in range(9000)))
    command = f"{sys.executable} -c \"from dreamkeras.cli.main import main; main(prog_name='dreamkeras')\" predict -m {model}"
    file = tmp_path / "a.fa"
    shell = f"{command} <(cat {file}) && cat {file} | {command} /dev/stdin && {command} {file}"
    done = subprocess.run(["/bin/bash", "-c", shell], capture_output=True, text=True, timeout=300, check=True)
    third = len(done.stdout) // 3
    assert done.stdout[:third] == done.stdout[third : 2 * third] == done.stdout[2 * third :]
    assert done.stderr == 3 * "Read 9,000 records.\n"


@pytest.mark.parametrize("channel", CHANNELS)
def test_parquet_is_read_from_files_and_pipes(run, model, tmp_path, channel):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    if "gzip" in channel or "crlf" in channel:
        pytest.skip("Parquet is neither")
    parquet.write_table(arrow.table({"id": ["a", "b"], "seq": ["ACGT", "GGGGG"]}), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    result = through(channel, tmp_path / "b", data, lambda path, stdin: run("predict", path, "-m", model, stdin=stdin))
    assert (result.exit_code, result.stdout) == (0, "id\tgc\ta\na\t2\t1\nb\t5\t0\n")


@pytest.mark.parametrize("command", ["predict", "mutagenesis"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_dry_run_reads_a_pipe_completely(run, model, tmp_path, command, channel):
    content = "".join(f">s{number} {'long' * 50}\nACGTAC\n" for number in range(600)).encode()
    result = through(channel, tmp_path / "a", content, lambda path, stdin: run(command, path, "-m", model, "--dry-run", stdin=stdin))
    assert (result.exit_code, "600 of 600" in result.stdout, ": fasta\n" in result.stdout) == (0, True, True)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_dry_run_reads_regions_twice(run, model, tmp_path, channel):
    (tmp_path / "g.fa").write_text(">chr1\n" + "ACGT" * 30 + "\n")
    content = b"".join(b"chr1\t%d\t%d\n" % (place, place + 12) for place in range(100)) * 60
    args = ("--genome", tmp_path / "g.fa", "-m", model, "--dry-run")
    result = through(channel, tmp_path / "a", content, lambda path, stdin: run("predict", path, *args, stdin=stdin))
    assert (result.exit_code, "6,000 regions" in result.stdout, "6,000 of 6,000" in result.stdout) == (0, True, True)


def vcf(records):
    lines = [f"chr1\t{20 + number % 60}\t.\t{'ACGT'[(19 + number) % 60 % 4]}\tN,C,G\t.\t.\t." for number in range(records)]
    return "\n".join(["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO", *lines, ""]).encode()


@pytest.mark.parametrize(("channel", "dry"), [*((channel, False) for channel in CHANNELS), ("descriptor", True), ("dash", True)])
def test_variants_are_read_from_files_and_pipes(run, model, tmp_path, channel, dry):
    (tmp_path / "g.fa").write_text(">chr1\n" + "ACGT" * 30 + "\n")
    args = ("--genome", tmp_path / "g.fa", "-m", model, *["--dry-run"] * dry)

    def variants(path, stdin):
        result = run("variants", path, *args, stdin=stdin)
        assert result.exit_code == 0, result.stderr
        return [line for line in result.stdout.splitlines() if not line.startswith(("Input", "Time", "Memory"))]

    content = vcf(3000)
    assert through(channel, tmp_path / "b", content, variants) == through("file", tmp_path / "a", content, variants)


@pytest.mark.parametrize("channel", ["file", "descriptor", "dash"])
def test_a_bgzip_vcf_cut_between_two_blocks_is_refused(run, model, tmp_path, channel):
    from dreamkeras.files.bgzip import END, BgzipWriter

    (tmp_path / "g.fa").write_text(">chr1\n" + "ACGT" * 30 + "\n")
    with open(tmp_path / "a.vcf.gz", "wb") as file:
        writer = BgzipWriter(file)
        writer.write(vcf(9000))
        writer.finish()
    whole = (tmp_path / "a.vcf.gz").read_bytes()

    def variants(path, stdin):
        return run("variants", path, "--genome", tmp_path / "g.fa", "-m", model, stdin=stdin)

    assert through(channel, tmp_path / "b.vcf.gz", whole, variants).exit_code == 0
    result = through(channel, tmp_path / "c.vcf.gz", whole[: -len(END)], variants)
    assert (result.exit_code, result.stdout, "Truncated bgzip file" in result.stderr) == (1, "", True)


@pytest.mark.parametrize("command", ["mutagenesis", "ablate", "marginalise", "design"])
@pytest.mark.parametrize("channel", ["file", "descriptor", "dash"])
def test_other_commands_accept_pipes(run, model, tmp_path, command, channel):
    content = b"".join(b">s%d %s\nACGTACGT\n" % (number, b"long" * 9000) for number in range(4))
    args = {"ablate": ["--window", "8", "--shuffles", "1"], "design": ["--target", "max", "--steps", "1", "--task", "gc"]}.get(command, [])

    def ask(path, stdin):
        chosen = {"marginalise": ["GG", "--backgrounds", path], "design": ["--start", path, "-o", tmp_path / os.urandom(4).hex()]}
        result = run(command, *chosen.get(command, [path]), *args, "-m", model, stdin=stdin)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert through(channel, tmp_path / "b", content, ask) == through("file", tmp_path / "a", content, ask)


def test_constraints_and_options_can_be_pipes(run, model, tmp_path):
    args = ("design", "--target", "max", "--task", "gc", "--steps", "1", "-m", model, "-o", tmp_path / "out", "--constraints")
    assert "Expected only the keys gc" in run(*args, "-", stdin="nonsense = 1").stderr
    with filled_pipe(b"nonsense = 1") as pipe:
        assert "Expected only the keys gc" in run(*args, pipe).stderr


REFUSED = [
    (["predict", "-", "-"], "Two inputs refer to standard input, which"),
    (["predict", "PIPE", "a.fa", "PIPE"], "which can be read only once. Use a file for one of the inputs"),
    (["predict", "a.bed", "--genome", "PIPE"], "windows are read at any position"),
    (["predict", "a.bed", "--genome", "-"], "windows are read at any position"),
    (["variants", "a.vcf", "--genome", "PIPE"], "windows are read at any position"),
    (["variants", "PIPE", "--resume", "-o", "o.tsv"], "--resume reads the input again after an interruption"),
    (["predict", "PIPE", "--resume", "-o", "o.tsv"], "--resume reads the input again after an interruption"),
    (["mutagenesis", "-", "--resume", "-o", "o.tsv"], "--resume reads the input again after an interruption"),
    (["predict", "PIPE", "-o", "out", "--engine", "ray"], "processes of the cluster read the file"),
    (["predict", "PIPE", "--tile", "9:3", "--column", "a", "-o", "o.bw"], "windows are read at any position"),
    (["predict", "a.fa", "-m", "PIPE"], "a model must be a seekable file"),
    (["design", "--target", "max", "-o", "out", "--start", "-", "--constraints", "/dev/stdin"], "Two inputs refer to"),
    (["evaluate", "-", "--predictions", "-", "--assay", "yeast", "-o", "out"], "Two inputs refer to"),
]


@pytest.mark.parametrize(("args", "reason"), REFUSED, ids=[" ".join(args) for args, _ in REFUSED])
def test_a_pipe_is_refused_with_the_reason(run, spawn, model, tmp_path, monkeypatch, args, reason):
    monkeypatch.chdir(tmp_path)
    for name, text in {"a.fa": ">a\nACGT\n", "a.bed": "chr1\t1\t9\n", "a.vcf": vcf(1).decode()}.items():
        (tmp_path / name).write_text(text)
    before = sorted(tmp_path.iterdir())
    models = [] if "-m" in args or "evaluate" in args else ["-m", model]
    with filled_pipe(b">a\nACGT\n") as pipe:
        filled = [pipe if arg == "PIPE" else arg for arg in args]
        result = spawn(*filled, *models, stdin=subprocess.DEVNULL) if "/dev/stdin" in args else run(*filled, *models)
    code = result.returncode if "/dev/stdin" in args else result.exit_code
    assert (code, result.stdout, result.stderr.count("\n"), reason in result.stderr) == (1, "", 1, True), result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_closed_standard_input_is_one_line(model):
    code = "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')"
    command = f'{sys.executable} -c "{code}" predict - -m {model} <&-'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: Cannot read standard input: it is closed.\n")


def test_standard_input_at_its_end_is_an_empty_file(run, model):
    result = run("predict", "-", "-m", model, stdin="")
    assert (result.exit_code, result.stderr) == (1, "Error: Cannot read standard input: it is empty.\n")


def test_evaluations_read_files_and_pipes(run, tmp_path):
    pytest.importorskip("matplotlib")
    from dreamkeras.data.simulation.library import simulate
    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    library = simulate(40, seed=3)
    content = "".join(f"{text}\t{value:g}\n" for text, value in zip(library.sequences, library.values, strict=True)) * 30

    def evaluate(path, stdin):
        out = tmp_path / os.urandom(4).hex()
        result = run("evaluate", path, "-m", PACKAGED_MODEL, "-o", out, "--draws", 2, "--assay", "yeast", stdin=stdin)
        assert result.exit_code == 0, result.stderr
        assert result.stderr.startswith("Read 1,200 rows of ")
        assert "Read 1,200 rows of" in (out / "report.html").read_text()
        return result.stdout, json.loads((out / "evaluation.json").read_text())["figures"]

    wanted = through("file", tmp_path / "a", content.encode(), evaluate)
    for channel in ("descriptor", "crlf dash"):
        assert through(channel, tmp_path / "b", content.encode(), evaluate) == wanted
