import json

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.evaluation.subsets import SUBSETS, RowSequences, read_subsets
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

PAIRS = "alt_tag,alt_pos,ref_pos,alt_exp\nx,3,1,\ny,4,1,\nx,3,1,\n"


@pytest.fixture
def folder(tmp_path):
    """Folder with two subsets, each of which has a repeated row."""
    (tmp_path / "high_exp_seqs.csv").write_text(",tag,pos,exp\n0,a,7,\n1,b,2,\n2,c,7,\n3,d,5,\n")
    (tmp_path / "motif_tiling_seqs.csv").write_text(PAIRS)
    return tmp_path


def write_public(folder, **used):
    """Writes the files of the public leaderboard, which are empty except for the given ones."""
    folder.mkdir()
    for subset in SUBSETS.values():
        if subset.public:
            keys = used.get(subset.public.removesuffix("_exp_indices.json"), [])
            (folder / subset.public).write_text(json.dumps({key: [0.5] for key in keys}))
    return folder


def test_weights_are_those_of_the_challenge():
    assert sum(subset.weight for subset in SUBSETS.values()) == pytest.approx(4.65)
    assert [name for name, subset in SUBSETS.items() if subset.paired] == ["SNVs", "motif perturbation", "motif tiling"]


def test_a_repeated_row_is_used_once(folder):
    found = read_subsets(folder, 9)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "all": list(range(9)),
        "high expression": [2, 5, 7],
        "motif tiling": [[3, 1], [4, 1]],
    }


def test_public_rows_are_excluded_from_all_subsets_and_pairs_from_their_subset(folder):
    public = write_public(folder / "public", low=["2"], motif_tiling=["4,1"], SNVs=["3,8"])
    found = read_subsets(folder, 9, public)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "all": [0, 5, 6, 7],  # without 2, without 4 and 1, without 3 and 8
        "high expression": [5, 7],
        "motif tiling": [[3, 1]],
    }


@pytest.mark.parametrize("cell", ["9", "-1", "x", "1.0", "", "1_0", "\u0661"])
def test_a_row_that_is_not_in_the_test_names_its_line(folder, cell):
    (folder / "high_exp_seqs.csv").write_text(f"tag,pos\na,2\nb,{cell}\n")
    with pytest.raises(InputError, match=rf"row numbers of the test file from 0 to 8, got '{cell}' .*high_exp_seqs.csv, line 3"):
        read_subsets(folder, 9)


def test_a_file_in_place_of_a_folder_is_refused(folder, tmp_path):
    (tmp_path / "file").touch()
    for given, public in ((tmp_path / "file", None), (folder, tmp_path / "file")):
        with pytest.raises(InputError, match=r"^Expected a folder, got a file: .*file\.$"):
            read_subsets(given, 9, public)


def test_a_folder_without_subsets_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has none of the files with test subsets: high_exp_seqs\.csv"):
        read_subsets(tmp_path, 9)


@pytest.mark.parametrize("content", ['{"1,2": 0}', '{"a": 0}', '{"1_0": 0}', '{"\u0661": 0}'])
def test_a_broken_public_file_is_named(folder, content):
    public = write_public(folder / "public")
    (public / "low_exp_indices.json").write_text(content)
    with pytest.raises(InputError, match=r"low_exp_indices\.json to contain a JSON object whose keys are row numbers: "):
        read_subsets(folder, 9, public)


def test_the_challenges_own_files_are_read(data_folder):
    found = read_subsets(data_folder / "data" / "yeast_gpra" / "test_subsets", 71_103)
    assert list(found) == [name for name in SUBSETS if name != "SNVs"]
    assert all(len(np.unique(rows, axis=0)) == len(rows) for rows in found.values())


class TestSequences:
    TEXTS = ("ACGT", "AAAA", "CCCC", "GGGG")

    @pytest.fixture
    def tested(self):
        construct = Construct("four", length=4)
        return RowSequences(construct.windows(Ragged.from_strings(self.TEXTS)), construct)

    def test_same_sequences_are_accepted(self, tmp_path, tested):
        (tmp_path / "high_exp_seqs.csv").write_text("sequence,pos\nGGGG,3\nACGT,0\n")
        (tmp_path / "motif_tiling_seqs.csv").write_text("alt_sequence,ref_sequence,alt_pos,ref_pos\nCCCC,AAAA,2,1\n")
        found = read_subsets(tmp_path, 4, test=tested)
        assert (found["high expression"].tolist(), found["motif tiling"].tolist()) == ([0, 3], [[2, 1]])

    @pytest.mark.parametrize(
        ("file", "table"),
        [
            ("high_exp_seqs.csv", "sequence,pos\nGGGG,3\nACGT,1\n"),
            ("high_exp_seqs.csv", "sequence,pos\nGGGGG,3\nACGT,1\n"),
            ("motif_tiling_seqs.csv", "alt_sequence,ref_sequence,alt_pos,ref_pos\nCCCC,AAAA,2,1\nCCCC,GGGG,2,1\n"),
        ],
    )
    def test_other_sequences_are_refused(self, tmp_path, tested, file, table):
        (tmp_path / file).write_text(table)
        with pytest.raises(InputError, match=rf"^Row 1 of the test file differs from the sequence in .*{file}, line 3\."):
            read_subsets(tmp_path, 4, test=tested)
