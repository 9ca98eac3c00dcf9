import csv
import io
import json
import sys

import click
import pytest

from dreamkeras.cli.options.shared import numbers


def table(result):
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))


def test_effects_are_those_of_the_inserted_bases(run, toy_model, tmp_path):
    (tmp_path / "made.txt").write_text("AAAAAAAAAA\nAAAAAAAA\n")
    found = table(run("marginalise", "GCN", "-m", toy_model, "--backgrounds", tmp_path / "made.txt", "--positions", "1,6"))
    assert [(row["id"], row["position"], row["strand"]) for row in found] == [("GCN", p, s) for p in "16" for s in "+-"]
    assert {(row["gc_effect"], row["gc_effect_low"], row["gc_effect_high"], row["a_effect"]) for row in found} == {("2", "2", "2", "-2")}


def test_two_motifs_have_a_spacing_and_an_interaction(run, toy_model):
    found = table(run("marginalise", "GG", "CC", "-m", toy_model, "--spacings", "0:6:3", "--strands", "+", "--gc", "0"))
    assert [(row["position"], row["spacing"], row["strands"]) for row in found] == [("2", spacing, "++") for spacing in "036"]
    assert {(row["gc_effect"], row["gc_first"], row["gc_second"], row["gc_interaction"]) for row in found} == {("4", "2", "2", "0")}


@pytest.mark.parametrize(("percent", "effect"), [(100, "-2"), (0, "0")])
def test_gc_content_is_in_percent(run, toy_model, percent, effect):
    assert {row["gc_effect"] for row in table(run("marginalise", "TT", "-m", toy_model, "--gc", percent))} == {effect}


def test_results_have_a_manifest_and_depend_only_on_the_seed(run, toy_model, tmp_path):
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        assert run("marginalise", "GWS", "-m", toy_model, "--seed", seed, "-n", 20, "-o", path).exit_code == 0
    one, same, other = (path.read_text() for path in paths)
    assert one == same != other
    manifest = json.loads((tmp_path / "a.csv.manifest.json").read_text())
    assert list(manifest["models"]) == [str(toy_model)]


def test_adapters_of_backgrounds_are_removed(run, tmp_path):
    (tmp_path / "made.txt").write_text("TGCATTTTTTTCACATC" + "ACGT" * 20 + "GGTTACGGCTGTT\n")
    first = run("marginalise", "TGACTCA", "--backgrounds", tmp_path / "made.txt", "--positions", "80")
    assert "Motif TGACTCA at positions 80 to 86 is outside the shortest background, which has 80 letters" in first.stderr
    (found,) = table(run("marginalise", "TGACTCA", "--backgrounds", tmp_path / "made.txt", "--positions", "74", "--strands", "+"))
    assert found["expression_effect"] == found["expression_effect_low"]


@pytest.mark.parametrize(("output", "missing"), [("o.xyz", ""), ("none/o.tsv", ""), ("o.parquet", "pyarrow")])
def test_an_invalid_output_is_refused_before_scoring(run, toy_model, tmp_path, monkeypatch, output, missing):
    def ask(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr("dreamkeras.explain.marginalise.marginalise", ask)
    monkeypatch.setitem(sys.modules, missing, None)
    result = run("marginalise", "GC", "-m", toy_model, "-o", tmp_path / output)
    assert (result.exit_code, result.stderr.count("\n"), list(tmp_path.iterdir())) == (1, 1, [])


@pytest.mark.parametrize("name", ["made.tsv", "m.onnx"])
def test_an_output_cannot_be_an_input(run, toy_model, tmp_path, name):
    (tmp_path / "made.tsv").write_text("id\tsequence\na\tAAAAAAAAAA\n")
    (tmp_path / "m.onnx").write_bytes(toy_model.read_bytes())
    before = (tmp_path / name).read_bytes()
    more = ("--format", "tsv", "--backgrounds", tmp_path / "made.tsv", "-o", tmp_path / name)
    result = run("marginalise", "GC", "-m", tmp_path / "m.onnx", *more)
    assert (result.exit_code, "Output would overwrite the input" in result.stderr) == (1, True)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["A", "C", "G"], "Expected one or two motifs, got 3"),
        (["A", "--spacings", "1"], "--spacings requires a second motif."),
        (["A", "--length", "10", "--backgrounds", "x"], "--length has no effect with --backgrounds."),
        (["A", "-n", "10", "--backgrounds", "x"], "--number has no effect with --backgrounds."),
        (["A", "--gc", "0", "--backgrounds", "x"], "--gc has no effect with --backgrounds."),
        (["A", "--gc", "101"], "101"),
        (["A", "--positions", "x"], "'x' is neither a list of whole numbers such as 3,5,8 nor FROM:TO:STEP"),
    ],
)
def test_conflicting_options_are_refused(run, args, message):
    result = run("marginalise", *args)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_an_invalid_motif_is_one_line(run, toy_model):
    result = run("marginalise", "TG4", "-m", toy_model)
    message = "Error: Expected a motif that consists of the IUPAC codes ACGTURYSWKMBDHVN, got 'TG4'.\n"
    assert (result.exit_code, result.stderr) == (1, message)


def test_overlapping_motifs_are_refused(run, toy_model):
    result = run("marginalise", "GG", "CC", "-m", toy_model, "--spacings=-1:2")
    assert (result.exit_code, result.stderr) == (1, "Error: Expected spacings of at least 0, got -1.\n")


@pytest.mark.parametrize(
    ("text", "wanted"), [("7", [7]), ("3,5,8", [3, 5, 8]), ("0:4:2", [0, 2, 4]), ("1:3", [1, 2, 3]), ("0:5:3", [0, 3])]
)
def test_numbers_are_lists_or_ranges(text, wanted):
    assert numbers(text) == wanted


@pytest.mark.parametrize("text", ["", "3:1", "10:0:-5", "0:4:0", "1:2:3:4", "1:", ":", "1,", "1.5", "a:b"])
def test_malformed_lists_and_ranges_are_refused(text):
    with pytest.raises(click.BadParameter, match="is neither a list of whole numbers such as 3,5,8 nor FROM:TO:STEP"):
        numbers(text)


def test_the_length_of_a_range_is_checked_before_it_is_expanded():
    assert len(numbers("1:100000")) == 100_000
    for text in ("0:100000", "0:2000000000", "0:999999999999999999", ",".join(["1"] * 100_001)):
        with pytest.raises(click.BadParameter, match="lists more than 100,000 numbers"):
            numbers(text)
