import json

import numpy as np
import pytest
from toy_models import TOY, write_toy_model

from dreamkeras.design.methods import SearchSettings
from dreamkeras.design.run import DesignChoices, run_design
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.scoring.predictor import load

pytest.importorskip("onnx")

GREEDY = SearchSettings("greedy", steps=20)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx"))


def run(choices, folder, command="cmd"):
    return run_design(choices, load(choices.models[0]), folder, command)


def test_options_override_the_constraints_file(model, tmp_path):
    (tmp_path / "rules.toml").write_text("max_edits = 1\nhomopolymer = 2\n")
    (tmp_path / "seqs.fa").write_text(">a\nATATATAT\n")
    choices = DesignChoices(
        "max", (model,), str(tmp_path / "seqs.fa"), constraints=str(tmp_path / "rules.toml"), task="gc", settings=GREEDY
    )
    assert run(choices, tmp_path / "one").edits.tolist() == [1]
    found = run(choices._replace(fields={"max_edits": 3}), tmp_path / "two")
    assert (found.edits.tolist(), found.values.tolist()) == ([3], [3])


def test_manifest_contains_the_input_files(model, tmp_path):
    for name, text in (("rules.toml", "max_edits = 1\n"), ("seqs.fa", ">a\nATATATAT\n")):
        (tmp_path / name).write_text(text)
    choices = DesignChoices(
        "max", (model,), str(tmp_path / "seqs.fa"), constraints=str(tmp_path / "rules.toml"), task="gc", settings=GREEDY
    )
    run(choices, tmp_path / "out", "dreamkeras design")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["command"] == "dreamkeras design"
    assert list(manifest["models"]) == [model]
    assert list(manifest["inputs"]) == [str(tmp_path / "seqs.fa"), str(tmp_path / "rules.toml")]


def test_without_a_start_random_inserts_of_the_given_length_are_used(model, tmp_path):
    usual, short = (
        run(DesignChoices("min", (model,), random=3, length=length, task="a", settings=GREEDY), tmp_path / str(length))
        for length in (None, 7)
    )
    assert (usual.inserts.lengths.tolist(), short.inserts.lengths.tolist()) == ([TOY.longest] * 3, [7] * 3)
    assert usual.starts == ["random_1", "random_2", "random_3"]
    assert usual.values.tolist() == [0, 0, 0]


def test_starts_are_read_from_all_batches_of_a_file(model, tmp_path, monkeypatch):
    texts = ["ACGTACGT", "GGTTAA", "CCCCC"]
    (tmp_path / "seqs.tsv").write_text("name\tdna\n" + "".join(f"n{row}\t{text}\n" for row, text in enumerate(texts)))
    monkeypatch.setattr("dreamkeras.formats.tables.BATCH_LETTERS", 1)
    choices = DesignChoices("max", (model,), str(tmp_path / "seqs.tsv"), sequence_column="dna", id_column="name", task="a", settings=GREEDY)
    found = run(choices, tmp_path / "out")
    assert found.starts == ["n0", "n1", "n2"]
    np.testing.assert_array_equal(found.values, [8, 6, 5])


def test_a_folder_that_is_not_empty_is_refused(model, tmp_path):
    (tmp_path / "note").touch()
    with pytest.raises(DreamkerasError, match="a new or empty folder"):
        run(DesignChoices("max", (model,), task="gc"), tmp_path)


def test_an_error_leaves_no_folder(model, tmp_path):
    with pytest.raises(InputError, match="random inserts satisfy the constraints"):
        run(DesignChoices("max", (model,), task="gc", fields={"gc": [0, 0], "homopolymer": 1}), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
