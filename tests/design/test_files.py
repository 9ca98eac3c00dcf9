import csv

import numpy as np
import pytest
from plain_rules import FLANKED
from searches import records_of
from weight_sum import WeightSum

from dreamkeras.design.files import design_ids, write_designs
from dreamkeras.design.goal import settle_goal
from dreamkeras.design.methods import SearchSettings, design
from dreamkeras.formats.reading import read_records
from dreamkeras.scoring.ensemble import Ensemble

PAIR = Ensemble([WeightSum(FLANKED, tasks=2, seed=seed) for seed in (1, 2)])


@pytest.fixture(scope="module")
def found():
    records = records_of("ACGTACGT", "TTTTGC")._replace(ids=["first one", "second"])
    return design(records, PAIR, settle_goal(PAIR, "max", "task 0"), settings=SearchSettings("greedy", steps=3, number=2))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_names_of_designs_are_start_and_rank(found):
    assert design_ids(found) == ["first_one_design_1", "first_one_design_2", "second_design_1", "second_design_2"]


def test_table_contains_the_designs(found, tmp_path):
    write_designs(tmp_path, found, PAIR)
    rows = rows_of(tmp_path / "designs.tsv")
    own = ["id", "start", "sequence", "prediction", "sd", "start_prediction", "edits", "objective"]
    assert list(rows[0]) == [*own, "task 0", "task 1", "task 0_sd", "task 1_sd"]
    assert [row["sequence"] for row in rows] == [found.inserts[row] for row in range(4)]
    assert [row["start"] for row in rows] == ["first one"] * 2 + ["second"] * 2
    answers = PAIR.predict_spread([row["sequence"] for row in rows])
    for column, values in (("prediction", answers.mean[:, 0]), ("sd", answers.sd[:, 0]), ("task 1", answers.mean[:, 1])):
        np.testing.assert_allclose([float(row[column]) for row in rows], values, rtol=1e-5)
    assert [int(row["edits"]) for row in rows] == found.edits.tolist()


def test_table_of_a_single_model_has_neither_sd_nor_task_columns(tmp_path):
    predictor = WeightSum(FLANKED)
    designs = design(records_of("ACGT"), predictor, settle_goal(predictor, "max"), settings=SearchSettings("greedy", steps=1))
    write_designs(tmp_path, designs, predictor)
    assert list(rows_of(tmp_path / "designs.tsv")[0]) == ["id", "start", "sequence", "prediction", "start_prediction", "edits", "objective"]


def test_fasta_can_be_read_with_and_without_adapters(found, tmp_path):
    for both, wanted in ((False, found.inserts), (True, found.sequences)):
        write_designs(tmp_path, found, PAIR, with_adapters=both)
        (records,) = read_records(str(tmp_path / "designs.fa"))
        assert records.ids == design_ids(found)
        np.testing.assert_array_equal(records.sequences.flat, wanted.flat)
        assert [row["sequence"] for row in rows_of(tmp_path / "designs.tsv")] == [wanted[row] for row in range(4)]
        np.testing.assert_allclose(PAIR.predict([records.sequences[row] for row in range(4)])[:, 0], found.values, rtol=1e-5)


def test_steps_are_ordered_by_start(found, tmp_path):
    write_designs(tmp_path, found, PAIR)
    rows = rows_of(tmp_path / "steps.tsv")
    assert list(rows[0]) == ["start", "step", "tried", "best", "mean", "edits", "objective"]
    assert [(row["start"], row["step"]) for row in rows] == [(name, str(step)) for name in ("first one", "second") for step in range(4)]
    assert [row["tried"] for row in rows] == ["1", "24", "24", "24", "1", "18", "18", "18"]
    best = [float(row["best"]) for row in rows[:4]]
    assert best == sorted(best)
    assert best[-1] == pytest.approx(found.values[0], rel=1e-5)
