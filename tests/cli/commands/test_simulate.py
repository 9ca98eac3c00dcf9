"""Tests of the command `dreamkeras simulate`."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from dreamkeras.cli.main import main


def run(*arguments):
    return CliRunner().invoke(main, ["simulate", *map(str, arguments)])


def test_rows_are_written_to_standard_output():
    result = run("-n", 5)
    assert result.exit_code == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert len(rows) == 5
    assert all(sequence.startswith("TGCATTTTTTTCACATC") and 0 <= float(value) <= 17 for sequence, value in rows)
    assert result.stderr == ""


def test_the_seed_determines_the_library(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert run("-n", 20, "--seed", seed, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_the_truth_is_written_to_a_separate_file(tmp_path):
    result = run("-n", 20, "-o", tmp_path / "library.tsv", "--truth", tmp_path / "truth.tsv")
    assert result.exit_code == 0
    assert result.stdout == ""
    header, *rows = (tmp_path / "truth.tsv").read_text().splitlines()
    assert header.startswith("id\texpression\tAbf1")
    assert len(rows) == 20


@pytest.mark.parametrize("arguments", [("-n", 0), ("-n", "many"), ("--seed", -1), ("extra",)])
def test_wrong_usage_exits_with_2(arguments):
    assert run(*arguments).exit_code == 2


def test_an_output_that_cannot_be_written_is_one_line(tmp_path):
    result = run("-n", 5, "-o", tmp_path / "missing" / "library.tsv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "missing" in result.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is a Linux device")
def test_a_full_disk_is_one_line():
    result = run("-n", 500, "-o", "/dev/full")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_importing_the_command_imports_no_numpy():
    code = "import sys, dreamkeras.cli.commands.simulate; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_the_truth_cannot_overwrite_the_library(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "library")
    result = run("-n", 5, "-o", tmp_path / "library", "--truth", tmp_path / "link")
    assert (result.exit_code, "Two results would be written to " in result.stderr) == (2, True)
    assert not (tmp_path / "library").exists()
