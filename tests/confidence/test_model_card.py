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
    """A model whose tasks were measured so often in validation, off by 1, 2, 3 ..."""
    rows = np.arange(1.0, max(counts) + 1)
    measured = np.stack([np.where(rows <= count, rows, np.nan) for count in counts], axis=1)
    tasks = ("a", "b")[: len(counts)]
    calibration = measure_intervals(measured, np.zeros_like(measured), tasks)
    return dataclasses.replace(PLAIN, tasks=tasks, units=tasks, calibration={"intervals": calibration.to_json()})


@pytest.mark.parametrize(
    ("description", "within"),
    [(known(39), "38 of their"), (known(39, 19), "38 (a) and 19 (b) of their"), (known(39, 18), "38 (a) of their")],
)
def test_widths_are_told_of_tasks_that_were_measured_often_enough(description, within):
    assert interval_note(description) == f"95% of measurements are expected within {within} predictions: `dreamkeras predict --interval`."


def test_of_what_is_not_known_there_is_no_note():
    assert interval_note(PLAIN) == interval_note(known(18)) == ""


def test_doubts_depend_on_what_the_model_says():
    ranges = dataclasses.replace(PLAIN, calibration={"familiarity": {"sequences": 3}})
    both = dataclasses.replace(PLAIN, calibration={**known(39).calibration, **ranges.calibration})
    phrases = ("no measure of its own uncertainty", "--flag-unusual", "Intervals hold")
    told = [[phrase in confidence_note(description) for phrase in phrases] for description in (PLAIN, ranges, known(39), both)]
    assert told == [[True, False, False], [True, True, False], [False, False, True], [False, True, True]]


class TestRenewCard:
    def test_is_the_card_of_the_model_as_it_is_now(self, tmp_path):
        path, metrics = tmp_path / "README.md", {"r": 0.5, "n": 39}
        path.write_text(model_card(known(39), metrics, [], {}))
        assert update_card(path, known(39), known(99))
        assert path.read_text() == model_card(known(99), metrics, [], {})

    def test_of_a_model_that_said_nothing_before_tells_the_width_among_its_limits(self, tmp_path):
        (path := tmp_path / "README.md").write_text(before := model_card(PLAIN, {}, [], {}))
        after = known(39)
        assert update_card(path, PLAIN, after)
        assert path.read_text() == before.replace(f"- {confidence_note(PLAIN)}", f"- {interval_note(after)}\n- {confidence_note(after)}")

    def test_a_card_that_somebody_has_changed_stays(self, tmp_path):
        (path := tmp_path / "README.md").write_text("# Mine\n")
        assert not update_card(path, PLAIN, known(39))
        assert path.read_text() == "# Mine\n"
