import json
import re
import shlex
from pathlib import Path

import pytest

from dreamkeras.data.assays.registry import ASSAYS
from dreamkeras.data.published.record import DATA_CITATION, DATA_SETS, FILES_URL, INDEX_URL, RecordFile, find_data_set, read_index
from dreamkeras.errors import InputError

ENTRY = {"key": "val.txt", "size": 3, "checksum": "md5:900150983cd24fb0d6963f7d28e17f72"}

PUBLISHED = {
    "yeast": [
        "train.txt",
        "val.txt",
        "filtered_test_data_with_MAUDE_expression.txt",
        "test_subset_ids.tar.gz",
        "public_leaderboard_ids.tar.gz",
    ],
    "human": ["human_mpra_data.tar.gz"],
    "drosophila": ["drosophila_starrseq_data.tar.gz"],
    "weights": ["prixfixe_model_weights.tar.gz"],
}


def test_files_are_those_of_the_record():
    assert {name: list(data_set.files) for name, data_set in DATA_SETS.items()} == PUBLISHED
    assert "10633252" in INDEX_URL
    assert "10633252" in FILES_URL


@pytest.mark.parametrize("data_set", DATA_SETS.values(), ids=DATA_SETS)
def test_commands_name_an_assay_and_have_a_pattern_for_every_path(data_set):
    assert set(re.findall(r"\{(\w+)\}", data_set.command)) == set(data_set.inputs)
    assay = re.search(r"--assay (\w+)", data_set.command)
    assert assay is None or assay[1] in ASSAYS


@pytest.mark.parametrize("name", ["human", "drosophila"])
def test_data_of_other_studies_cite_their_paper(name):
    assert "doi:10." in find_data_set(name).citation
    assert "10.5281/zenodo.10633252" in DATA_CITATION


HUMAN = ["human_mpra/HepG2_clean.tsv", "human_mpra/._K562_clean.tsv", "human_mpra/K562_clean.tsv"]


@pytest.mark.parametrize(
    ("name", "files", "command"),
    [
        ("yeast", ["val.txt", "train.txt", "a/train.txt"], "train F/train.txt --valid F/val.txt --model dream-rnn"),
        ("human", HUMAN, "train F/human_mpra/K562_clean.tsv --assay lentimpra --valid-fold 0 --model dream-rnn"),
        ("drosophila", ["d/Test.t", "d/Train.t", "d/Val.t"], "train F/d/Train.t --assay starrseq --valid F/d/Val.t --model dream-rnn"),
        ("weights", ["0_1_1_0/model_best.pth"], "import-weights F/0_1_1_0/model_best.pth --model dream-rnn --assay yeast"),
    ],
)
def test_the_example_command_contains_the_paths_of_files(name, files, command):
    assert find_data_set(name).example(Path("F"), [Path("F") / file for file in files]) == f"dreamkeras {command}"


@pytest.mark.parametrize(("name", "file"), [("weights", "w/10_1_1_0/model_best.pth"), ("drosophila", "d/Train.t"), ("human", "x.tsv")])
def test_there_is_no_example_command_if_files_are_missing(name, file):
    assert find_data_set(name).example(Path("F"), [Path("F") / file]) is None


def test_paths_in_the_example_command_are_quoted():
    folder = Path("my data")
    command = find_data_set("yeast").example(folder, [folder / "train.txt", folder / "val.txt"])
    assert shlex.split(command)[2:5] == ["my data/train.txt", "--valid", "my data/val.txt"]


def test_unknown_data_sets_are_rejected_with_a_list_of_known_ones():
    with pytest.raises(InputError, match="yeast, human, drosophila, weights, got 'mouse'"):
        find_data_set("mouse")


def test_the_index_contains_size_and_checksum():
    text = json.dumps({"id": 1, "files": [{**ENTRY, "links": {"self": "..."}, "id": "x"}]}).encode()
    assert read_index(text, "here") == {"val.txt": RecordFile(*ENTRY.values())}


@pytest.mark.parametrize(
    "text",
    [
        b"", b"<html>", b"[]", b"{}", b'{"files": 3}', b'{"files": [3]}', b"\xff\xfe", b"[" * 100_000,
        *(json.dumps({"files": [{**ENTRY, **change}]}).encode() for change in (
            {"size": -1}, {"size": "3"}, {"size": True}, {"size": None}, {"key": 3}, {"checksum": "md5:xyz"}, {"checksum": None},
        )),
        json.dumps({"files": [{"key": "val.txt"}]}).encode(),
    ],
)  # fmt: skip
def test_an_invalid_index_is_an_error_that_names_its_source(text):
    with pytest.raises(InputError, match=r"^Expected the index of Zenodo record 10633252: .*\(somewhere\)\.$"):
        read_index(text, "somewhere")
