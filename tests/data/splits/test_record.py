"""The record of a hold-out states what was done, and the values of both sets."""

import json
import math

import numpy as np
import pytest
from libraries import as_examples, library

from dreamkeras.data.splits.choice import Method
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.record import HoldOut, Moments, describe_folds, record_folds, record_hold_out
from dreamkeras.training.run_folder.contents import without_nan


def recorded(examples, tasks=("value",), **choices):
    divided = Division(**choices).divided(examples, tasks)
    return record_hold_out(divided.method, divided.requested, divided.training, divided.validation, tasks), divided


def test_values_of_both_sets_equal_those_of_numpy():
    examples, _ = library("pairs", 1000)
    values = np.column_stack([examples.targets[:, 0], np.arange(1000)]).astype(np.float32)
    values[::3, 1] = np.nan
    record, divided = recorded(as_examples(examples.letters, values), ("a", "b"), fraction=0.2)
    assert (record.held_out, record.total, record.requested, record.share) == (200, 1000, 0.2, 0.2)
    for moments, side in ((record.validation, divided.validation), (record.training, divided.training)):
        for column, task in enumerate(("a", "b")):
            known = side.targets[~np.isnan(side.targets[:, column]), column].astype(float)
            assert moments[task] == pytest.approx((len(known), known.mean(), known.std()))


def test_sequences_with_a_near_duplicate_in_training_are_counted():
    examples, parts = library("copies", 1000)
    record, divided = recorded(examples, holdout="random")
    of_row = dict(zip(examples.ids, parts, strict=True))
    known = {of_row[row] for row in divided.training.ids}
    assert record.near_duplicates == sum(of_row[row] in known for row in divided.validation.ids) > 90
    assert recorded(examples, holdout="similar")[0].near_duplicates == 0


def test_the_line_states_what_was_done():
    examples, _ = library("random", 200)
    record, _ = recorded(examples)
    held, other = record.validation["value"], record.training["value"]
    assert record.describe() == (
        "Held out 20 of 200 sequences (10.0 %). No two sequences are similar. "
        f"Held-out and training values: value: mean {held.mean:.4g} and {other.mean:.4g}, sd {held.sd:.4g} and {other.sd:.4g}."
    )


RECORD = HoldOut("similar", "", 600, 10, 0.1, 100, 1000, 0, {"a": Moments(100, 1.0, 2.0)}, {"a": Moments(900, 1.5, 2.5)})


@pytest.mark.parametrize(("changes", "text"), [
    ({}, "Held out 100 of 1,000 sequences (10.0 %). Families of similar sequences are kept together (600 families, largest 10). Held"),
    ({"families": 1}, "kept together (1 family, largest 10)."),
    ({"held_out": 54}, "Held out 54 of 1,000 sequences (5.4 % instead of 10.0 %). Families"),
    ({"held_out": 85}, "Held out 85 of 1,000 sequences (8.5 %). Families"),
    ({"method": "random"}, "(10.0 %) at random. Only copies are kept together, not families of similar sequences (600 families, "),
    ({"method": "random", "near_duplicates": 1}, " 1 held-out sequence is similar to training sequences. "),
    ({"method": "random", "reason": "it rains", "near_duplicates": 70}, " at random, because it rains. Only copies "),
    ({"method": "random"}, " No held-out sequence is similar to a training sequence. "),
    ({"near_duplicates": 70}, " 70 held-out sequences are similar to training sequences. "),
    ({"method": "legacy"}, "(600 families, largest 10). The hold-out was drawn by the rule of earlier versions. Held-out "),
    ({"method": "chromosomes"}, "Chromosomes are kept together (600 chromosomes, largest 10). 0 held-out windows overlap training "),
    ({"validation": dict.fromkeys("abcde", Moments(1, 0.0, 0.0)), "training": dict.fromkeys("abcde", Moments(1, 0.0, 0.0))},
     "c: mean 0 and 0, sd 0 and 0; 2 more in metrics.json."),
])  # fmt: skip
def test_each_part_of_the_line(changes, text):
    assert text in RECORD._replace(**changes).describe()


def test_a_record_survives_json():
    assert HoldOut.from_json(json.loads(json.dumps(RECORD.to_json()))) == RECORD
    assert RECORD.to_json()["share"] == 0.1
    empty = RECORD._replace(validation={"a": Moments(0, math.nan, math.nan)})
    again = HoldOut.from_json(json.loads(json.dumps(without_nan(empty.to_json()))))
    assert again.validation["a"].n == 0
    assert math.isnan(again.validation["a"].mean)


def test_folds_are_described_with_their_sizes():
    assert describe_folds(np.array([0, 1, 2, 0, 1, 2]), Method("similar", "", 4, 2)) == (
        "Divided 6 sequences into 3 folds of 2. Families of similar sequences are kept together (4 families, largest 2)."
    )
    folds = {"method": "random", "reason": "few", "families": 1, "largest": 3, "sizes": [2, 1]}
    assert record_folds(np.array([0, 0, 1]), Method("random", "few", 1, 3)) == folds
    assert describe_folds(np.array([0, 0, 1]), Method("random", "few", 1, 3)).startswith(
        "Divided 3 sequences into 2 folds of 1 to 2 at random, because few."
    )
