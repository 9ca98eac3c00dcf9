import csv
import io
import json

import pytest


@pytest.fixture
def promoters(tmp_path):
    path = tmp_path / "made.fa"
    path.write_text(">x\nGGGGAAAATTTT\n>y\nACGTAC\n")
    return path


def table(result):
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))


def test_replaced_windows_lose_the_counted_bases(run, toy_model, promoters):
    found = table(run("ablate", promoters, "-m", toy_model, "--window", 4, "--step", 4, "--method", "unknown"))
    assert [(row["id"], row["start"], row["end"], row["gc_effect"], row["a_effect"]) for row in found] == [
        ("x", "0", "4", "-4", "0"),
        ("x", "4", "8", "0", "-4"),
        ("x", "8", "12", "0", "0"),
        ("y", "0", "4", "-2", "-1"),
        ("y", "2", "6", "-2", "-1"),
    ]


@pytest.mark.parametrize(("method", "count", "advice"), [
    ("dinucleotides", 3, " Choose --method letters or longer spans."), ("letters", 2, ""), ("unknown", 0, ""),
])  # fmt: skip
def test_spans_without_another_order_are_counted(run, toy_model, promoters, tmp_path, method, count, advice):
    (tmp_path / "spans.bed").write_text("x\t0\t2\nx\t4\t7\nx\t2\t6\n")
    result = run("ablate", promoters, "-m", toy_model, "--spans", tmp_path / "spans.bed", "--method", method)
    line = f"The effect of {count} of 3 spans is nan, because every shuffle of the span is equal to the span.{advice}\n"
    assert [row["gc_effect"] for row in table(result)].count("nan") == count
    assert (line in result.stderr) == (count > 0)
    assert ("nan" in result.stderr) == (count > 0)


def test_spans_are_read_from_bed(run, toy_model, promoters, tmp_path):
    (tmp_path / "spans.bed").write_text("id\tstart\tend\tletters\ny\t1\t3\tCG\nx\t0\t2\tGG\n")
    output = tmp_path / "out.csv"
    result = run("ablate", promoters, "-m", toy_model, "--spans", tmp_path / "spans.bed", "--method", "unknown", "-o", output)
    assert result.exit_code == 0, result.stderr
    assert output.read_text() == "id,start,end,gc_effect,a_effect\nx,0,2,-2,0\ny,1,3,-2,0\n"
    manifest = json.loads((tmp_path / "out.csv.manifest.json").read_text())
    assert set(manifest["inputs"]) == {str(promoters), str(tmp_path / "spans.bed")}


def test_shuffles_keep_base_counts(run, toy_model, promoters):
    found = table(run("ablate", promoters, "-m", toy_model, "--method", "letters"))
    assert {(row["gc_effect"], row["gc_effect_sd"]) for row in found} == {("0", "0")}


def test_spans_without_a_sequence_are_reported(run, toy_model, promoters, tmp_path):
    (tmp_path / "spans.bed").write_text("z\t1\t3\n")
    result = run("ablate", promoters, "-m", toy_model, "--spans", tmp_path / "spans.bed")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: The first column of {tmp_path}/spans.bed contains no name of a sequence in INPUT.\n",
    )


@pytest.mark.parametrize(("args", "others"), [(["--window", 5], "--window or --step"), (["--span", "1:5"], "--span")])
def test_spans_and_windows_cannot_be_combined(run, promoters, args, others):
    result = run("ablate", promoters, "--spans", "x", *args)
    assert (result.exit_code, f"--spans cannot be combined with {others}." in result.stderr) == (2, True)


@pytest.mark.parametrize("args", [["--shuffles", "3"], ["--seed", "0"]])
def test_shuffle_options_without_shuffles_are_refused(run, promoters, args):
    result = run("ablate", promoters, "--method", "unknown", *args)
    assert (result.exit_code, f"{args[0]} has no effect with --method unknown." in result.stderr) == (2, True)


def test_unfit_sequences_can_be_skipped(run, toy_model, tmp_path):
    (tmp_path / "made.txt").write_text("ACGT\nA\n")
    assert run("ablate", tmp_path / "made.txt", "-m", toy_model).exit_code == 1
    result = run("ablate", tmp_path / "made.txt", "-m", toy_model, "--on-error", "skip")
    assert (result.exit_code, "Skipped 1 of 2 records" in result.stderr) == (0, True)


def test_invalid_spans_are_reported_and_the_others_written(run, toy_model, promoters, tmp_path):
    promoters.write_text(promoters.read_text() + ">short\nA\n")
    (tmp_path / "spans.bed").write_text("y\t1\t9\nx\t0\t2\nshort\t0\t1\nother\t0\t1\n")
    result = run("ablate", promoters, "-m", toy_model, "--spans", tmp_path / "spans.bed", "--method", "unknown", "--on-error", "skip")
    assert [row["id"] for row in table(result)] == ["x"]
    assert f"got 1-9 for an insert of 6 letters in record 'y' ({promoters}, line 3).\n" in result.stderr
    assert "Skipped 2 of 3 records.\n" in result.stderr
    assert "Skipped spans of sequences that are not in INPUT: 1 of 4.\n" in result.stderr
