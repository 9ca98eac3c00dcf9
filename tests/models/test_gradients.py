"""Attribution, compared with closed forms, with mutants of a linear network, and with tangermeme's DeepLIFT on an equal torch network."""

import numpy as np
import pytest
from keras_arrays import array
from linear_network import BETWEEN, GIVEN, convolutional_network, in_torch, linear_network, with_random_weights
from profile_network import build_profile_network
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import InputError
from dreamkeras.models import gradients
from dreamkeras.models.gradients import BASELINES, Attributor
from dreamkeras.sequence.alphabet import BASES, ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.shuffle import shuffle_dinucleotides

SEQUENCES = ("GATTACAGG", "ACACTTGACGTCAGGGT", "acgtacgtaCC", "GC")


def records_of(*sequences):
    return Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")


def random_sequences(n, length=20, seed=0):
    letters = np.random.default_rng(seed).choice(list(BASES), (n, length))
    return ["".join(row) for row in letters]


def predict(network, windows):
    """Predicts as the exported model does, without compiling a graph."""
    return array(network.predictor()(windows))


def by_mutants(network, inserts):
    """Returns (letters, 4, tasks): the change in a linear network's prediction when N at each position is replaced by each base."""
    texts = [inserts[i] for i in range(len(inserts))]
    rows = [text[:i] + base + text[i + 1 :] for text in texts for i in range(len(text)) for base in ("N", *BASES)]
    values = predict(network, network.construct.surround(Ragged.from_strings(rows))).reshape(len(inserts.flat), 5, -1)
    return values[:, 1:] - values[:, :1]


@pytest.fixture(scope="module")
def curved():
    return convolutional_network()


@pytest.mark.parametrize(("method", "shifts"), [("gradient", 0), ("integrated", 2), ("deeplift", 0)])
def test_contributions_in_a_linear_network_are_its_weights(method, shifts):
    network = linear_network(test_shifts=shifts)
    found = Attributor(network, method, baseline="zeros", batch_size=3).attribute(records_of(*SEQUENCES))
    assert [found.inserts[i] for i in range(4)] == ["GATTACAGG", "TTGACGTCAGG", "acgtacgtaCC", "GC"]
    wanted = by_mutants(network, found.inserts)
    np.testing.assert_allclose(found.scores, wanted, atol=2e-6)
    own = np.einsum("lb,lbt->lt", ONE_HOT[found.inserts.flat], wanted)
    np.testing.assert_allclose(found.importance(), own, atol=2e-6)
    np.testing.assert_allclose(found.completeness_error(), 0, atol=1e-5)


def test_predictions_are_those_of_the_exported_model():
    network = linear_network(test_shifts=1)
    records = records_of(*SEQUENCES)
    found = Attributor(network, "gradient").attribute(records)
    np.testing.assert_allclose(found.reference, predict(network, BETWEEN.cut(records)), atol=1e-5)
    unknown = records_of(*("N" * length for length in found.inserts.lengths))
    np.testing.assert_allclose(found.baseline, predict(network, BETWEEN.cut(unknown)), atol=1e-5)


@pytest.mark.parametrize("method", ["integrated", "deeplift"])
def test_shuffled_baselines_subtract_their_mean_contribution(method):
    network, records = linear_network(), records_of(*SEQUENCES[:2])
    found = Attributor(network, method, baseline="shuffled", references=4, seed=3).attribute(records)
    weights = by_mutants(network, found.inserts)
    repeated = found.inserts.select(np.repeat(np.arange(2), 4))
    shuffled = ONE_HOT[shuffle_dinucleotides(repeated, np.random.default_rng(3)).flat]
    means = np.concatenate([part.reshape(4, -1, 4).mean(0) for part in np.split(shuffled, [4 * found.inserts.lengths[0]])])
    np.testing.assert_allclose(found.scores, weights - np.einsum("lb,lbt->lt", means, weights)[:, None], atol=2e-6)
    np.testing.assert_allclose(found.completeness_error(), 0, atol=1e-5)


@pytest.mark.parametrize("method", ["gradient", "integrated"])
def test_a_uniform_baseline_subtracts_the_mean_of_the_bases(method):
    network = linear_network()
    found = Attributor(network, method, baseline="uniform").attribute(records_of(*SEQUENCES))
    weights = by_mutants(network, found.inserts)
    np.testing.assert_allclose(found.scores, weights - weights.mean(axis=1, keepdims=True), atol=2e-6)
    np.testing.assert_allclose(found.completeness_error(), 0, atol=1e-5)


def test_the_gradient_equals_finite_differences(curved):
    (sequence,) = random_sequences(1)
    found = Attributor(curved, "gradient").attribute(records_of(sequence))
    features, step = ONE_HOT[GIVEN.surround(Ragged.from_strings([sequence]))], 1e-2
    moves = step * np.eye(features.size, dtype=np.float32).reshape(-1, *features.shape[1:])
    higher, lower = (array(curved.final(curved.core(curved.first(moved)))["expression"]) for moved in (features + moves, features - moves))
    np.testing.assert_allclose(found.scores.reshape(-1), (higher - lower)[:, 0] / (2 * step), atol=1e-3)


def test_the_completeness_error_decreases_with_steps(curved):
    records = records_of(*random_sequences(6))
    errors = [np.abs(Attributor(curved, steps=steps).attribute(records).completeness_error()).max() for steps in (1, 3, 12)]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 1e-4


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_chain_of_stages_is_complete(curved, baseline):
    found = Attributor(curved, "deeplift", baseline=baseline, steps=32).attribute(records_of(*random_sequences(4)))
    assert np.abs(found.completeness_error()).max() < 1e-4 * np.abs(found.reference - found.baseline).max()


def test_deeplift_equals_tangermeme_on_the_same_network_in_torch(curved):
    torch = pytest.importorskip("torch")
    deep_lift_shap = pytest.importorskip("tangermeme.deep_lift_shap").deep_lift_shap
    sequences = Ragged.from_strings(random_sequences(5, seed=1))
    shuffled = shuffle_dinucleotides(sequences.select(np.repeat(np.arange(5), 6)), np.random.default_rng(2))
    shown, others = (torch.from_numpy(ONE_HOT[part.flat].reshape(-1, 20, 4).swapaxes(1, 2).copy()) for part in (sequences, shuffled))
    wanted = deep_lift_shap(in_torch(curved), shown, references=others.reshape(5, 6, 4, 20), hypothetical=True, device="cpu")
    records = Records(list("abcde"), sequences, np.arange(5), "made.fa")
    found = Attributor(curved, "deeplift", references=6, steps=16, seed=2).attribute(records)
    np.testing.assert_allclose(found.scores[:, :, 0], wanted.numpy().swapaxes(1, 2).reshape(-1, 4), atol=1e-4)
    whole = Attributor(curved, "integrated", baseline="shuffled", references=6, seed=2).attribute(records)
    assert np.abs(whole.scores - found.scores).max() > 1e-2


@pytest.mark.parametrize("method", ["gradient", "deeplift"])
def test_batches_and_order_change_nothing(curved, method):
    records = records_of(*random_sequences(5))
    together = Attributor(curved, method, references=3).attribute(records)
    one = Attributor(curved, method, references=3, batch_size=2)
    parts = [part.found for part in one.attribute_records([records.select(np.arange(2)), records.select(np.arange(2, 5))])]
    np.testing.assert_allclose(np.concatenate([part.scores for part in parts]), together.scores, atol=1e-5)
    assert [name for part in parts for name in part.ids] == together.ids


def test_many_sequences_are_processed_in_small_batches(curved, monkeypatch):
    records, told = records_of(*random_sequences(5)), []
    whole = Attributor(curved, "gradient").attribute(records)
    monkeypatch.setattr(gradients, "AT_ONCE", 45)
    found = Attributor(curved, "gradient").attribute(records, told.append)
    np.testing.assert_allclose(found.scores, whole.scores, atol=1e-5)
    assert told == [2, 2, 1]


def test_contributions_of_the_reverse_complement_are_reversed_and_complemented():
    network = convolutional_network(Construct("bare", length=24, alignment="center", flags=()))
    (sequence,) = random_sequences(1)
    other = sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))
    one, two = np.split(Attributor(network, "integrated", steps=4).attribute(records_of(sequence, other)).scores, 2)
    np.testing.assert_allclose(one, two[::-1, ::-1], atol=1e-5)
    assert np.abs(one).max() > 0.01


def test_contributions_of_a_real_network_are_complete_on_both_strands():
    network = with_random_weights(tiny(find_assay("yeast")), sd=0.4)
    records = records_of(*random_sequences(1, 80))
    found = Attributor(network, "deeplift", baseline="zeros", steps=6, batch_size=1).attribute(records)
    np.testing.assert_allclose(found.reference, predict(network, network.construct.cut(records)), atol=1e-4)
    assert np.abs(found.completeness_error()).max() < 0.05 * np.abs(found.reference - found.baseline).min()


def test_a_network_with_an_enzymes_bias_is_treated_as_one_stage():
    bias = build_profile_network()
    network = build_profile_network(seed=1).with_options(bias=bias)
    (sequence,) = random_sequences(1, network.construct.length)
    records = records_of(sequence)
    found = Attributor(network, "deeplift", baseline="zeros", steps=24).attribute(records)
    predicted = predict(network, network.construct.cut(records))[:, :1]
    np.testing.assert_allclose(found.reference, predicted, atol=1e-5)
    assert np.abs(found.completeness_error()).max() < 0.05 * np.abs(found.reference - found.baseline).max()


def test_n_contributes_nothing_and_an_iupac_code_the_mean_of_its_bases():
    network = linear_network(GIVEN, tasks=1)
    found = Attributor(network, "integrated", baseline="shuffled", references=2).attribute(records_of("ACGNRTTACA"))
    np.testing.assert_allclose(found.importance()[3], 0)
    np.testing.assert_allclose(found.importance()[4], 0, atol=1e-6)  # the code is also in every shuffled baseline
    zeros = Attributor(network).attribute(records_of("ACGNRTTACA"))
    np.testing.assert_allclose(zeros.importance()[4], zeros.scores[4, [0, 2]].mean(0), atol=1e-6)


def test_records_that_do_not_fit_raise_an_error_or_are_skipped(curved):
    records = records_of("ACGTACGT", "ACG", "TTTTACGT")
    with pytest.raises(InputError, match=r"got 3 in record 's1' \(made.fa, line 2\)"):
        Attributor(curved, "gradient").attribute(records)
    told = []
    parts = list(Attributor(curved, "gradient").attribute_records([records], "skip", told.append))
    assert ([part.found.ids for part in parts], sum(part.skipped.count for part in parts), told) == ([["s0", "s2"]], 1, [2])
    assert "Expected 4 to 20 bases" in parts[0].skipped.reasons[0]
    (none,) = Attributor(curved, "gradient").attribute_records([records.select(np.array([1]))], "skip")
    assert (none.found.ids, none.found.scores.shape, none.skipped.count) == ([], (0, 4, 1), 1)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"method": "shap"}, "method to be one of gradient, integrated, deeplift, got 'shap'"),
        ({"baseline": "ones"}, "baseline to be one of zeros, uniform, shuffled, got 'ones'"),
        ({"steps": 0}, "Expected steps to be at least 1, got 0"),
        ({"references": 0}, "Expected references to be at least 1, got 0"),
        ({"batch_size": 0}, "Expected batch_size to be at least 1, got 0"),
        ({"method": "gradient", "steps": 3}, "The method gradient does not use steps, but steps is 3"),
    ],
)
def test_arguments_out_of_range_are_rejected(curved, choices, message):
    with pytest.raises(InputError, match=message):
        Attributor(curved, **choices)
