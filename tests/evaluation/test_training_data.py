import dataclasses
import json
import re
from pathlib import Path

import pytest
from atac_simulation import simulate_atac

from dreamkeras.data.assays.atac import read as read_atac
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.yeast import read
from dreamkeras.data.examples import fingerprint
from dreamkeras.data.simulation.library import simulate
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.overlap import Overlap
from dreamkeras.errors import InputError
from dreamkeras.evaluation.training_data import TrainingData, compare_with_training, read_training_data
from dreamkeras.training.config import RunConfig
from dreamkeras.training.run_data import read_data


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Lines with 200 promoters and their values."""
    library = simulate(200, seed=0)
    return [f"{sequence}\t{value:g}" for sequence, value in zip(library.sequences, library.values, strict=True)]


def run_folder(folder, **fields):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"assay": "yeast", "data": None, "table": None, **fields}))
    return str(folder)


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines))
    return str(path)


def test_training_data_are_found_from_a_run_folder_and_from_its_model(tmp_path):
    folder = run_folder(tmp_path / "run", data="a.tsv")
    found = read_training_data(folder)
    assert found == TrainingData("yeast", None, "a.tsv", Division(holdout="legacy"))
    assert read_training_data(f"{folder}/model.onnx") == found


def test_a_table_has_its_layout(tmp_path):
    found = read_training_data(run_folder(tmp_path / "run", assay="table", table={"target_column": ["x"], "length": 9}))
    assert found.layout.construct().length == 9


def test_a_model_without_a_run_folder_has_no_training_data(tmp_path):
    assert read_training_data(str(tmp_path / "model.onnx")) is None


def test_a_broken_config_is_named(tmp_path):
    folder = run_folder(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("[]")
    with pytest.raises(InputError, match=r"Cannot read the options of a run from .*config\.json"):
        read_training_data(folder)


def test_training_rows_in_the_test_set_are_counted(tmp_path, library):
    training = write(tmp_path / "train.tsv", library[:150])
    valid = write(tmp_path / "valid.tsv", library[150:155])
    known = read_training_data(run_folder(tmp_path / "run", data=training, valid=valid))
    test = read(write(tmp_path / "test.tsv", library[140:]))
    assert compare_with_training(known, test).overlaps == (Overlap(exact=10, reverse=0, near=0), Overlap(exact=5, reverse=0, near=0))


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({"valid_fold": 3}, 20),
        ({"valid_fraction": 0.25, "seed": 5, "split_seed": 2}, 25),
        ({"seed": 4}, 10),
        ({"folds": 4, "valid_fold": 1, "seed": 7}, 25),
        ({"folds": 4, "seed": 7}, 0),
        ({"folds": "given"}, 0),
    ],
)
def test_held_out_rows_are_not_training_rows(tmp_path, library, fields, held):
    rows = [f"{line}\t{number % 5}" for number, line in enumerate(library[:100])]
    file = write(tmp_path / "all.tsv", rows)
    found = compare_with_training(read_training_data(run_folder(tmp_path / "run", data=file, **fields)), read(file)).overlaps
    assert found.validation.exact == held
    assert found.training.exact == 100 - held


def test_windows_on_a_held_out_chromosome_are_not_training_windows(tmp_path):
    simulation = simulate_atac(tmp_path, chromosomes=3, peaks=6)
    layout = AtacLayout(simulation.genome, simulation.signal, simulation.nonpeaks, length=300, profile_length=100, jitter=0)
    lines = Path(simulation.peaks).read_text().splitlines()
    sides = [write(tmp_path / name, [line for line in lines if line.startswith(f"{name}\t")]) for name in ("chr1", "chr2")]
    fields = {"assay": "atac", "atac": dataclasses.asdict(layout), "data": simulation.peaks, "valid_fold": "chr2"}
    known = read_training_data(run_folder(tmp_path / "run", **fields))
    found = [compare_with_training(known, read_atac(layout, side)).overlaps for side in sides]
    assert [(len(side.training), side.training.exact, side.validation.exact) for side in found] == [(3, 11, 0), (3, 0, 11)]


@pytest.mark.parametrize("holdout", ["auto", "random", "legacy"])
@pytest.mark.parametrize("fields", [{"seed": 3}, {"valid_fold": 2}, {"folds": 4, "valid_fold": 1}, {"valid": "valid.tsv"}])
def test_changes_since_training_are_detected(tmp_path, library, fields, holdout):
    rows = [f"{line}\t{number % 5}" for number, line in enumerate(library[:100])]
    write(tmp_path / "valid.tsv", library[100:120])
    fields = {**fields, "valid": str(tmp_path / "valid.tsv")} if "valid" in fields else fields
    file = write(tmp_path / "all.tsv", rows)
    data = read_data(RunConfig(data=file, backend=None, holdout=holdout, **fields))
    fields = fields if holdout == "legacy" else {**fields, "holdout": holdout}  # older versions did not store the rule
    known = read_training_data(run_folder(tmp_path / "run", data=file, fingerprint=fingerprint(data.training, data.validation), **fields))
    test = read(write(tmp_path / "test.tsv", library[90:]))
    assert compare_with_training(known, test).doubt == ""
    write(tmp_path / "all.tsv", [rows[0].replace(rows[0].split("\t")[1], "1.25"), *rows[1:]])
    found = compare_with_training(known, test)
    assert found.doubt.endswith(" has changed since training. Overlap was checked against the current contents.")
    assert file in found.doubt
    assert sum(found.overlaps.training) + sum(found.overlaps.validation) >= 10


@pytest.mark.parametrize("lines", [["no numbers\there"], ["ACGT"], ["# nothing"]])
def test_unreadable_training_data_are_not_compared(tmp_path, library, lines):
    test = read(write(tmp_path / "test.tsv", library[:20]))
    known = read_training_data(run_folder(tmp_path / "run", data=write(tmp_path / "train.tsv", lines)))
    overlaps, doubt = compare_with_training(known, test)
    assert overlaps is None
    wanted = r".*train\.tsv can no longer be read as in training, so overlap with .* was not checked: (Expected |.*has no column )"
    assert re.match(wanted, doubt)


def test_a_missing_genome_is_not_compared(tmp_path):
    simulation = simulate_atac(tmp_path, chromosomes=3, peaks=6)
    layout = AtacLayout(simulation.genome, simulation.signal, simulation.nonpeaks, length=300, profile_length=100, jitter=0)
    fields = {"assay": "atac", "atac": {**dataclasses.asdict(layout), "genome": "gone.fa"}, "data": simulation.peaks, "valid_fold": "chr2"}
    found = compare_with_training(read_training_data(run_folder(tmp_path / "run", **fields)), read_atac(layout, simulation.peaks))
    assert (found.overlaps, found.doubt.endswith("File not found: gone.fa.")) == (None, True)


def test_missing_files_are_not_compared(tmp_path, library):
    test = read(write(tmp_path / "test.tsv", library[:20]))
    assert compare_with_training(None, test).overlaps is None
    assert compare_with_training(read_training_data(run_folder(tmp_path / "a")), test).overlaps is None
    assert compare_with_training(read_training_data(run_folder(tmp_path / "b", data="gone.tsv")), test).overlaps is None


def test_invalid_rows_are_skipped_as_in_training(tmp_path, library):
    data = write(tmp_path / "t.tsv", [*library, "ACGT!\t3"])
    folder = run_folder(tmp_path / "run", data=data, valid=data, on_error="skip")
    found = compare_with_training(read_training_data(folder), read(data, "skip"))
    assert (found.overlaps.training.exact, found.doubt) == (200, "")
    found = compare_with_training(read_training_data(folder)._replace(on_error="fail"), read(data, "skip"))
    assert found.overlaps is None
    assert "Expected DNA letters, got '!'" in found.doubt
