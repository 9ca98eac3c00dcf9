"""The layout of an ATAC-seq model: validation and conversion to JSON."""

import dataclasses
import json

import numpy as np
import pytest

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.errors import InputError
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

LAYOUT = AtacLayout("genome.fa", "coverage.bw", "quiet.bed", length=200, profile_length=100, jitter=10)


def test_json_round_trip_gives_an_equal_layout():
    assert AtacLayout.from_json(json.loads(json.dumps(dataclasses.asdict(LAYOUT)))) == LAYOUT


@pytest.mark.parametrize("fields", [{"genome": "a.fa"}, {"genome": "a.fa", "signal": "b.bw", "size": 4}])
def test_json_with_other_fields_is_rejected(fields):
    with pytest.raises(InputError, match="Expected the fields of an ATAC-seq layout, got"):
        AtacLayout.from_json(fields)


def test_default_windows_are_those_of_chrombpnet():
    layout = AtacLayout("genome.fa", "coverage.bw")
    assert (layout.length, layout.profile_length, layout.jitter, layout.nonpeak_ratio) == (2114, 1000, 128, 0.1)


def test_the_construct_uses_both_strands_and_no_flags():
    construct = LAYOUT.construct()
    assert (construct.name, construct.length, construct.longest) == ("atac", 200, 200)
    assert (construct.strands, construct.flags, construct.alignment) == ("both", (), "center")


@pytest.mark.parametrize(("changes", "message"), [
    ({"profile_length": 0}, "Expected a profile_length of 1 to 200, the window's length, got 0"),
    ({"profile_length": 202}, "Expected a profile_length of 1 to 200, the window's length, got 202"),
    ({"profile_length": 99}, "Expected length and profile_length both even or both odd, got 200 and 99"),
    ({"jitter": -1}, "Expected jitter of 0 or more, got -1"),
    ({"nonpeak_ratio": -0.5}, "Expected nonpeak_ratio of 0 or more, got -0.5"),
    ({"drawn": float("nan")}, "Expected drawn of 0 or more, got nan"),
    ({"seed": -1}, "Expected seed of 0 or more, got -1"),
])  # fmt: skip
def test_numbers_out_of_range_are_rejected(changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(LAYOUT, **changes)


def test_a_profile_may_be_as_long_as_its_window():
    assert dataclasses.replace(LAYOUT, profile_length=200).profile_length == 200


def test_json_may_omit_fields_with_defaults():
    layout = AtacLayout.from_json({"genome": "genome.fa", "signal": "coverage.bw", "jitter": 0})
    assert layout == AtacLayout("genome.fa", "coverage.bw", jitter=0)


def test_the_construct_centres_sequences():
    records = Records(["whole", "short"], Ragged.from_strings(["ACGT" * 50, "GG" * 50]), np.array([1, 2]), "x.fa")
    whole, short = (row.tobytes().decode() for row in LAYOUT.construct().cut(records))
    assert whole == "ACGT" * 50
    assert short == "N" * 50 + "GG" * 50 + "N" * 50


def test_sequences_longer_than_the_window_are_rejected():
    records = Records(["long"], Ragged.from_strings(["A" * 201]), np.array([1]), "x.fa")
    with pytest.raises(InputError, match="Expected 1 to 200 bases for construct 'atac', got 201 in record 'long'"):
        LAYOUT.construct().cut(records)
