"""Tests of the options of `dreamkeras predict` for intervals, percentiles and unusual sequences."""

import json
import shutil

import numpy as np
import pytest
from toy_models import write_toy_model

from dreamkeras.cli.options.confidence import chosen_confidence
from dreamkeras.confidence.background import KINDS
from dreamkeras.confidence.columns import ConfidenceColumns
from dreamkeras.confidence.familiarity import measure_familiarity
from dreamkeras.confidence.intervals import measure_intervals
from dreamkeras.scoring import predictor as predictor_module
from dreamkeras.sequence.ragged import Ragged

OPTIONS = ("--interval", "0.9", "--percentile", "--flag-unusual")


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """A model with one task, errors of 1 to 20, background predictions of 0 to 10, and training inserts of 8 bases."""
    pytest.importorskip("onnx")
    sizes = np.arange(1.0, 21)[:, None]
    random = np.random.default_rng(0).choice(list(b"ACGT"), 16_000).astype(np.uint8)
    calibration = {
        "intervals": measure_intervals(sizes, np.zeros_like(sizes), ["gc"]).to_json(),
        "background": {"sequences": 11, **{kind: {"gc": list(range(11))} for kind in KINDS}},
        "familiarity": measure_familiarity(Ragged.from_lengths(random, np.full(2000, 8))).to_json(),
    }
    return write_toy_model(tmp_path_factory.mktemp("models") / "m.onnx", tasks=("gc",), calibration=calibration)


@pytest.fixture
def fasta(tmp_path):
    (tmp_path / "in.fa").write_text(">a\nACGTTGCA\n>b\nGCGC\n")
    return tmp_path / "in.fa"


TSV = "id\tunusual\tgc\tgc_low\tgc_high\tgc_percentile\na\t\t4\t-15\t23\t40\nb\tlength\t4\t-15\t23\t40\n"


def test_columns_are_added_to_predictions(run, knowing, fasta):
    result = run("predict", fasta, "-m", knowing, *OPTIONS)
    assert (result.exit_code, result.stdout, result.stderr) == (0, TSV, "Read 2 records.\n")


def test_each_option_works_alone(run, knowing, fasta):
    assert run("predict", fasta, "-m", knowing, "--interval", "0.5").stdout.splitlines()[1] == "a\t4\t-7\t15"
    assert run("predict", fasta, "-m", knowing, "--percentile").stdout.splitlines()[1] == "a\t4\t40"
    assert run("predict", fasta, "-m", knowing, "--flag-unusual").stdout.splitlines()[2] == "b\tlength\t4"
    assert run("predict", fasta, "-m", knowing).stdout.splitlines()[1] == "a\t4"


def test_use_of_the_packaged_model_is_reported(run, knowing, fasta, monkeypatch):
    monkeypatch.setattr(predictor_module, "PACKAGED_MODEL", knowing)
    result = run("predict", fasta, *OPTIONS)
    assert (result.exit_code, result.stdout) == (0, TSV)
    assert result.stderr == "No -m given: used the packaged model toy (construct toy).\nRead 2 records.\n"


def test_json_lines_have_the_columns(run, knowing, fasta):
    rows = [json.loads(line) for line in run("predict", fasta, "-m", knowing, *OPTIONS, "--format", "jsonl").stdout.splitlines()]
    assert rows[1] == {"id": "b", "unusual": "length", "gc": 4, "gc_low": -15, "gc_high": 23, "gc_percentile": 40}


def test_resumed_runs_require_the_same_options(run, knowing, fasta, tmp_path, monkeypatch):
    out = tmp_path / "o.tsv"
    assert run("predict", fasta, "-m", knowing, *OPTIONS, "--resume", "-o", out).exit_code == 0
    assert out.read_text() == TSV
    from dreamkeras.scoring import shards

    monkeypatch.setattr(shards.Shards, "remove", lambda self: None)
    run("predict", fasta, "-m", knowing, *OPTIONS, "--resume", "-o", out)
    result = run("predict", fasta, "-m", knowing, "--interval", "0.5", "--percentile", "--flag-unusual", "--resume", "-o", out)
    assert result.exit_code == 1
    assert "started with another choice of options" in result.stderr


def test_a_track_can_hold_a_bound_but_no_text(run, knowing, tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTGGGG\n")
    tiled = ("predict", tmp_path / "g.fa", "--tile", "8:4", "-m", knowing, "-o", tmp_path / "t.bedgraph")
    assert run(*tiled, "--interval", "0.9", "--column", "gc_high").exit_code == 0
    assert (tmp_path / "t.bedgraph").read_text().splitlines()[0].split("\t")[3] == "23"
    result = run(*tiled, "--flag-unusual")
    assert (result.exit_code, "--flag-unusual requires a table" in result.stderr) == (2, True)


@pytest.mark.parametrize("option", [("--interval", "0.9"), ("--percentile",), ("--flag-unusual",)])
def test_a_model_without_calibration_is_one_line(run, toy_model, fasta, option, tmp_path):
    result = run("predict", fasta, "-m", toy_model, *option, "-o", tmp_path / "o.tsv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The model toy has no ")
    assert result.stderr.endswith("Calibrate the model with dreamkeras calibrate.\n")
    assert not (tmp_path / "o.tsv").exists()


def test_an_ensemble_only_flags_unusual_sequences(run, knowing, fasta):
    together = ("predict", fasta, "-m", knowing, "-m", shutil.copy(knowing, knowing.with_name("copy.onnx")))
    assert run(*together, "--flag-unusual").stdout.splitlines()[2] == "b\tlength\t4\t0"
    assert "Expected one model with intervals in its calibration, got 2" in run(*together, "--interval", "0.9").stderr


@pytest.mark.parametrize("level", ["0", "1", "95", "high"])
def test_levels_are_between_0_and_1(run, fasta, level):
    assert run("predict", fasta, "--interval", level).exit_code == 2


def test_the_packaged_model_is_calibrated(run, tmp_path):
    (tmp_path / "in.txt").write_text("TGCATTTTTTTCACATC" + "GATTACA" * 11 + "GGTTACGGCTGTT\n")
    header, row = (line.split("\t") for line in run("predict", tmp_path / "in.txt", *OPTIONS).stdout.splitlines())
    found = dict(zip(header, row, strict=True))
    assert float(found["expression_high"]) - float(found["expression_low"]) == pytest.approx(2 * 3.388641, abs=1e-4)
    assert 0 <= float(found["expression_percentile"]) <= 100
    assert found["unusual"] == "kmers"


def test_no_option_gives_none():
    assert chosen_confidence({"interval": None, "percentile": False, "flag_unusual": False}) is None
    assert chosen_confidence({"interval": None, "percentile": True, "flag_unusual": False}) == ConfidenceColumns(percentile=True)
