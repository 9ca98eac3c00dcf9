"""Random folds have equal sizes and share no sequence."""

import numpy as np
import pytest

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.hold_out import draw_folds, fold_split
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import reverse_complement


def examples(n, copies=1):
    """Returns n random windows of 60 bases with several copies each. Every second copy is a reverse complement."""
    windows = np.random.default_rng(n).choice(np.frombuffer(b"ACGT", np.uint8), (n, 60))
    letters = np.concatenate([reverse_complement(windows) if copy % 2 else windows for copy in range(copies)])
    narrow = np.arange(len(letters), dtype=np.float32)[:, None]
    return Examples([f"p{row % n}" for row in range(len(letters))], letters, narrow, narrow, np.full(len(letters), 60, np.int32))


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_folds_have_equal_sizes(count):
    folds = draw_folds(examples(300), count, seed=1).folds
    assert folds.dtype == np.int32
    assert np.bincount(folds).tolist() == [300 // count] * count


def test_copies_and_reverse_complements_are_in_the_same_fold():
    folds = draw_folds(examples(60, copies=3), 4).folds.reshape(3, 60)
    assert (folds == folds[0]).all()
    assert set(folds[0]) == {0, 1, 2, 3}


def test_other_fields_are_unchanged():
    data = examples(20)
    drawn = draw_folds(data, 4)
    assert drawn.ids == data.ids
    np.testing.assert_array_equal(drawn.letters, data.letters)
    training, validation = fold_split(drawn, 3)
    assert (len(training), len(validation)) == (15, 5)


def test_folds_depend_on_the_seed():
    first, again, other = (draw_folds(examples(100), 5, seed).folds for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_too_few_folds_or_sequences_are_rejected():
    with pytest.raises(InputError, match="Expected two or more folds, got 1"):
        draw_folds(examples(10), 1)
    with pytest.raises(InputError, match=r"Cannot divide the 6 examples into 3 folds: .* the number of distinct sequences is only 2"):
        draw_folds(examples(2, copies=3), 3)
