"""Errors that an option solves name the option. Other errors are unchanged."""

import pytest

MODEL = "No -m given: used the packaged yeast model."
ASSAY = "No --assay was given, so the file was read as yeast data."
LONG = "ACGT" * 50
SKIP = "To skip such sequences, add --on-error skip."


@pytest.fixture
def long(tmp_path):
    """Path of a table with one sequence that is too long for the yeast construct."""
    (tmp_path / "long.tsv").write_text(f"sequence\tvalue\n{LONG}\t3\n")
    return tmp_path / "long.tsv"


@pytest.mark.parametrize(
    "args", [("predict",), ("predict", "--on-error", "skip"), ("mutagenesis",), ("marginalise", "TGACTCA", "--backgrounds")]
)
def test_a_sequence_that_does_not_fit_the_packaged_model_names_the_model_option(run, long, args):
    result = run(*args[:1], long, *args[1:]) if args[0] != "marginalise" else run(*args, long)
    assert result.exit_code == 1
    skip = f" {SKIP}" if args[0] in ("predict", "mutagenesis") and "skip" not in args else ""
    assert result.stderr.splitlines()[-1].endswith(f"got 200 in record '1' ({long}, line 2). {MODEL}{skip}")


def test_a_named_model_gets_no_hint(run, long, toy_model):
    result = run("predict", long, "-m", toy_model)
    assert result.stderr.endswith(f"for construct 'toy', got 200 in record '1' ({long}, line 2). {SKIP}\n")


def test_an_error_that_does_not_depend_on_the_model_gets_no_hint(run, tmp_path):
    assert run("predict", tmp_path / "none.fa").stderr == f"Error: File not found: {tmp_path / 'none.fa'}.\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"sequence\tvalue\n{LONG}\t3\n", "for construct 'yeast', got 200"),
        (f"sequence\tactivity\n{LONG}\t3\n", "has no column named 'value'"),
        ("sequence\tvalue\nACGT\t-3\n", "Expected a value from 0 to 17, got -3"),
        ("s1\tACGT\t3\n", "Expected a number, got 'ACGT'"),
    ],
)
def test_a_file_that_is_not_of_the_default_assay_names_the_assay_option(run, tmp_path, text, error):
    (tmp_path / "t.tsv").write_text(text)
    by_default = run("train", tmp_path / "t.tsv", "--out", tmp_path / "run").stderr.splitlines()[-1]
    named = run("train", tmp_path / "t.tsv", "--assay", "yeast", "--out", tmp_path / "run").stderr.splitlines()[-1]
    assert error in named
    assert (f" {ASSAY}" in by_default, by_default.replace(f" {ASSAY}", "")) == (True, named)


def test_an_assay_in_a_configuration_file_gets_no_hint(run, long, tmp_path):
    (tmp_path / "run.toml").write_text('assay = "yeast"\n')
    result = run("train", long, "--config", tmp_path / "run.toml", "--out", tmp_path / "run")
    assert result.stderr.endswith(f"got 200 in record '1' ({long}, line 2). {SKIP}\n")


def test_a_missing_training_file_gets_no_hint(run, tmp_path):
    assert run("train", tmp_path / "none.tsv", "--out", tmp_path / "run").stderr == f"Error: File not found: {tmp_path / 'none.tsv'}.\n"


COLUMN = "Name the column with --sequence-column."
LENGTH = "Choose another window length with --length."
TABLE = ("--assay", "table", "--target-column", "y")


@pytest.mark.parametrize("args", [("predict",), ("mutagenesis",), ("train", *TABLE, "--out", "run")])
def test_a_missing_column_of_sequences_names_the_option(run, tmp_path, monkeypatch, args):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.tsv").write_text("oligo\ty\nACGT\t1\n")
    result = run(args[0], "t.tsv", *args[1:])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith(f"t.tsv has no column named 'sequence'. Columns in line 1: 'oligo', 'y'. {COLUMN}")
    assert COLUMN not in run(args[0], "t.tsv", *args[1:], "--sequence-column", "oligos").stderr


def test_a_table_without_header_and_sequences_names_the_option_but_regions_do_not(run, tmp_path):
    (tmp_path / "t.tsv").write_text("1.5\t2\n")
    assert run("predict", tmp_path / "t.tsv").stderr.endswith(f"line 1). {COLUMN}\n")
    (tmp_path / "t.tsv").write_text("chr1\t5\t20\tx\n")
    assert run("predict", tmp_path / "t.tsv").stderr.endswith("read BED regions with --genome FASTA.\n")


def test_other_assays_have_no_option_for_the_column_of_sequences(run, tmp_path):
    (tmp_path / "t.tsv").write_text("oligo\tvalue\nACGT\t1\n")
    assert COLUMN not in run("train", tmp_path / "t.tsv", "--assay", "yeast", "--out", tmp_path / "run").stderr


@pytest.mark.parametrize("args", [(*TABLE, "--length", 6), ("--length", 6, *TABLE)])
def test_a_sequence_that_is_longer_than_the_window_names_the_length(run, tmp_path, args):
    (tmp_path / "t.tsv").write_text("sequence\ty\nACGTACGT\t1\n")
    result = run("train", tmp_path / "t.tsv", *args, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith((f"line 2). {LENGTH} {SKIP}", f"line 2). {SKIP} {LENGTH}"))
    (tmp_path / "t.tsv").write_text("sequence\ty\n\t1\n")
    assert "--length" not in run("train", tmp_path / "t.tsv", *args, "--out", tmp_path / "run").stderr


def test_the_window_of_a_model_gets_no_hint(run, long, toy_model, tmp_path):
    choices = ("--assay", "table", "--target-column", "value", "--length", 12)
    result = run("evaluate", long, *choices, "-m", toy_model, "-o", tmp_path / "out")
    assert result.stderr.endswith(f"got 200 in record '1' ({long}, line 2). {SKIP}\n")


def test_random_sequences_that_are_too_long_name_the_length(run):
    result = run("marginalise", "TGACTCA", "--length", 500)
    assert result.stderr.endswith(f"got 500 in background 1. Choose another length with --length. {MODEL}\n")


@pytest.mark.parametrize("command", ["predict", "mutagenesis", "ablate"])
@pytest.mark.parametrize("region", ["chr9\t0\t12", "chr1\t5\t90"])
def test_regions_that_are_not_in_the_genome_name_the_option_that_skips_them(run, tmp_path, toy_model, command, region):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTACGTACGTACGT\n")
    (tmp_path / "r.bed").write_text(f"chr1\t0\t12\n{region}\n")
    args = (command, tmp_path / "r.bed", "--genome", tmp_path / "g.fa", "-m", toy_model)
    hint = "To skip such regions, add --on-error skip.\n"
    assert run(*args).stderr.endswith(hint)
    assert hint not in run(*args, "--on-error", "skip").stderr


def test_a_command_without_the_option_does_not_name_it(run, tmp_path):
    (tmp_path / "long.fa").write_text(f">x\n{LONG}\n")
    assert SKIP not in run("marginalise", "TGACTCA", "--backgrounds", tmp_path / "long.fa").stderr
