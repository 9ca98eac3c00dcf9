import tracemalloc

import numpy as np
import pytest
from weight_sum import PLAIN, WeightSum

from dreamkeras.errors import InputError
from dreamkeras.explain import ablation
from dreamkeras.explain.ablation import METHODS, Ablator
from dreamkeras.explain.spans import RegionSpans, Spans, slide
from dreamkeras.genome.regions import Regions
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.shuffle import shuffle_dinucleotides

BETWEEN = Construct("between", length=14, left_adapter="ACAC", right_adapter="GT", shortest=2)
"""Construct with inserts of 2 to 12 letters between adapters, aligned to the right end of the window."""


def records_of(*sequences):
    return Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")


def windows(inserts, width=6, step=3):
    return slide(inserts, width, step)


def spans_of(_ids, inserts):
    return windows(inserts)


def weights_of(predictor, text, first=0):
    """Returns the sum of the weights of a text at a position, (tasks,)."""
    letters = np.frombuffer(text.encode(), np.uint8)
    return np.einsum("lb,lbt->t", ONE_HOT[letters], predictor.weights[first : first + len(text)])


def test_effect_of_unknown_letters_is_the_loss_of_the_weights_of_the_span():
    predictor = WeightSum(tasks=2)
    found = Ablator(predictor, "unknown").ablate(records_of("ACGTACGTACGT", "GGATCC"), spans_of)
    assert found.spans.starts.tolist() == [0, 3, 6, 0]
    texts = ["ACGTAC", "TACGTA", "GTACGT", "GGATCC"]
    wanted = [-weights_of(predictor, text, first) for text, first in zip(texts, [0, 3, 6, 0], strict=True)]
    np.testing.assert_allclose(found.effects, wanted, atol=2e-6)
    assert found.sd is None


def test_effects_are_mean_and_sd_over_the_shuffles_of_a_span():
    predictor, text = WeightSum(), "ACGTACGATTCA"
    spans = Spans(np.array([0]), np.array([2]), np.array([11]))
    found = Ablator(predictor, shuffles=7, seed=3).ablate(records_of(text), lambda ids, inserts: spans)
    shuffled = shuffle_dinucleotides(Ragged.from_strings([text[2:11]] * 7), np.random.default_rng(3))
    values = np.array([weights_of(predictor, text[:2] + shuffled[i] + text[11:]) for i in range(7)])
    np.testing.assert_allclose(found.effects[0], values.mean(0) - weights_of(predictor, text), atol=2e-6)
    np.testing.assert_allclose(found.sd[0], values.std(0, ddof=1), atol=2e-6)


def test_effects_do_not_depend_on_letters_outside_the_span():
    predictor = WeightSum()
    predictor.weights[4:9] = 0
    spans = Spans(np.array([0]), np.array([4]), np.array([9]))
    for method in METHODS:
        found = Ablator(predictor, method).ablate(records_of("ACGTACAGAACT"), lambda ids, inserts: spans)
        np.testing.assert_allclose(found.effects, 0, atol=1e-6)


def test_positions_are_those_within_the_insert_with_and_without_adapters():
    bare, given = (Ablator(WeightSum(BETWEEN), "unknown").ablate(records_of(text), spans_of) for text in ("GATTACA", "ACACGATTACAGT"))
    assert bare.inserts[0] == given.inserts[0] == "GATTACA"
    np.testing.assert_array_equal(bare.effects, given.effects)


def test_effects_do_not_depend_on_the_number_of_spans_at_a_time(monkeypatch):
    records = records_of("ACGTACGTACGT", "GGATCCAATG", "TTTT")
    together = Ablator(WeightSum(), shuffles=3).ablate(records, spans_of)
    monkeypatch.setattr(ablation, "AT_ONCE", 4)
    apart = Ablator(WeightSum(), shuffles=3).ablate(records, spans_of)
    np.testing.assert_array_equal(together.effects, apart.effects)
    parts = list(
        Ablator(WeightSum(), shuffles=3).ablate_records([records.select(np.array([0])), records.select(np.array([1, 2]))], spans_of)
    )
    np.testing.assert_array_equal(np.concatenate([part.found.effects for part in parts]), together.effects)


def test_memory_does_not_grow_with_the_number_of_shuffles(monkeypatch):
    predictor = WeightSum(PLAIN, tasks=100)
    records = records_of(*["ACGTACGATTCA", "GGATTACCATGA"] * 30)
    monkeypatch.setattr(ablation, "AT_ONCE", 1000)
    ablator = Ablator(predictor, "letters", shuffles=100)
    tracemalloc.start()
    found = ablator.ablate(records, lambda ids, inserts: slide(inserts, 9, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.effects.shape == (240, 100)
    assert peak < 240 * 100 * 100 * 4 / 2  # half of the predictions for all shuffles


def test_few_records_are_in_memory_at_a_time(monkeypatch):
    monkeypatch.setattr("dreamkeras.explain.mutagenesis.LETTERS_AT_ONCE", 20)
    parts = list(
        Ablator(WeightSum(), "unknown").ablate_records([records_of("ACGTACGT", "GATTACA", "A" * 12, "CCGG", "A", "TTA")], spans_of, "skip")
    )
    assert [part.found.ids for part in parts] == [["s0", "s1"], ["s2", "s3", "s5"]]
    assert sum(part.skipped.count for part in parts) == 1


def test_identical_shuffles_are_scored_once():
    predictor = WeightSum()
    Ablator(predictor, shuffles=50).ablate(records_of("AAAACAAAA"), spans_of)
    assert predictor.asked <= 1 + 3 * 6


def test_without_spans_there_are_no_effects():
    none = Spans(*np.empty((3, 0), np.int64))
    assert Ablator(WeightSum(PLAIN)).ablate(records_of("ACGT"), lambda ids, inserts: none).effects.shape == (0, 1)


def test_records_with_spans_beyond_the_insert_are_named_or_skipped():
    records = records_of("ACGTACGA", "A" * 13, "GATTACA", "ACACGGTTGT", "CCC")
    regions = Regions(["s1", "s3", "s0", "s3", "s9", "s2"], np.array([0, 0, 1, 2, 0, 0]), np.array([2, 2, 8, 5, 3, 7]), np.arange(6))
    spans_of = RegionSpans(regions)
    (part,) = Ablator(WeightSum(BETWEEN), "unknown").ablate_records([records], spans_of, "skip")
    assert (part.found.ids, part.skipped.count) == (["s0", "s2", "s4"], 2)
    assert part.found.spans.sequences.tolist() == [0, 1]
    assert (
        part.skipped.reasons[1] == "Expected spans within the insert, got 2-5 for an insert of 4 letters in record 's3' (made.fa, line 4)"
    )
    assert spans_of.missing == 1  # only s9 is missing: s1 was found, although its record does not fit
    with pytest.raises(InputError, match=r"got 2-5 for an insert of 4 letters in record 's3' \(made.fa, line 4\)"):
        list(Ablator(WeightSum(BETWEEN)).ablate_records([records.select(np.array([0, 3]))], RegionSpans(regions)))


def test_records_that_do_not_fit_are_named_or_skipped():
    records = records_of("ACGTACGT", "A" * 13, "GATTACA")
    with pytest.raises(InputError, match=r"got 13 in record 's1' \(made.fa, line 2\)"):
        Ablator(WeightSum()).ablate(records, spans_of)
    (part,) = Ablator(WeightSum()).ablate_records([records], spans_of, "skip")
    assert (part.found.ids, part.skipped.count) == (["s0", "s2"], 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Ablator(WeightSum(), "mono"), "dinucleotides, letters, unknown, got 'mono'"),
        (lambda: Ablator(WeightSum(), shuffles=0), "at least 1 shuffle, got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_effect_of_a_span_without_another_shuffle_is_nan():
    # ACGT has a single order with the same dinucleotide counts, and ACAGAGTA has several.
    spans = Spans(np.array([0, 0]), np.array([0, 4]), np.array([4, 12]))
    found = Ablator(WeightSum(), shuffles=5).ablate(records_of("ACGT" + "ACAGAGTA"), lambda _ids, _inserts: spans)
    assert np.isnan(found.effects).all(axis=1).tolist() == [True, False]
    assert np.isnan(found.sd).all(axis=1).tolist() == [True, False]
