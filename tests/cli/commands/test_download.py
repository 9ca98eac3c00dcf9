"""Tests of the command `dreamkeras download`."""

import subprocess
import sys

import pytest
from file_server import Answer
from published_record import FILES, publish

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.published.record import DATA_SETS

HUMAN = "human_mpra_data.tar.gz"


@pytest.fixture
def zenodo(server, monkeypatch, tmp_path):
    """A file server that replaces Zenodo. The command runs in an empty folder."""
    publish(server, monkeypatch)
    monkeypatch.chdir(tmp_path)
    return server


def is_one_line(result):
    """Checks that a command failed with one line on standard error and no other output, and returns its result."""
    lines = result.stderr.splitlines()
    return result.exit_code == 1 and result.stdout == "" and lines[-1].startswith("Error: ") and len(lines) == 1


def test_prints_paths_command_and_citation(run, zenodo, tmp_path):
    result = run("download", "human")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["data/human/human_mpra_data.tar.gz", "data/human/human_mpra_data"]
    table = "data/human/human_mpra_data/human_mpra/K562_clean.tsv"
    use, cite = result.stderr.splitlines()
    assert use == f"To use it: dreamkeras train {table} --assay lentimpra --valid-fold 0 --model dream-rnn"
    assert (tmp_path / table).is_file()
    assert "10.1038/s41586-024-08430-9" in cite
    assert "10.5281/zenodo.10633252" in cite


@pytest.mark.parametrize("name", DATA_SETS)
def test_data_sets_are_written_to_the_chosen_folder(run, zenodo, tmp_path, name):
    result = run("download", name, "--to", tmp_path / "a" / "b")
    assert result.exit_code == 0
    published = set(DATA_SETS[name].files)
    assert published <= {path.name for path in (tmp_path / "a" / "b").iterdir()}
    assert all(line.startswith(str(tmp_path / "a" / "b")) for line in result.stdout.splitlines())
    assert "Rafi et al." in result.stderr


@pytest.mark.parametrize("name", ["yeast", "human", "drosophila"])
def test_the_suggested_command_exists(run, zenodo, tmp_path, name):
    (line,) = [line for line in run("download", name).stderr.splitlines() if line.startswith("To use it: ")]
    words = line.removeprefix("To use it: dreamkeras ").split()
    assert run(*words, "--help").exit_code == 0
    assert (tmp_path / words[1]).is_file()
    assert find_assay(words[words.index("--assay") + 1] if "--assay" in words else "yeast")


def test_a_second_run_downloads_nothing(run, zenodo):
    first = run("download", "yeast")
    zenodo.requests.clear()
    second = run("download", "yeast")
    assert (second.stdout, second.stderr, zenodo.requests) == (first.stdout, first.stderr, [])


def test_an_interrupted_connection_is_reported_and_resumed(run, zenodo, tmp_path):
    zenodo.spoil("zenodo/train.txt", Answer(cut=10_000))
    result = run("download", "yeast")
    assert result.exit_code == 0
    assert "train.txt: connection closed. Retrying in 0 s." in result.stderr
    assert (tmp_path / "data/yeast/train.txt").read_bytes() == FILES["train.txt"]


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        ([Answer(404)], ": 404 Not Found."),
        ([Answer(announced=5)], "bytes of train.txt, got 5 in the headers of"),
        ([Answer(403)], ": 403 Forbidden."),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_no_file(run, zenodo, tmp_path, spoilt, message):
    zenodo.spoil("zenodo/train.txt", *spoilt)
    result = run("download", "yeast")
    assert is_one_line(result)
    assert message in result.stderr
    assert [path.name for path in (tmp_path / "data/yeast").iterdir()] == ["10633252.json"]


def test_a_wrong_checksum_is_one_line_after_a_second_attempt(run, zenodo, tmp_path):
    zenodo.spoil("zenodo/train.txt", *[Answer(body=FILES["train.txt"][::-1])] * 2)
    result = run("download", "yeast")
    assert result.exit_code == 1
    told, error = result.stderr.splitlines()
    assert told.endswith("Downloading again.")
    assert error.startswith("Error: train.txt was damaged in two downloads: expected md5:")
    assert not (tmp_path / "data/yeast/train.txt").exists()


def test_a_mirror_without_checksums_is_reported(run, zenodo, monkeypatch):
    del zenodo.files["/index"]
    result = run("download", "human", "--mirror", f"{zenodo.url}/zenodo")
    assert result.exit_code == 0
    assert f"Could not verify {HUMAN}, because no checksum is known." in result.stderr


def test_the_list_is_a_table_on_standard_output(run, zenodo, tmp_path):
    result = run("download", "--list")
    header, *rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert header == ["data set", "file", "bytes", "checksum", "description"]
    assert {row[1]: int(row[2]) for row in rows} == {name: len(content) for name, content in FILES.items()}
    assert {row[0] for row in rows} == set(DATA_SETS)
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_one_data_set_needs_no_network(run, zenodo):
    del zenodo.files["/index"]
    result = run("download", "weights", "--list")
    assert result.exit_code == 0
    assert [line.split("\t")[1:4] for line in result.stdout.splitlines()[1:]] == [["prixfixe_model_weights.tar.gz", "-", "-"]]
    assert "404" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("mouse",), ("human", "yeast"), ("--mirror", "http://x")])
def test_wrong_usage_exits_with_2(run, arguments):
    assert run("download", *arguments).exit_code == 2


@pytest.mark.parametrize("mirror", ["here", "ftp://a/b"])
def test_an_invalid_mirror_url_is_one_line(run, zenodo, mirror):
    result = run("download", "human", "--mirror", mirror)
    assert is_one_line(result)
    assert mirror in result.stderr


def test_importing_the_command_imports_neither_numpy_nor_urllib3():
    code = "import sys, dreamkeras.cli.commands.download; print({'numpy', 'urllib3', 'rich'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
