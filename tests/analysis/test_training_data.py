import json

import pytest

from dreamkeras.analysis.training_data import read_training_data, training_overlap
from dreamkeras.data.overlap import Overlap
from dreamkeras.data.simulate import simulate
from dreamkeras.data.yeast import read
from dreamkeras.errors import InputError


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """200 promoters with their values, as lines."""
    library = simulate(200, seed=0)
    return [f"{sequence}\t{value:g}" for sequence, value in zip(library.sequences, library.values, strict=True)]


def run_folder(folder, **fields):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"assay": "yeast", "data": None, "table": None, **fields}))
    return str(folder)


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines))
    return str(path)


def test_a_run_folder_and_its_model_say_the_same(tmp_path):
    folder = run_folder(tmp_path / "run", data="a.tsv")
    found = read_training_data(folder)
    assert found == ("yeast", None, "a.tsv")
    assert read_training_data(f"{folder}/model.onnx") == found


def test_a_table_has_its_layout(tmp_path):
    found = read_training_data(run_folder(tmp_path / "run", assay="table", table={"target_column": ["x"], "length": 9}))
    assert found.layout.construct().length == 9


def test_a_model_by_itself_says_nothing(tmp_path):
    assert read_training_data(str(tmp_path / "model.onnx")) is None


def test_a_broken_config_is_named(tmp_path):
    folder = run_folder(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("[]")
    with pytest.raises(InputError, match=r"choices of a run in .*config\.json"):
        read_training_data(folder)


def test_rows_that_were_trained_on_are_counted(tmp_path, library):
    training = write(tmp_path / "train.tsv", library[:150])
    known = read_training_data(run_folder(tmp_path / "run", data=training))
    test = read(write(tmp_path / "test.tsv", library[140:]))
    assert training_overlap(known, test) == Overlap(exact=10, reverse=0, near=0)


def test_what_is_not_at_hand_is_not_compared(tmp_path, library):
    test = read(write(tmp_path / "test.tsv", library[:20]))
    assert training_overlap(None, test) is None
    assert training_overlap(read_training_data(run_folder(tmp_path / "a")), test) is None
    assert training_overlap(read_training_data(run_folder(tmp_path / "b", data="gone.tsv")), test) is None
