import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from toy_models import COUNTED, write_toy_model

from dreamkeras.explain.names import EFFECT_FORMATS
from dreamkeras.files.digests import file_digest

SEQUENCES = {"first": "ACGTA", "second": "ggcc"}


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "in.fa"
    path.write_text("".join(f">{name} more\n{text}\n" for name, text in SEQUENCES.items()))
    return path


@pytest.fixture
def mutagenesis(run, toy_model):
    return lambda *args, **options: run("mutagenesis", "-m", toy_model, *args, **options)


def rows_by_hand(sequences, alternatives="ACGT"):
    """Returns the long table of effects of a model that counts bases."""
    lines = ["id\tposition\tref\talt\tgc_effect\ta_effect"]
    for name, text in sequences.items():
        for place, letter in enumerate(text, 1):
            for alt in alternatives.replace(letter.upper(), ""):
                gc, a = ((alt in COUNTED[task]) - (letter in COUNTED[task]) for task in ("gc", "a"))
                lines.append(f"{name}\t{place}\t{letter}\t{alt}\t{gc}\t{a}")
    return "\n".join(lines) + "\n"


class TestOutputs:
    def test_a_long_table_is_written_to_standard_output(self, mutagenesis, fasta):
        result = mutagenesis(fasta)
        assert (result.exit_code, result.stdout, result.stderr) == (0, rows_by_hand(SEQUENCES), f"Read {len(SEQUENCES)} records.\n")

    def test_deletions_are_additional_rows(self, mutagenesis, tmp_path):
        (tmp_path / "one.txt").write_text("ACGTA\n")
        assert mutagenesis(tmp_path / "one.txt", "--deletions").stdout == rows_by_hand({"1": "ACGTA"}, "ACGT-")

    def test_several_files_and_standard_input_keep_their_order(self, spawn, toy_model, fasta, tmp_path):
        (tmp_path / "lines.txt").write_text("TTTT\n")
        result = spawn("mutagenesis", tmp_path / "lines.txt", "-", "-m", toy_model, input=fasta.read_text())
        assert result.stdout == rows_by_hand({"1": "TTTT", **SEQUENCES})

    def test_columns_of_a_table_are_selected(self, mutagenesis, tmp_path):
        (tmp_path / "t.csv").write_text("insert,gene\nACGTA,first\nggcc,second\n")
        result = mutagenesis(tmp_path / "t.csv", "--sequence-column", "insert", "--id-column", "gene")
        assert result.stdout == rows_by_hand(SEQUENCES)

    @pytest.mark.parametrize("format", EFFECT_FORMATS)
    def test_the_format_is_from_the_suffix_or_the_option(self, mutagenesis, fasta, tmp_path, format):
        pytest.importorskip("pyarrow" if format == "parquet" else "numpy")
        for name, more in ((f"a.{format}", []), ("b.out", ["--format", format])):
            assert mutagenesis(fasta, "-o", tmp_path / name, *more).exit_code == 0
        assert (tmp_path / f"a.{format}").stat().st_size == (tmp_path / "b.out").stat().st_size

    def test_arrays_equal_the_table(self, mutagenesis, fasta, tmp_path):
        mutagenesis(fasta, "-o", tmp_path / "o.npz")
        with np.load(tmp_path / "o.npz") as arrays:
            rows = list(csv.DictReader(io.StringIO(rows_by_hand(SEQUENCES)), delimiter="\t"))
            assert arrays["effects"].sum(axis=(0, 1)).tolist() == [
                sum(int(row[name]) for row in rows) for name in ("gc_effect", "a_effect")
            ]
            assert arrays["reference"].tolist() == [[2, 2], [4, 0]]

    def test_an_ensemble_has_means_and_deviations(self, run, toy_model, fasta, tmp_path):
        other = write_toy_model(tmp_path / "other.onnx", weight=3)
        result = run("mutagenesis", fasta, "-m", toy_model, "-m", other)
        first = next(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))
        assert (first["gc_effect"], first["a_effect"], first["gc_effect_sd"], first["a_effect_sd"]) == ("2", "-2", "1.41421", "1.41421")

    def test_a_file_has_a_manifest(self, mutagenesis, toy_model, fasta, tmp_path):
        mutagenesis(fasta, "-o", tmp_path / "o.tsv")
        manifest = json.loads((tmp_path / "o.tsv.manifest.json").read_text())
        assert manifest["models"] == {str(toy_model): file_digest(toy_model)}
        assert manifest["inputs"] == {str(fasta): file_digest(fasta)}

    def test_logos_seqlets_and_formats_of_other_tools(self, mutagenesis, fasta, tmp_path):
        folder = tmp_path / "all"
        folder.mkdir()
        others = ("--logos", folder / "logos", "--seqlets", folder / "s.csv", "--meme", folder / "m.meme", "--modisco", folder / "modisco")
        assert mutagenesis(fasta, *others).exit_code == 0
        assert len(list((folder / "logos").glob("*.svg"))) == len(SEQUENCES) * 2
        assert np.load(folder / "modisco/hypothetical.gc.npz")["arr_0"].shape == (2, 4, 6)

    def test_use_of_the_packaged_model_is_reported(self, run, tmp_path):
        (tmp_path / "one.txt").write_text("ACGTA\n")
        result = run("mutagenesis", tmp_path / "one.txt")
        assert result.stdout.count("\n") == 1 + 15
        assert "No -m given: used the packaged model" in result.stderr


class TestErrors:
    def test_an_unfit_record_is_one_line_and_writes_nothing(self, mutagenesis, tmp_path):
        (tmp_path / "bad.fa").write_text(">x\nACGT\n>y\nAC!T\n")
        result = mutagenesis(tmp_path / "bad.fa", "-o", tmp_path / "o.tsv", "--logos", tmp_path / "logos")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"Error: Expected DNA letters, got '!' at position 3 in record 'y' ({tmp_path}/bad.fa, line 3).\n"
        assert [path.name for path in tmp_path.iterdir()] == ["bad.fa"]

    def test_unfit_records_can_be_skipped(self, mutagenesis, tmp_path):
        (tmp_path / "bad.fa").write_text(">x\nACGTA\n>y\nAC!T\n")
        result = mutagenesis(tmp_path / "bad.fa", "--on-error", "skip")
        assert result.stdout == rows_by_hand({"x": "ACGTA"})
        assert result.stderr.endswith("Skipped 1 of 2 records.\n")

    @pytest.mark.parametrize("option", ["-o", "--seqlets", "--meme"])
    def test_an_output_cannot_be_an_input(self, mutagenesis, fasta, option):
        before = fasta.read_text()
        assert "Output would overwrite the input" in mutagenesis(fasta, option, fasta).stderr
        assert fasta.read_text() == before

    @pytest.mark.parametrize(
        "args",
        ["-o c.tsv --seqlets c.tsv", "-o o.tsv --seqlets - --meme -", "--seqlets -", "--logos d --modisco d", "--meme m --seqlets m"],
    )
    def test_two_outputs_cannot_be_the_same_file(self, mutagenesis, fasta, tmp_path, monkeypatch, args):
        monkeypatch.chdir(tmp_path)
        result = mutagenesis(fasta, *args.split())
        same = r"Error: (Two results would be written to |Only one result can be written to standard output, but 2 results would be\.)"
        assert (result.exit_code, result.stdout, bool(re.search(same, result.stderr))) == (2, "", True)
        assert list(tmp_path.iterdir()) == [fasta]

    def test_a_folder_with_files_is_refused(self, mutagenesis, fasta, tmp_path):
        assert "Expected a new or empty folder" in mutagenesis(fasta, "--logos", tmp_path).stderr

    @pytest.mark.parametrize("args", [("in.fa",), ("in.fa", "-o", "o.tsv", "--threads", "auto")])
    def test_outputs_that_cannot_be_resumed_are_refused(self, mutagenesis, args):
        assert mutagenesis(*args, "--resume").exit_code == 2


def test_a_resumed_run_writes_the_same_bytes(run, toy_model, tmp_path, monkeypatch):
    monkeypatch.setattr("dreamkeras.explain.effect_shards.SHARD", 4)
    letters = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (60, 12))
    (tmp_path / "in.fa").write_text("".join(f">s{i}\n{row.tobytes().decode()}\n" for i, row in enumerate(letters)))
    args = ["mutagenesis", str(tmp_path / "in.fa"), "-m", str(toy_model), "--deletions", "-o", str(tmp_path / "o.tsv"), "--resume"]
    slow = "import time; add = shards.Shards.add; shards.Shards.add = lambda *rest: (add(*rest), time.sleep(0.2))"
    code = f"from dreamkeras.explain import effect_shards; effect_shards.SHARD = 4; from dreamkeras.scoring import shards; {slow}; "
    process = subprocess.Popen([sys.executable, "-c", f"{code}from dreamkeras.cli.main import main; main({args!r})"])
    while len(list(tmp_path.glob("o.tsv.unfinished/*.npz"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "o.tsv").exists()
    assert run(*args).exit_code == 0
    assert run(*args[:-2], tmp_path / "whole.tsv").exit_code == 0
    assert (tmp_path / "o.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    assert not (tmp_path / "o.tsv.unfinished").exists()


def test_progress_counts_mutants_on_a_terminal(toy_model, fasta, tmp_path):
    ours, theirs = pty.openpty()
    code = "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')"
    args = ["mutagenesis", fasta, "-m", toy_model, "-o", tmp_path / "o.tsv"]
    subprocess.run([sys.executable, "-c", code, *args], stderr=theirs, check=True, timeout=100)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "mutants" in shown
