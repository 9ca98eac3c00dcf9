"""Tests of the options of `--assay atac`, alone and in a complete run."""

import dataclasses
import json

import click
import numpy as np
import pytest
from click.testing import CliRunner

from dreamkeras.cli.options.atac import ATAC_FIELDS, atac_options, chosen_genome
from dreamkeras.data.assays.atac_layout import AtacLayout

FILES = ("--genome", "g.fa", "--signal", "s.bw")


def layout(*args, assay="atac"):
    """Returns a function that gives the layout of options, or the error message."""
    made = []

    @click.command()
    @atac_options
    @click.option("--length", type=int)
    def command(**choices):
        made.append(chosen_genome(assay, choices))
        assert set(choices) == {"bias", "length"}
        assert assay != "atac" or choices["length"] is None

    result = CliRunner().invoke(command, args)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return made[0] if made else result.output


def test_options_are_fields_of_the_layout():
    fields = {field.name for field in dataclasses.fields(AtacLayout)}
    assert set(ATAC_FIELDS.values()) | {"length"} == fields - {"drawn", "seed"}


def test_options_default_to_those_of_the_layout():
    assert layout(*FILES) == AtacLayout("g.fa", "s.bw")


def test_every_field_can_be_set():
    windows = ("--length", "400", "--profile-length", "200", "--region-jitter", "9")
    came = layout(*FILES, "--nonpeaks", "n.bed", "--nonpeak-ratio", "0.5", "--no-summits", *windows)
    assert came == AtacLayout("g.fa", "s.bw", "n.bed", length=400, profile_length=200, jitter=9, nonpeak_ratio=0.5, summits=False)


def test_unused_non_peaks_are_refused():
    assert "--nonpeaks has no effect, because --nonpeak-ratio 0" in layout(*FILES, "--nonpeaks", "n.bed", "--nonpeak-ratio", "0")
    assert layout(*FILES, "--nonpeak-ratio", "0") == AtacLayout("g.fa", "s.bw", nonpeak_ratio=0)


def test_genome_and_signal_are_required():
    assert "--assay atac requires --signal FILE." in layout("--genome", "g.fa")
    assert "--assay atac requires --genome FILE." in layout("--signal", "s.bw")


def test_other_assays_refuse_the_options():
    assert layout(assay="yeast") is None
    assert "--region-jitter requires --assay atac, got --assay yeast" in layout("--region-jitter", "3", assay="yeast")


def test_numbers_are_checked():
    assert "Expected a number of at least 0, got -1." in layout(*FILES, "--nonpeak-ratio", "-1")


def test_from_peaks_to_predictions(run, tmp_path):
    for package in ("keras", "pyBigWig", "tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    from atac_simulation import simulate_atac

    simulation, out = simulate_atac(tmp_path, chromosomes=3, peaks=10, spacing=400), tmp_path / "run"
    genome = ["--assay", "atac", "--genome", simulation.genome, "--signal", simulation.signal, "--length", "120", "--profile-length", "40"]
    network = ["--model", "bpnet-bias", "--epochs", "1", "--batch-size", "16", "--region-jitter", "10"]
    trained = run("train", simulation.peaks, *genome, *network, "--valid-fold", "chr3", "--out", out)
    assert trained.exit_code == 0, trained.stderr
    assert f"{out}: validation r" in trained.stderr
    assert json.loads((out / "config.json").read_text())["atac"]["length"] == 120

    fasta = tmp_path / "windows.fa"
    fasta.write_text("".join(f">w{row}\n{''.join(np.random.default_rng(row).choice(list('ACGT'), 120))}\n" for row in range(3)))
    predicted = run("predict", fasta, "-m", out)
    header, *rows = predicted.stdout.splitlines()
    assert header == "id\tlog_counts"
    assert [row.split("\t")[0] for row in rows] == ["w0", "w1", "w2"]
