from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from weight_sum import WeightSum

from dreamkeras.cli.options.explanation import explanation_options, explanation_outputs, open_explanations
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

NOTHING = {"logos": None, "png": False, "seqlets": None, "meme": None, "modisco": None}


def found():
    return mutagenesis(Records(["a"], Ragged.from_strings(["ACGTACGTACGT"]), np.array([1]), "made.fa"), WeightSum())


def test_options_are_the_arguments_of_the_outputs():
    @click.command()
    @explanation_options
    def command(**choices):
        assert choices == NOTHING

    assert CliRunner().invoke(command, [], catch_exceptions=False).exit_code == 0


def test_no_option_opens_nothing(tmp_path):
    with open_explanations(NOTHING)(("y",)) as sinks:
        assert sinks == []


def test_outputs_appear_only_at_the_end(tmp_path):
    files = {"seqlets": f"{tmp_path}/s.tsv", "meme": f"{tmp_path}/m.meme"}
    choices = {**NOTHING, **files, "logos": tmp_path / "l", "modisco": tmp_path / "m"}
    with open_explanations(choices)(("y",)) as sinks:
        for sink in sinks:
            sink.write(found())
        assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l", "m", "m.meme", "s.tsv"]
    assert (tmp_path / "s.tsv").read_text().startswith("id\tstart\tend\tletters\ttask\tscore\n")


def test_all_outputs_are_listed():
    choices = {"logos": Path("l"), "png": True, "seqlets": "s.tsv", "meme": "-", "modisco": Path("m")}
    assert explanation_outputs(choices) == (["s.tsv", "-"], [Path("l"), Path("m")])
    assert explanation_outputs(NOTHING) == ([], [])


def test_an_unknown_format_is_refused_before_scoring():
    with pytest.raises(InputError, match=r"got 'xyz' from the name s\.xyz"):
        open_explanations({**NOTHING, "seqlets": "s.xyz"})


def test_png_requires_a_folder():
    with pytest.raises(click.UsageError, match="--png requires --logos DIR"):
        open_explanations({**NOTHING, "png": True})


@pytest.mark.parametrize("option", ["logos", "modisco"])
def test_a_folder_with_files_is_refused_before_scoring(tmp_path, option):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(DreamkerasError, match="a new or empty folder"):
        open_explanations({**NOTHING, option: tmp_path})
