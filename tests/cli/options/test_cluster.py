"""Tests of the options of `dreamkeras predict --engine ray`. `tests/scoring/test_cluster.py` tests the scoring."""

import pytest

from dreamkeras.scoring.pipeline import Scored
from dreamkeras.scoring.skipped import Skipped


@pytest.fixture
def fasta(tmp_path):
    (tmp_path / "in.fa").write_text(">x\nACGT\n")
    return tmp_path / "in.fa"


@pytest.fixture
def asked(monkeypatch):
    """Arguments of `score_on_ray`, which is replaced."""
    asked = {}

    def score(paths, work, **options):
        asked.update(paths=paths, work=work, **options)
        return Scored(3, Skipped(1, ("why",)))

    monkeypatch.setattr("dreamkeras.scoring.cluster.score_on_ray", score)
    return asked


def test_options_are_passed_to_the_cluster_and_skipped_records_reported(run, toy_model, fasta, tmp_path, asked):
    output = tmp_path / "out"
    options = ("--format", "csv", "--threads", "2", "--batch-size", "8", "--on-error", "skip", "--device", "cuda", "--resume")
    result = run("predict", fasta, "-m", toy_model, "-o", output, "--engine", "ray", "--ray-address", "auto", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Skipped: why.\nSkipped 1 of 4 records.\n")
    work = asked["work"]
    assert (work.models, work.folder, work.format, work.device) == ((str(toy_model),), str(output), "csv", "cuda")
    assert (work.threads, work.batch_size, work.on_error) == (2, 8, "skip")
    assert (asked["paths"], asked["address"], asked["resume"]) == ((str(fasta),), "auto", True)


def test_tiles_of_a_genome_are_passed_on(run, toy_model, fasta, tmp_path, asked):
    assert run("predict", fasta, "-m", toy_model, "-o", tmp_path / "out", "--engine", "ray", "--tile", "4:2").exit_code == 0
    assert asked["work"].reader.windows.tile == (4, 2)
    assert asked["work"].threads == 1


def test_urls_are_passed_on_unchanged(run, toy_model, asked):
    places = ["s3://bucket/in?region=us-east-1", "s3://bucket/out?region=us-east-1"]
    assert run("predict", places[0], "-m", toy_model, "-o", places[1], "--engine", "ray").exit_code == 0
    assert (asked["paths"], asked["work"].folder) == ((places[0],), places[1])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--engine", "ray"], "--engine ray requires a folder as -o"),
        (["--engine", "ray", "-o", "out.bw", "--tile", "4:2"], "--engine ray cannot write a track, only a table."),
        (["--engine", "ray", "-o", "out", "--threads", "auto"], "got auto"),
        (["--ray-address", "auto"], "--ray-address requires --engine ray, got local."),
        (["s3://bucket/in.fa"], "URLs require --engine ray, got local."),
        (["-o", "s3://bucket/out.tsv"], "URLs require --engine ray, got local."),
        (["--engine", "dask"], "'dask' is not one of"),
    ],
)
def test_conflicting_options_are_refused(run, toy_model, fasta, args, message):
    result = run("predict", fasta, "-m", toy_model, *args)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_every_option_is_in_the_help(run):
    shown = run("predict", "--help").stdout
    assert "--engine [local|ray]" in shown
    assert "--ray-address ADDRESS" in shown
