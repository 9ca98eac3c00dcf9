"""Examples: selection and concatenation keep all fields consistent."""

import dataclasses

import numpy as np
import pytest
from toy_examples import make_examples, random_sequences, rows

from dreamkeras.data.examples import Examples, require_examples
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST


def test_select_applies_to_all_fields():
    examples = make_examples(random_sequences(6), folds=[0, 1, 2, 3, 4, 5])
    chosen = examples.select(np.array([4, 1]))
    assert chosen.ids == ["p4", "p1"]
    assert rows(chosen) == [4, 1]
    assert chosen.folds.tolist() == [4, 1]
    assert np.array_equal(chosen.letters, examples.letters[[4, 1]])
    assert len(chosen) == 2


def test_joined_examples_can_be_selected():
    parts = [
        dataclasses.replace(make_examples(random_sequences(3, seed=seed), folds=[seed] * 3), weights=np.full(3, seed, np.float32),
                            replicates=np.full((3, 1, 2), seed, np.float32), profiles=np.full((3, 4), seed, np.float32),
                            is_peak=np.full(3, seed == 1), margin=1) for seed in (1, 2)
    ]  # fmt: skip
    joined = Examples.joined(parts)
    assert len(joined) == 6
    again = joined.select(joined.weights == 2)
    for field in ("letters", "targets", "flags", "lengths", "folds", "weights", "replicates", "profiles", "is_peak"):
        np.testing.assert_array_equal(getattr(again, field), getattr(parts[1], field))
    assert again.ids == parts[1].ids
    assert again.margin == 1


def test_centred_removes_only_the_margin():
    examples = make_examples(random_sequences(3, 20))
    profiles = np.arange(3 * 14, dtype=np.float32).reshape(3, 14)
    examples = dataclasses.replace(examples, profiles=profiles, is_peak=np.array([True, False, True]), margin=3)
    centred = examples.centred()
    np.testing.assert_array_equal(centred.letters, examples.letters[:, 3:17])
    np.testing.assert_array_equal(centred.profiles, profiles[:, 3:11])
    assert (centred.margin, centred.ids) == (0, examples.ids)
    assert centred.is_peak is examples.is_peak
    again = centred.centred()
    np.testing.assert_array_equal(again.letters, centred.letters)
    np.testing.assert_array_equal(again.profiles, centred.profiles)


def test_centred_supports_examples_without_profiles():
    assert make_examples(random_sequences(3)).centred().profiles is None


def test_negative_margins_are_rejected():
    with pytest.raises(InputError, match="Expected a margin of 0 or more, got -1"):
        dataclasses.replace(make_examples(random_sequences(3)), margin=-1)


def test_select_accepts_a_mask():
    examples = make_examples(random_sequences(3), YEAST)
    chosen = examples.select(np.array([True, False, True]))
    assert chosen.ids == ["p0", "p2"]
    assert chosen.construct is YEAST
    assert (chosen.folds, chosen.weights, chosen.replicates) == (None, None, None)


@pytest.mark.parametrize(("field", "value"), [
    ("targets", np.zeros(3)), ("letters", np.zeros((2, 5))), ("lengths", np.zeros(4)), ("weights", np.zeros(2)),
    ("replicates", np.zeros((3, 2))), ("profiles", np.zeros(3)), ("is_peak", np.zeros(2, bool)),
])  # fmt: skip
def test_fields_with_wrong_shapes_are_rejected(field, value):
    fields = {"letters": np.zeros((3, 5)), "targets": np.zeros((3, 1)), "flags": np.zeros((3, 2)), "lengths": np.zeros(3), field: value}
    with pytest.raises(InputError, match=f"Expected {field} with . dimensions and 3 rows, got shape"):
        Examples(ids=["a", "b", "c"], **fields)


def test_too_few_examples_are_rejected():
    examples = make_examples(random_sequences(3))
    require_examples(examples, 3, "one batch")
    with pytest.raises(InputError, match="Expected at least 4 examples for one batch, got 3"):
        require_examples(examples, 4, "one batch")
