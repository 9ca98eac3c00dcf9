import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.errors import ModelError
from dreamkeras.export.parity import SEQUENCES, Parity, compare, parity_letters, parity_sequences, require_parity
from dreamkeras.sequence.alphabet import IUPAC
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged

CONSTRUCTS = {
    "yeast": YEAST,
    "short adapters": Construct("toy", 20, "A", "C", alignment="left", shortest=3),
    "one length": Construct("fixed", 30, alignment="center", shortest=30),
    "left adapter only": Construct("left", 25, "ACG", shortest=2),
}


class TestSequences:
    @pytest.mark.parametrize("construct", CONSTRUCTS.values(), ids=CONSTRUCTS)
    def test_fit_their_construct(self, construct):
        sequences = parity_sequences(construct)
        assert len(sequences) == SEQUENCES
        assert construct.problems(Ragged.from_strings(sequences)) == {}

    def test_have_all_letters_in_both_cases(self):
        letters = set("".join(parity_sequences(YEAST)))
        assert letters == set(IUPAC) | set("acgtn")

    def test_have_all_lengths_that_fit(self):
        plain = [text for text in parity_sequences(YEAST) if not text.upper().startswith(YEAST.left_adapter)]
        assert (min(map(len, plain)), max(map(len, plain))) == (1, YEAST.longest)
        assert len(plain) in range(300, 340)  # every third sequence is an insert without adapters

    def test_depend_only_on_the_seed(self):
        assert parity_sequences(YEAST) == parity_sequences(YEAST)
        assert parity_sequences(YEAST, 10, seed=1) != parity_sequences(YEAST, 10)

    def test_parity_letters_are_their_windows(self):
        letters = parity_letters(YEAST)
        assert (letters.dtype, letters.shape) == (np.uint8, (SEQUENCES, 150))
        np.testing.assert_array_equal(letters, YEAST.windows(Ragged.from_strings(parity_sequences(YEAST))))


class TestCompare:
    def test_figures_of_simple_predictions(self):
        keras = np.array([[0.0], [1.0], [2.0]])
        assert compare(keras, np.float32([[0], [1], [2.5]]), "jax", "float32")[:2] == (3, 0.5)
        found = compare(keras, 2 * keras, "jax", "float32")
        assert (found.largest_difference, found.r, found.slope) == (2.0, pytest.approx(1), pytest.approx(2))
        assert found.sd_difference == pytest.approx(2 / keras.std(), rel=1e-5)
        assert found.shift == pytest.approx(1 / keras.std(), rel=1e-5)

    def test_r_is_the_lowest_of_all_tasks(self):
        keras = np.array([[0.0, 0], [1, 1], [2, 2]])
        assert compare(keras, keras * [1, -1], "jax", "float32").r == pytest.approx(-1)

    def test_each_task_has_its_own_standard_deviation(self):
        keras = np.array([[0.0, 0], [1e6, 1e-6], [2e6, 2e-6]])
        found = compare(keras, keras + np.array([0, 1e-7]), "jax", "float32")
        assert found.sd_difference == pytest.approx(1e-7 / keras[:, 1].std(), rel=1e-3)
        assert found.largest_difference == pytest.approx(1e-7)

    @settings(max_examples=50)
    @given(exponent=st.integers(-25, 25), offset=st.integers(-3, 3), error=st.floats(1e-3, 1e3))
    def test_figures_other_than_the_largest_difference_do_not_depend_on_the_unit(self, exponent, offset, error):
        random = np.random.default_rng(0)
        keras = random.normal(size=(50, 2)) + offset
        exported = keras * (1 + error / 10) + error * random.normal(size=(50, 2))
        one, other = (compare(keras * unit, exported * unit, "jax", "int8") for unit in (1.0, 10.0**exponent))
        for field in ("r", "sd_difference", "slope", "shift"):
            assert getattr(other, field) == pytest.approx(getattr(one, field), rel=1e-3, abs=1e-5), field

    def test_constant_predictions_have_no_r(self):
        assert compare(np.ones((3, 1)), np.ones((3, 1)), "jax", "float32").r is None

    @pytest.mark.parametrize(("value", "exported", "difference"), [(5e6, 5.1e6, 0.02), (0.0, 1e-5, 1e-5), (-1e-6, -1e-6, 0)])
    def test_differences_of_constant_predictions_are_relative_to_their_size(self, value, exported, difference):
        found = compare(np.full((3, 1), value), np.full((3, 1), exported), "jax", "float32")
        assert found.sd_difference == pytest.approx(difference, rel=1e-3, abs=1e-12)

    def test_float32_rounding_is_ignored(self):
        keras = np.array([[1e6], [1e6 + 1], [1e6 + 2]])
        assert compare(keras, keras + 0.0625, "jax", "float32").sd_difference == 0
        assert compare(keras, keras + 1, "jax", "float32").sd_difference > 0.5

    @pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
    def test_predictions_that_are_not_finite_are_rejected(self, wrong):
        fine, broken = np.zeros((3, 1)), np.array([[0.0], [wrong], [1.0]])
        with pytest.raises(ModelError, match="The Keras model's predictions for 1 of 3 sequences are not finite in float32: train"):
            compare(broken, fine, "jax", "float32")
        with pytest.raises(
            ModelError, match=r"The exported model's predictions for 1 of 3 .* float16: a value in the network is too large"
        ):
            compare(fine, broken, "jax", "float16")

    def test_different_shapes_are_rejected(self):
        with pytest.raises(ModelError, match=r"Expected reference predictions of shape \(3, 1\), got \(3,\)"):
            compare(np.ones(3), np.ones((3, 1)), "jax", "float32")


def parity(precision, difference, r, slope=1.0, shift=0.0):
    return Parity(10, 7e5, r, "jax", precision, sd_difference=difference, slope=slope, shift=shift)


class TestRequirement:
    @pytest.mark.parametrize(
        ("precision", "difference", "r"),
        [("float32", 1e-3, 1), ("float32", 0, None), ("float16", 0.05, 0.9), ("float16", 0.05, None), ("float16", 0.4, 0.9995)],
    )
    def test_small_differences_are_accepted(self, precision, difference, r):
        require_parity(parity(precision, difference, r))

    @pytest.mark.parametrize(
        ("precision", "difference", "r"),
        [("float32", 2e-3, 1), ("float32", np.nan, None), ("float16", 0.06, 0.99), ("float16", np.nan, None), ("float16", 0.06, None)],
    )
    def test_large_differences_are_rejected(self, precision, difference, r):
        with pytest.raises(
            ModelError, match=rf"differ from .* over 10 sequences in {precision}: accept a larger difference with --most-diff"
        ):
            require_parity(parity(precision, difference, r))

    @pytest.mark.parametrize("precision", ["float16", "int8"])
    @pytest.mark.parametrize("off", [{"slope": 0.06}, {"slope": 1.06}, {"shift": 0.11}])
    def test_a_high_r_does_not_excuse_a_wrong_slope_or_mean(self, precision, off):
        with pytest.raises(ModelError, match=r"slope .* standard deviations apart"):
            require_parity(parity(precision, 0.4, 0.9999997, **off))

    @pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
    def test_most_difference_accepts_a_larger_difference(self, precision):
        require_parity(parity(precision, 0.4, 0.9999, slope=0.5), most_difference=0.41)
        with pytest.raises(ModelError, match=r"by 0\.4 standard deviations, more than 0\.39 \("):
            require_parity(parity(precision, 0.4, 0.9999, slope=0.5), most_difference=0.39)


@pytest.mark.parametrize(("r", "least"), [(0.9991, 0.999), (0.95, 0.9), (1.0, 1.0), (0.01, 0)])
def test_int8_with_the_minimum_r_is_accepted(r, least):
    require_parity(parity("int8", 0.4, r), least)


@pytest.mark.parametrize(("r", "least"), [(0.9989, 0.999), (-0.1, 0), (np.nan, 0.5)])
def test_int8_below_the_minimum_r_is_rejected(r, least):
    with pytest.raises(ModelError, match=rf"The int8 model's correlation with the Keras model is {r}, below {least} \("):
        require_parity(parity("int8", 0.01, r), least)


def test_int8_that_differs_only_by_rounding_is_accepted_with_any_r():
    require_parity(parity("int8", 0.0, 0.996))


@pytest.mark.parametrize(("difference", "is_refused"), [(0.04, False), (0.06, True)])
def test_int8_with_constant_predictions_is_checked_by_their_difference(difference, is_refused):
    with pytest.raises(ModelError) if is_refused else contextlib.nullcontext():
        require_parity(parity("int8", difference, None, slope=None))


def test_int8_profiles_have_a_maximum_distance():
    with pytest.raises(ModelError, match=r"by a distance of 0\.06, which exceeds 0\.05, over 10 sequences in int8"):
        require_parity(Parity(10, 0.0, 1.0, "jax", "int8", profile_distance=0.06))


def test_sequences_of_another_seed_are_different():
    report, others = parity_letters(YEAST), parity_letters(YEAST, 512, seed=1)
    assert others.shape == (512, 150)
    assert not set(map(bytes, others)) & set(map(bytes, report[np.array([len(set(bytes(row))) > 4 for row in report])]))


def test_report_as_text():
    assert str(Parity(1000, 1.9e-6, 0.99999991, "jax", "float16", sd_difference=1.2e-6)).splitlines() == [
        "Keras (jax) against ONNX Runtime (float16) over 1,000 sequences:",
        "  largest difference  1.9e-06",
        "  in standard dev.    1.2e-06",
        "  Pearson r           0.9999999",
    ]
    assert "constant" in str(Parity(1000, 0.0, None, "jax", "float32"))
