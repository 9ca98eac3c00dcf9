import dataclasses

import numpy as np
import pytest

from dreamkeras.analysis.conformal import calibrate
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training.trust import doubts, interval_note

PLAIN = ModelDescription("m", YEAST, ("a", "b"), ("u", "v"))


def known(*counts):
    """A model whose tasks were measured so often in validation, off by 1, 2, 3 ..."""
    rows = np.arange(1.0, max(counts) + 1)
    measured = np.stack([np.where(rows <= count, rows, np.nan) for count in counts], axis=1)
    tasks = ("a", "b")[: len(counts)]
    return dataclasses.replace(PLAIN, tasks=tasks, yardstick={"calibration": calibrate(measured, np.zeros_like(measured), tasks).to_json()})


@pytest.mark.parametrize(
    ("description", "within"),
    [(known(39), "38 of their"), (known(39, 19), "38 (a) and 19 (b) of their"), (known(39, 18), "38 (a) of their")],
)
def test_widths_are_told_of_tasks_that_were_measured_often_enough(description, within):
    assert interval_note(description) == f"95% of measurements are expected within {within} predictions: `dreamkeras predict --interval`."


def test_of_what_is_not_known_there_is_no_note():
    assert interval_note(PLAIN) == interval_note(known(18)) == ""


def test_doubts_depend_on_what_the_model_says():
    assert "no measure of its own uncertainty" in doubts(PLAIN)
    assert "--flag-unusual" in doubts(known(39))
