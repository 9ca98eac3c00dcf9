import keras
import numpy as np
import pytest
from keras_arrays import array, random_array

from dreamkeras.layers.parts.auxiliary import KINDS, PositionHead, auxiliary_loss, masked_nucleotide_loss, mutation_loss
from dreamkeras.sequence.alphabet import BASES, reverse_complement


def letters(*rows):
    return np.array([list(row.encode()) for row in rows], np.uint8)


def marks(*rows):
    return np.array([[mark == "x" for mark in row] for row in rows])


def cross_entropy(logits, windows, masked):
    """Computes the cross-entropy one position at a time."""
    costs = []
    for row, window, hidden in zip(logits.astype(np.float64), windows, masked, strict=True):
        for scores, letter, is_hidden in zip(row, bytes(window).decode().upper(), hidden, strict=True):
            if is_hidden and letter in BASES:
                costs.append(np.log(np.exp(scores).sum()) - scores[BASES.index(letter)])
    return np.mean(costs)


def binary_cross_entropy(logits, windows, mutated, left_out):
    costs = []
    for row, window, is_other, out in zip(logits[..., 0].astype(np.float64), windows, mutated, left_out, strict=True):
        for score, letter, truth, ignored in zip(row, bytes(window).decode().upper(), is_other, out, strict=True):
            if letter in BASES and not ignored:
                costs.append(-np.log(1 / (1 + np.exp(-score if truth else score))))
    return np.mean(costs)


WINDOWS = letters("ACGTNA", "ttgRcN")
MASKED = marks("x..xx.", "x.xxxx")
MUTATED = marks(".x....", "....x.")


class TestMaskedNucleotides:
    def test_is_the_cross_entropy_of_masked_bases(self):
        logits = random_array(2, 6, 4)
        assert float(masked_nucleotide_loss(logits, WINDOWS, MASKED)) == pytest.approx(cross_entropy(logits, WINDOWS, MASKED), rel=1e-5)

    def test_padding_and_ambiguous_letters_are_ignored(self):
        logits = random_array(2, 6, 4)
        wanted = float(masked_nucleotide_loss(logits, WINDOWS, MASKED))
        logits[0, 4], logits[1, [3, 5]] = 100, -100  # N; R and N
        assert float(masked_nucleotide_loss(logits, WINDOWS, MASKED)) == pytest.approx(wanted, rel=1e-6)
        assert float(masked_nucleotide_loss(logits, letters("NNNNNN", "NNNNNN"), MASKED)) == 0

    def test_unmasked_positions_are_ignored(self):
        logits = random_array(2, 6, 4)
        logits[0, 0] = 50 * np.eye(4)[0]  # the masked base is A
        only = marks("x.....", "......")
        assert float(masked_nucleotide_loss(logits, WINDOWS, only)) == pytest.approx(0, abs=1e-6)
        assert float(masked_nucleotide_loss(logits, WINDOWS, np.zeros_like(MASKED))) == 0

    def test_the_loss_of_both_strands(self):
        logits = random_array(2, 12, 4)
        windows = np.concatenate([WINDOWS, reverse_complement(WINDOWS)], axis=1)
        masked = np.concatenate([MASKED, MASKED[:, ::-1]], axis=1)
        assert float(masked_nucleotide_loss(logits, WINDOWS, MASKED)) == pytest.approx(cross_entropy(logits, windows, masked), rel=1e-5)


class TestMutations:
    def test_is_the_binary_cross_entropy_of_bases(self):
        logits = 5 * random_array(2, 6, 1)
        wanted = binary_cross_entropy(logits, WINDOWS, MUTATED, np.zeros_like(MASKED))
        assert float(mutation_loss(logits, WINDOWS, MUTATED)) == pytest.approx(wanted, rel=1e-5)

    def test_masked_positions_are_ignored(self):
        logits = random_array(2, 6, 1)
        wanted = binary_cross_entropy(logits, WINDOWS, MUTATED, MASKED)
        assert float(mutation_loss(logits, WINDOWS, MUTATED, MASKED)) == pytest.approx(wanted, rel=1e-5)

    def test_both_strands(self):
        logits = random_array(2, 12, 1)
        both = [np.concatenate([values, values[:, ::-1]], axis=1) for values in (MUTATED, MASKED)]
        wanted = binary_cross_entropy(logits, np.concatenate([WINDOWS, reverse_complement(WINDOWS)], axis=1), *both)
        assert float(mutation_loss(logits, WINDOWS, MUTATED, MASKED)) == pytest.approx(wanted, rel=1e-5)


OUTPUTS = {"expression": random_array(2, 1), "nucleotides": random_array(2, 6, 4), "mutated": random_array(2, 6, 1, seed=1)}


class TestSum:
    def test_includes_losses_with_targets_and_outputs(self):
        truth = {"letters": WINDOWS, "masked": MASKED, "mutated": MUTATED}
        nucleotides = masked_nucleotide_loss(OUTPUTS["nucleotides"], WINDOWS, MASKED)
        mutated = mutation_loss(OUTPUTS["mutated"], WINDOWS, MUTATED, MASKED)
        assert float(auxiliary_loss(truth, OUTPUTS)) == pytest.approx(float(nucleotides + mutated), rel=1e-6)
        without = {name: values for name, values in OUTPUTS.items() if name != "nucleotides"}
        assert float(auxiliary_loss(truth, without)) == pytest.approx(float(mutated), rel=1e-6)

    def test_is_0_without_targets_or_outputs(self):
        assert auxiliary_loss({"expression": np.zeros((2, 1))}, OUTPUTS) == 0
        assert auxiliary_loss({"letters": WINDOWS, "masked": MASKED}, {"expression": np.zeros((2, 1))}) == 0


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_head_returns_float32_logits_at_every_position(kind, dtype):
    head, features = PositionHead(kind, dtype=dtype), random_array(3, 5, 7)
    logits = head(features)
    assert (tuple(logits.shape), keras.backend.standardize_dtype(logits.dtype)) == ((3, 5, KINDS[kind]), "float32")
    kernel, bias = (array(weight) for weight in head.weights)
    np.testing.assert_allclose(array(logits), features @ kernel + bias, atol=0.05 if dtype != "float32" else 1e-5)


def test_an_unknown_kind_of_head_is_rejected():
    with pytest.raises(ValueError, match="Expected a kind among nucleotides, mutated, got 'codons'"):
        PositionHead("codons")
