import json

import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.confidence.background import measure_background
from dreamkeras.confidence.intervals import Calibration, calibrate
from dreamkeras.confidence.run_file import YARDSTICK, read_yardstick, without_predictions
from dreamkeras.errors import ModelError
from dreamkeras.sequence.ragged import Ragged

TABLE = "id\tlength\tmeasured_a\tmeasured_b\tpredicted_a\tpredicted_b\n1\t80\t1\tnan\t3\t4\n2\t80\t5\t6\t5\t7\n"


def test_the_file_of_the_folder_is_what_it_tells(tmp_path):
    (tmp_path / YARDSTICK).write_text(json.dumps({"training": {"sequences": 3}}))
    (tmp_path / "validation.tsv").write_text(TABLE)
    assert read_yardstick(tmp_path, ("a", "b")) == {"training": {"sequences": 3}}


def test_runs_from_before_there_was_one_have_their_validation(tmp_path):
    (tmp_path / "validation.tsv").write_text(TABLE)
    found = Calibration.from_json(read_yardstick(tmp_path, ("a", "b"))["calibration"], ("a", "b")).residuals
    np.testing.assert_array_equal(found["a"].sizes, [0, 2])
    np.testing.assert_array_equal(found["b"].sizes, [1])


def test_folders_with_neither_tell_nothing(tmp_path):
    assert read_yardstick(tmp_path, ("a",)) == {}


@pytest.mark.parametrize(("text", "message"), [("{", "Expected JSON in"), ("[]", "a list")])
def test_a_file_of_something_else_is_refused(tmp_path, text, message):
    (tmp_path / YARDSTICK).write_text(text)
    with pytest.raises(ModelError, match=message):
        read_yardstick(tmp_path, ("a",))


def test_a_file_of_other_tasks_is_refused(tmp_path):
    parts = {
        "calibration": calibrate(np.zeros((9, 1)), np.zeros((9, 1)), ("a",)).to_json(),
        "background": measure_background(WeightSum(), Ragged.from_strings(["ACGT"])).to_json(("a",)),
    }
    for part, fields in parts.items():
        (tmp_path / YARDSTICK).write_text(json.dumps({part: fields}))
        assert read_yardstick(tmp_path, ("a",)) == {part: fields}
        with pytest.raises(ModelError, match=f"Expected (a|the) {part} of a, b, got"):
            read_yardstick(tmp_path, ("a", "b"))


@pytest.mark.parametrize("text", ["", "id\tlength\n", TABLE.replace("5\t6", "five\t6"), TABLE + "3\t80\n", TABLE.replace("5\t7", "5\tnan")])
def test_a_validation_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "validation.tsv").write_text(text)
    with pytest.raises(ModelError, match=r"measured and predicted of a, b in .*validation\.tsv"):
        read_yardstick(tmp_path, ("a", "b"))


def test_a_model_that_answers_otherwise_keeps_what_is_of_sequences_alone():
    assert without_predictions({"calibration": {}, "background": {}, "training": {"sequences": 1}}) == {"training": {"sequences": 1}}
    assert without_predictions({}) == {}
