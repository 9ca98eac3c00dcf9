import dataclasses

import numpy as np
import pytest

from dreamkeras.confidence.intervals import measure_intervals
from dreamkeras.confidence.model_card import confidence_note, interval_note, update_card
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training.run_folder.model_card import model_card

PLAIN = ModelDescription("m", YEAST, ("a", "b"), ("u", "v"))


def known(*counts):
    """Returns a model with the given number of residuals for each task. The residuals are 1, 2, 3 and so on."""
    rows = np.arange(1.0, max(counts) + 1)
    measured = np.stack([np.where(rows <= count, rows, np.nan) for count in counts], axis=1)
    tasks = ("a", "b")[: len(counts)]
    calibration = measure_intervals(measured, np.zeros_like(measured), tasks)
    return dataclasses.replace(PLAIN, tasks=tasks, units=tasks, calibration={"intervals": calibration.to_json()})


@pytest.mark.parametrize(
    ("description", "within"),
    [(known(39), "38"), (known(39, 19), "38 (a) and 19 (b)"), (known(39, 18), "38 (a)")],
)
def test_note_has_the_widths_of_tasks_with_enough_residuals(description, within):
    note = f"95% of measurements are expected within {within} of the prediction; see `dreamkeras predict --interval`."
    assert interval_note(description) == note


def test_note_is_empty_without_enough_residuals():
    assert interval_note(PLAIN) == interval_note(known(18)) == ""


def test_limits_depend_on_the_parts_of_the_calibration():
    ranges = dataclasses.replace(PLAIN, calibration={"familiarity": {"sequences": 3}})
    both = dataclasses.replace(PLAIN, calibration={**known(39).calibration, **ranges.calibration})
    phrases = ("has no prediction intervals", "--flag-unusual", "Prediction intervals are valid")
    told = [[phrase in confidence_note(description) for phrase in phrases] for description in (PLAIN, ranges, known(39), both)]
    assert told == [[True, False, False], [True, True, False], [False, False, True], [False, True, True]]


class TestRenewCard:
    def test_updated_card_equals_a_new_card(self, tmp_path):
        path, metrics = tmp_path / "README.md", {"r": 0.5, "n": 39}
        path.write_text(model_card(known(39), metrics, [], {}))
        assert update_card(path, known(39), known(99))
        assert path.read_text() == model_card(known(99), metrics, [], {})

    def test_interval_note_is_added_to_a_card_without_one(self, tmp_path):
        (path := tmp_path / "README.md").write_text(before := model_card(PLAIN, {}, [], {}))
        after = known(39)
        assert update_card(path, PLAIN, after)
        assert path.read_text() == before.replace(f"- {confidence_note(PLAIN)}", f"- {interval_note(after)}\n- {confidence_note(after)}")

    def test_an_edited_card_is_not_changed(self, tmp_path):
        (path := tmp_path / "README.md").write_text("# Mine\n")
        assert not update_card(path, PLAIN, known(39))
        assert path.read_text() == "# Mine\n"
