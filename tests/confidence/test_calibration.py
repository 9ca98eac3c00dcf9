import pytest
from weight_sum import WeightSum

from dreamkeras.confidence.calibration import find_part
from dreamkeras.errors import ModelError
from dreamkeras.scoring.ensemble import Ensemble

KNOWN = {"background": {"sequences": 3}}


class Knowing(WeightSum):
    calibration = KNOWN


def test_a_part_is_what_the_model_says():
    assert find_part(Knowing(), "background") == {"sequences": 3}


def test_a_part_is_a_copy():
    find_part(Knowing(), "background").clear()
    assert KNOWN["background"] == {"sequences": 3}


def test_what_a_model_lacks_is_one_line_that_names_the_command():
    with pytest.raises(
        ModelError, match=r"^Expected a model with intervals in its calibration, got weight sum without: dreamkeras calibrate adds it\.$"
    ):
        find_part(Knowing(), "intervals")


def test_members_of_an_ensemble_do_not_speak_for_it():
    with pytest.raises(ModelError, match=r"^Expected one model with background in its calibration, got 2: dreamkeras export joins them"):
        find_part(Ensemble([Knowing(), Knowing()]), "background")
