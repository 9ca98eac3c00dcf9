import dataclasses
import json

import pytest

from dreamkeras.errors import ModelError
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription

FULL = ModelDescription(
    "dream-cnn", YEAST, ("expression",), ("bin",), training={"seed": 1, "r": 0.75}, versions={"keras": "3.15"}, parity={"r": 1.0}
)


def changed(**fields):
    return json.dumps({**json.loads(FULL.to_json()), **fields})


def test_json_round_trip_is_the_same_description():
    assert ModelDescription.from_json(FULL.to_json()) == FULL


def test_optional_fields_are_empty_by_default():
    bare = ModelDescription("x", YEAST, ("a", "b"), ("u", "v"))
    assert (bare.training, bare.versions, bare.parity) == ({}, {}, {})
    assert ModelDescription.from_json(bare.to_json()) == bare


def test_json_is_readable_without_dreamkeras():
    fields = json.loads(FULL.to_json())
    assert fields["format"] == 3
    assert fields["construct"]["left_adapter"] == YEAST.left_adapter
    assert fields["tasks"] == ["expression"]


def test_the_metadata_key_is_the_packages_name():
    assert METADATA_KEY == "dreamkeras"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "null", "3", "{}", '{"format": 1}', changed(colour="red"), changed(construct={}), changed(construct=[])]
)
def test_other_texts_are_rejected(text):
    with pytest.raises(ModelError, match="Expected a dreamkeras model description"):
        ModelDescription.from_json(text)


def test_descriptions_without_calibration_are_read():
    fields = {name: value for name, value in json.loads(FULL.to_json()).items() if name != "calibration"}
    assert ModelDescription.from_json(json.dumps({**fields, "format": 1})) == FULL


def test_calibrations_of_older_formats_get_the_current_key_names():
    fields = {name: value for name, value in json.loads(FULL.to_json()).items() if name != "calibration"}
    fields["yardstick"] = {"calibration": {"a": 1}, "background": {"b": 2}, "training": {"c": 3}}
    found = ModelDescription.from_json(json.dumps({**fields, "format": 2})).calibration
    assert found == {"intervals": {"a": 1}, "background": {"b": 2}, "familiarity": {"c": 3}}


def test_a_newer_format_requires_an_update():
    with pytest.raises(ModelError, match=r"format 4 or older, got 5\. Update dreamkeras"):
        ModelDescription.from_json(changed(format=5, colour="red"))


def test_outputs_are_those_of_the_model():
    assert FULL.outputs == {"expression": 1}
    assert dataclasses.replace(FULL, members=[{}, {}]).outputs == {"expression": 1, "sd": 1}
    assert dataclasses.replace(FULL, profile=1000).outputs == {"counts": 1, "profile": 1000}
