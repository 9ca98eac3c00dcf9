import json

import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.confidence.background import measure_background
from dreamkeras.confidence.intervals import Intervals, measure_intervals
from dreamkeras.confidence.run_file import CALIBRATION_FILE, OLD_FILE, familiarity_alone, read_calibration
from dreamkeras.errors import ModelError
from dreamkeras.sequence.ragged import Ragged

TABLE = "id\tlength\tmeasured_a\tmeasured_b\tpredicted_a\tpredicted_b\n1\t80\t1\tnan\t3\t4\n2\t80\t5\t6\t5\t7\n"


def test_calibration_is_read_from_the_file(tmp_path):
    (tmp_path / CALIBRATION_FILE).write_text(json.dumps({"familiarity": {"sequences": 3}}))
    (tmp_path / "validation.tsv").write_text(TABLE)
    assert read_calibration(tmp_path, ("a", "b")) == {"familiarity": {"sequences": 3}}


def test_the_file_of_older_runs_is_read_with_current_names(tmp_path):
    intervals = measure_intervals(np.zeros((9, 1)), np.zeros((9, 1)), ("a",)).to_json()
    (tmp_path / OLD_FILE).write_text(json.dumps({"calibration": intervals, "training": {"sequences": 3}}))
    assert read_calibration(tmp_path, ("a",)) == {"intervals": intervals, "familiarity": {"sequences": 3}}
    with pytest.raises(ModelError, match="Expected intervals for b, got intervals for a"):
        read_calibration(tmp_path, ("b",))


def test_the_current_file_has_precedence_over_that_of_older_runs(tmp_path):
    for name, sequences in ((CALIBRATION_FILE, 4), (OLD_FILE, 3)):
        (tmp_path / name).write_text(json.dumps({"familiarity": {"sequences": sequences}}))
    assert read_calibration(tmp_path, ("a",)) == {"familiarity": {"sequences": 4}}


def test_intervals_are_computed_from_validation_without_a_calibration_file(tmp_path):
    (tmp_path / "validation.tsv").write_text(TABLE)
    found = Intervals.from_json(read_calibration(tmp_path, ("a", "b"))["intervals"], ("a", "b")).residuals
    np.testing.assert_array_equal(found["a"].sizes, [0, 2])
    np.testing.assert_array_equal(found["b"].sizes, [1])


def test_folders_with_neither_file_have_no_calibration(tmp_path):
    assert read_calibration(tmp_path, ("a",)) == {}


@pytest.mark.parametrize(("text", "message"), [("{", r"Cannot read .*calibration\.json as JSON: "), ("[]", "a list")])
def test_a_malformed_file_is_refused(tmp_path, text, message):
    (tmp_path / CALIBRATION_FILE).write_text(text)
    with pytest.raises(ModelError, match=message):
        read_calibration(tmp_path, ("a",))


def test_a_file_of_other_tasks_is_refused(tmp_path):
    parts = {
        "intervals": measure_intervals(np.zeros((9, 1)), np.zeros((9, 1)), ("a",)).to_json(),
        "background": measure_background(WeightSum(), Ragged.from_strings(["ACGT"])).to_json(("a",)),
    }
    messages = {"intervals": "Expected intervals for a, b, got", "background": "Cannot read the background: KeyError.* for tasks a, b, got"}
    for part, fields in parts.items():
        (tmp_path / CALIBRATION_FILE).write_text(json.dumps({part: fields}))
        assert read_calibration(tmp_path, ("a",)) == {part: fields}
        with pytest.raises(ModelError, match=messages[part]):
            read_calibration(tmp_path, ("a", "b"))


@pytest.mark.parametrize("text", ["", "id\tlength\n", TABLE.replace("5\t6", "five\t6"), TABLE + "3\t80\n", TABLE.replace("5\t7", "5\tnan")])
def test_a_malformed_validation_file_is_refused(tmp_path, text):
    (tmp_path / "validation.tsv").write_text(text)
    with pytest.raises(ModelError, match=r"measured and predicted values of a, b from .*validation\.tsv"):
        read_calibration(tmp_path, ("a", "b"))


def test_a_model_with_other_predictions_keeps_only_familiarity():
    assert familiarity_alone({"intervals": {}, "background": {}, "familiarity": {"sequences": 1}}) == {"familiarity": {"sequences": 1}}
    assert familiarity_alone({}) == {}
