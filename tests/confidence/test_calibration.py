import pytest
from weight_sum import WeightSum

from dreamkeras.confidence.calibration import find_part
from dreamkeras.errors import ModelError
from dreamkeras.scoring.ensemble import Ensemble

KNOWN = {"background": {"sequences": 3}}


class Knowing(WeightSum):
    calibration = KNOWN


def test_a_part_is_found_by_name():
    assert find_part(Knowing(), "background") == {"sequences": 3}


def test_a_part_is_a_copy():
    find_part(Knowing(), "background").clear()
    assert KNOWN["background"] == {"sequences": 3}


def test_error_for_a_missing_part_names_the_command():
    with pytest.raises(
        ModelError, match=r"^The model weight sum has no intervals in its calibration\. Calibrate the model with dreamkeras calibrate\.$"
    ):
        find_part(Knowing(), "intervals")


def test_calibrations_of_members_are_not_used_for_an_ensemble():
    message = r"^Expected one model with background in its calibration, got 2 models\. Join the models with dreamkeras export"
    with pytest.raises(ModelError, match=message):
        find_part(Ensemble([Knowing(), Knowing()]), "background")
