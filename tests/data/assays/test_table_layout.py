"""The layout of a user's table: validation, construct, and conversion to JSON."""

import dataclasses
import json

import pytest

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged


def window(layout, sequence):
    return layout.construct().windows(Ragged.from_strings([sequence]))[0].tobytes().decode()


def test_json_round_trip_gives_an_equal_layout():
    layout = TableLayout(("a", 3), "seq", replicate_columns=(("a1", "a2"), (4, 5)), left_flank="ACGT", length=20, both_strands=True)
    assert TableLayout.from_json(json.loads(json.dumps(dataclasses.asdict(layout)))) == layout


@pytest.mark.parametrize("fields", [{"target_column": ["a"], "colour": 1}, {"target_column": 5}])
def test_json_with_other_fields_is_rejected(fields):
    with pytest.raises(InputError, match="Expected the fields of a table's layout, got"):
        TableLayout.from_json(fields)


@pytest.mark.parametrize(("fields", "message"), [
    ({"target_column": ()}, "one or more distinct columns as target_column, got none"),
    ({"target_column": ("a", "b", "a")}, "got a, b, a"),
    ({"weight_column": "w", "variance_column": "v"}, "weight_column and variance_column cannot be combined"),
    ({"reverse_mark": "_-", "both_strands": True}, "reverse_mark and both_strands cannot be combined"),
    ({"replicate_columns": (("r", "s"), ("t", "u"))}, "replicate_columns for each of 1 targets, got 2"),
    ({"replicate_columns": (("r",),)}, "two or more distinct replicate columns, got r"),
    ({"replicate_columns": (("r", "r"),)}, "two or more distinct replicate columns, got r, r"),
    ({"length": 0}, "length above 0, got 0"),
    ({"align": "middle"}, "align to be one of left, right, center, got 'middle'"),
    ({"weight_column": "w", "weight": "log"}, "weight to be one of saturating, raw, got 'log'"),
    ({"weight_column": "w", "weight": "raw", "weight_half": 2.0}, "weight_half applies to saturating weights"),
    ({"weight_column": "w", "weight_half": 0.0}, "weight_half from 1e-36 to 1e[+]36, got 0.0"),
])  # fmt: skip
def test_invalid_combinations_of_fields_are_rejected(fields, message):
    with pytest.raises(InputError, match=message):
        TableLayout(**{"target_column": ("a",), **fields})


def test_layouts_of_older_versions_have_raw_weights():
    stored = {name: value for name, value in dataclasses.asdict(TableLayout(("a",), weight_column="w")).items() if "weight_" not in name}
    del stored["weight"]
    assert TableLayout.from_json({**stored, "weight_column": "w"}).weight == "raw"
    assert TableLayout(("a",), weight_column="w").weight == "saturating"


def test_tasks_are_named_after_columns():
    assert TableLayout(("activity", 2)).tasks == ("activity", "column_2")


def test_windows_contain_flanks_and_are_padded_with_n():
    layout = TableLayout(("a",), left_flank="TTT", right_flank="GG").with_length(6)
    assert layout.length == 11
    assert window(layout, "ACACAC") == "TTTACACACGG"
    assert window(layout, "ACAC") == "TTTACACGGNN"


@pytest.mark.parametrize(("align", "long", "short"), [
    ("left", "TTTACACACGG", "TTTACACGGNN"),
    ("right", "TTTACACACGG", "NNTTTACACGG"),
    ("center", "TTTACACACGGN", "NTTTACACGGNN"),
])  # fmt: skip
def test_short_sequences_are_aligned_with_their_flanks(align, long, short):
    layout = TableLayout(("a",), left_flank="TTT", right_flank="GG", align=align).with_length(6)
    assert [window(layout, sequence) for sequence in ("ACACAC", "ACAC")] == [long, short]
    construct = layout.construct()
    layout.require_fit(construct)
    assert construct.longest >= 6


def test_right_alignment_includes_the_right_adapter():
    layout = TableLayout(("a",), right_adapter="CC", align="right").with_length(4)
    assert [window(layout, sequence) for sequence in ("AAAA", "AA", "AACC")] == ["AAAACC", "NNAACC", "NNAACC"]


def test_sequences_may_have_adapters_or_not():
    layout = TableLayout(("a",), left_adapter="GGG", right_adapter="CC", left_flank="T").with_length(4)
    assert window(layout, "AAAA") == window(layout, "gggAAAAcc").upper() == "TGGGAAAACC"


def test_a_shorter_window_truncates_the_right_flank_and_rejects_long_inserts():
    construct = TableLayout(("a",), left_flank="TT", right_flank="GGGG", length=7).construct()
    assert construct.windows(Ragged.from_strings(["ACAC"]))[0].tobytes() == b"TTACACG"
    assert construct.longest == 5


@pytest.mark.parametrize(("fields", "strands", "flags"), [
    ({}, "given", ()), ({"reverse_mark": "_-"}, "given", ("is_reverse",)), ({"both_strands": True}, "both", ()),
])  # fmt: skip
def test_the_strand_rule_follows_from_the_fields(fields, strands, flags):
    construct = TableLayout(("a",), length=10, **fields).construct()
    assert (construct.strands, construct.flags) == (strands, flags)


def test_a_given_length_is_kept():
    assert TableLayout(("a",), length=50).with_length(100).length == 50


def test_without_a_length_there_is_no_construct():
    with pytest.raises(InputError, match="has no window length"):
        TableLayout(("a",)).construct()


def test_flanks_must_be_dna():
    with pytest.raises(InputError, match="Expected DNA letters, got '!' at position 2 in left_flank"):
        TableLayout(("a",), left_flank="A!", length=10).construct()


@pytest.mark.parametrize(
    "fields", [{"length": 79}, {"length": 81}, {"left_adapter": "A"}, {"left_adapter": "T"}, {"both_strands": True}, {"align": "right"}]
)
def test_a_layout_that_differs_from_the_models_construct_is_rejected(fields):
    construct = TableLayout(("a",), length=80, left_adapter="C").construct()
    TableLayout(("a",), length=80, left_adapter="C").require_fit(construct)
    TableLayout(("a",)).require_fit(construct)
    (name,) = fields
    with pytest.raises(InputError, match=f"Expected {name} .* which the model was trained with"):
        TableLayout(("a",), **fields).require_fit(construct)


def test_a_run_keeps_its_construct():
    layout = TableLayout(("a",), length=80, both_strands=True)
    assert layout.construct_of_run(None) == dataclasses.replace(layout.construct(), flags=("is_reverse",))
    assert layout.construct_of_run(YEAST.to_json()) == YEAST
    forward = TableLayout(("a",), length=80)
    assert forward.construct_of_run(None) == forward.construct()
