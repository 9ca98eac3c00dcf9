import numpy as np
import pytest

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
    def test_all_fit_their_construct(self, construct):
        sequences = parity_sequences(construct)
        assert len(sequences) == SEQUENCES
        assert construct.problems(Ragged.from_strings(sequences)) == {}

    def test_hold_every_kind_of_letter_in_both_cases(self):
        letters = set("".join(parity_sequences(YEAST)))
        assert letters == set(IUPAC) | set("acgtn")

    def test_hold_every_length_that_fits(self):
        plain = [text for text in parity_sequences(YEAST) if not text.upper().startswith(YEAST.left_adapter)]
        assert (min(map(len, plain)), max(map(len, plain))) == (1, YEAST.longest)
        assert len(plain) in range(300, 340)  # bare inserts: every third

    def test_are_the_same_each_time(self):
        assert parity_sequences(YEAST) == parity_sequences(YEAST)
        assert parity_sequences(YEAST, 10, seed=1) != parity_sequences(YEAST, 10)

    def test_letters_are_their_windows(self):
        letters = parity_letters(YEAST)
        assert (letters.dtype, letters.shape) == (np.uint8, (SEQUENCES, 150))
        np.testing.assert_array_equal(letters, YEAST.windows(Ragged.from_strings(parity_sequences(YEAST))))


class TestCompare:
    def test_counts_and_measures(self):
        keras = np.array([[0.0], [1.0], [2.0]])
        assert compare(keras, np.float32([[0], [1], [2.5]]), "jax", "float32")[:2] == (3, 0.5)
        assert compare(keras, 2 * keras, "jax", "float32") == Parity(3, 2.0, pytest.approx(1), "jax", "float32")

    def test_r_is_the_lowest_of_all_tasks(self):
        keras = np.array([[0.0, 0], [1, 1], [2, 2]])
        assert compare(keras, keras * [1, -1], "jax", "float32").r == pytest.approx(-1)

    def test_constant_predictions_have_no_r(self):
        assert compare(np.ones((3, 1)), np.ones((3, 1)), "jax", "float32").r is None

    def test_shapes_that_differ_are_refused(self):
        with pytest.raises(ModelError, match=r"Expected reference predictions of shape \(3, 1\), got \(3,\)"):
            compare(np.ones(3), np.ones((3, 1)), "jax", "float32")


class TestRequirement:
    @pytest.mark.parametrize(
        ("precision", "difference", "r"),
        [("float32", 1e-3, 1), ("float32", 0, None), ("float16", 0.05, 0.9), ("float16", 0.05, None), ("float16", 0.4, 0.9995)],
    )
    def test_close_is_accepted(self, precision, difference, r):
        require_parity(Parity(10, difference, r, "jax", precision))

    @pytest.mark.parametrize(
        ("precision", "difference", "r"),
        [("float32", 2e-3, 1), ("float32", np.nan, None), ("float16", 0.06, 0.99), ("float16", np.nan, None), ("float16", 0.06, None)],
    )
    def test_far_is_refused(self, precision, difference, r):
        with pytest.raises(ModelError, match=rf"got a difference of .* over 10 sequences in {precision}"):
            require_parity(Parity(10, difference, r, "jax", precision))


@pytest.mark.parametrize(("r", "least"), [(0.9991, 0.999), (0.95, 0.9), (1.0, 1.0)])
def test_int8_is_accepted_by_its_r_alone(r, least):
    require_parity(Parity(10, 0.4, r, "jax", "int8"), least)


@pytest.mark.parametrize(("r", "least"), [(0.9989, 0.999), (None, 0.5), (np.nan, 0.5)])
def test_int8_below_its_bound_is_refused(r, least):
    with pytest.raises(ModelError, match=rf"Expected an int8 model whose r with float32 is {least} at least, got"):
        require_parity(Parity(10, 0.0, r, "jax", "int8"), least)


def test_int8_profiles_have_a_bound_too():
    with pytest.raises(ModelError, match=r"profiles within 0\.05 of Keras's"):
        require_parity(Parity(10, 0.0, 1.0, "jax", "int8", profile_distance=0.06))


def test_sequences_of_another_seed_are_held_out():
    report, others = parity_letters(YEAST), parity_letters(YEAST, 512, seed=1)
    assert others.shape == (512, 150)
    assert not set(map(bytes, others)) & set(map(bytes, report[np.array([len(set(bytes(row))) > 4 for row in report])]))


def test_report_reads_well():
    assert str(Parity(1000, 1.9e-6, 0.99999991, "jax", "float16")).splitlines() == [
        "Keras (jax) against ONNX Runtime (float16) over 1,000 sequences:",
        "  largest difference  1.9e-06",
        "  Pearson r           0.9999999",
    ]
    assert "constant" in str(Parity(1000, 0.0, None, "jax", "float32"))
