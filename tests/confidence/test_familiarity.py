import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import WeightSum

from dreamkeras.confidence.familiarity import LABELS, WORDS, Familiarity, measure_familiarity, word_distances
from dreamkeras.errors import InputError, ModelError
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.ragged import Ragged


def random_inserts(number, seed, length=80, weights=(1, 1, 1, 1)):
    wheel = np.repeat(np.frombuffer(b"ACGT", np.uint8), weights)
    letters = np.random.default_rng(seed).choice(wheel, number * length)
    return Ragged.from_lengths(letters, np.full(number, length))


def turned(text):
    return reverse_complement(np.frombuffer(text.encode(), np.uint8)).tobytes().decode()


def words_of(text):
    """Counts the 4-mers of a text with plain Python. A 4-mer and its reverse complement are counted as one."""
    found = Counter()
    for first in range(len(text) - 3):
        word = text[first : first + 4].upper().replace("U", "T")
        if set(word) <= set("ACGT"):
            found[min(word, turned(word), key=lambda other: ["ACGT".index(base) for base in other])] += 1
    return found


@pytest.fixture(scope="module")
def trained():
    return measure_familiarity(random_inserts(5000, 0))


def labels(familiarity, *texts):
    return [LABELS[code] for code in familiarity.codes(Ragged.from_strings(texts))]


class TestMeasure:
    def test_a_word_and_its_reverse_complement_are_one(self):
        assert len(WORDS) == 136
        assert all(turned(word) not in WORDS or turned(word) == word for word in WORDS)

    @given(st.lists(st.text("ACGTNacgtuR", max_size=30), min_size=1, max_size=5))
    def test_shares_equal_counts_in_plain_python(self, texts):
        counted = sum((words_of(text) for text in texts), Counter())
        inserts = Ragged.from_strings(texts)
        if not counted:
            with pytest.raises(InputError, match="4 known bases in a row"):
                measure_familiarity(inserts)
            return
        total = counted.total() + len(WORDS)
        np.testing.assert_allclose(measure_familiarity(inserts).shares, [(counted[word] + 1) / total for word in WORDS])

    def test_ranges_of_few_sequences_are_minimum_and_maximum(self):
        found = measure_familiarity(Ragged.from_strings(["ACGTACGT", "AAAAAAAAAC", "GGGGCC"]))
        assert (found.length, found.gc, found.sequences) == ((6, 10), (0.1, 1), 3)

    @pytest.mark.parametrize(("rare", "spanned"), [(3, (80, 80)), (8, (10, 90))])
    def test_ranges_of_many_sequences_exclude_one_in_a_thousand(self, rare, spanned):
        lengths = np.concatenate([np.full(10_000 - 2 * rare, 80), np.full(rare, 10), np.full(rare, 90)])
        letters = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), lengths.sum())
        assert measure_familiarity(Ragged.from_lengths(letters, lengths)).length == spanned

    def test_word_distances_are_pearsons_chi_square(self):
        counts, shares = np.array([[3, 1, 0], [0, 0, 0]]), np.array([0.5, 0.3, 0.2])
        expected = 4 * shares
        found = word_distances(counts, shares)
        assert found[0] == pytest.approx(((counts[0] - expected) ** 2 / expected).sum())
        assert np.isnan(found[1])

    def test_result_does_not_depend_on_batches(self, monkeypatch, trained):
        monkeypatch.setattr("dreamkeras.confidence.familiarity._LETTERS", 1000)
        again = measure_familiarity(random_inserts(5000, 0))
        np.testing.assert_allclose(again.shares, trained.shares)
        assert again[:3] == trained[:3]


class TestCodes:
    def test_new_sequences_of_the_same_distribution_are_usual(self, trained):
        codes = trained.codes(random_inserts(20_000, 1))
        assert (codes > 0).mean() < 0.004
        assert (codes & 2 > 0).mean() > 0  # the ranges are not too wide
        assert (codes & 4 > 0).mean() > 0

    @pytest.mark.parametrize("insert", ["ACT" * 10, "GCT" * 10, "ACGTACA" * 7])
    def test_identical_training_sequences_are_usual(self, insert):
        """GC contents of 1/3, 2/3 and 3/7 have no finite decimal representation."""
        inserts = Ragged.from_strings([insert] * 2000)
        found = measure_familiarity(inserts)
        again = Familiarity.from_json(json.loads(json.dumps(found.to_json())))
        assert not found.codes(inserts).any()
        assert not again.codes(inserts).any()

    def test_about_one_in_a_thousand_training_sequences_is_unusual_for_each_reason(self):
        inserts = random_inserts(20_000, 5, length=81)
        codes = measure_familiarity(inserts).codes(inserts)
        assert max((codes >> bit & 1).mean() for bit in range(3)) <= 0.001

    def test_reasons(self, trained):
        usual, other = random_inserts(1, 2)[0], random_inserts(1, 4)[0]
        assert labels(trained, usual, usual[:60], usual + other) == ["", "length", "length"]
        assert labels(trained, "ACGT" * 20, "N" * 80, "") == ["kmers", "gc;kmers", "length;gc;kmers"]
        assert labels(trained, random_inserts(1, 3, weights=(1, 9, 9, 1))[0]) == ["gc;kmers"]

    def test_do_not_depend_on_strand_and_case(self, trained):
        texts = [random_inserts(1, seed, weights=(3, 1, 1, 3))[0] for seed in range(50)]
        codes = trained.codes(Ragged.from_strings(texts))
        assert len(set(codes.tolist())) > 1
        np.testing.assert_array_equal(codes, trained.codes(Ragged.from_strings([turned(text) for text in texts])))
        np.testing.assert_array_equal(codes, trained.codes(Ragged.from_strings([text.lower() for text in texts])))

    def test_do_not_depend_on_other_sequences(self, trained):
        texts = ["ACGT" * 20, random_inserts(1, 2)[0], "", "AC", "GGGG" * 20]
        apart = [trained.codes(Ragged.from_strings([text]))[0] for text in texts]
        assert trained.codes(Ragged.from_strings(texts)).tolist() == apart


class TestFile:
    def test_json_round_trip(self, trained):
        again = Familiarity.from_json(json.loads(json.dumps(trained.to_json())))
        assert (again.sequences, again.length, again.gc, again.distance) == ((*trained[:3], trained.distance))
        np.testing.assert_array_equal(again.shares, trained.shares)

    @pytest.mark.parametrize("change", [{"length": 3}, {"words": {}}, {"gc": [1]}, {"distance": "far"}])
    def test_malformed_fields_are_refused(self, trained, change):
        with pytest.raises(ModelError, match="Expected ranges of length, GC content and 4-mers"):
            Familiarity.from_json({**trained.to_json(), **change})

    def test_error_for_a_model_without_familiarity(self):
        with pytest.raises(ModelError, match="The model weight sum has no familiarity in its calibration"):
            Familiarity.of(WeightSum())
