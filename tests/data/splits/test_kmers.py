"""k-mers and minimisers, compared with plain Python."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.data.splits.kmers import SEED, canonical_kmers, kmer_counts, minimisers
from dreamkeras.sequence.alphabet import BASE_INDEX, NO_BASE

TURN = str.maketrans("ACGTN", "TGCAN")


def turned(sequence):
    return sequence[::-1].translate(TURN)


def codes(*sequences):
    return BASE_INDEX[np.array([list(sequence.encode()) for sequence in sequences], np.uint8).reshape(len(sequences), -1)]


def number(kmer):
    return int(kmer.translate(str.maketrans("ACGT", "0123")), 4)


def minimisers_of(*sequences, stretch=26):
    """Returns the set of minimisers of each sequence."""
    longest = max(map(len, sequences))
    stops = np.array([len(sequence) for sequence in sequences])
    rows, values = minimisers(codes(*[sequence.ljust(longest, "N") for sequence in sequences]), np.zeros_like(stops), stops, stretch)
    return [set(values[rows == row].tolist()) for row in range(len(sequences))]


def random_sequence(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def test_complements_add_up_to_three_in_any_case():
    assert (codes("ACGTacgtUu") + codes("TGCAtgcaAa") == 3).all()
    assert (codes("NRYn-") == NO_BASE).all()


@pytest.mark.parametrize("k", [*range(1, 10), 11, 16])
@given(sequence=st.text("ACGTN", min_size=16, max_size=40))
def test_canonical_kmers_are_the_smaller_of_both_strands(k, sequence):
    kmers, unknown = canonical_kmers(codes(sequence), k)
    for start in range(len(sequence) - k + 1):
        kmer = sequence[start : start + k]
        assert unknown[0, start] == ("N" in kmer)
        if "N" not in kmer:
            assert kmers[0, start] == min(number(kmer), number(turned(kmer)))


@given(sequence=st.text("ACGTN", min_size=16, max_size=90))
def test_both_strands_have_equal_minimisers(sequence):
    one, other = minimisers_of(sequence, turned(sequence))
    assert one == other


@pytest.mark.parametrize("stretch", [16, 17, 20, 26])
@given(letters=st.text("ACGT", min_size=26, max_size=26), ends=st.tuples(*[st.text("ACGTN", max_size=30)] * 4), turn=st.booleans())
def test_a_common_stretch_has_a_common_minimiser_at_any_position(stretch, letters, ends, turn):
    shared = letters[:stretch]
    one, other = minimisers_of(ends[0] + shared + ends[1], ends[2] + (turned(shared) if turn else shared) + ends[3], stretch=stretch)
    assert one & other


@pytest.mark.parametrize("stretch", [16, 20, 26])
def test_longer_stretches_have_fewer_minimisers(stretch):
    found = minimisers_of(random_sequence(20_000), stretch=stretch)[0]
    assert len(found) == pytest.approx(20_000 * 2 / (stretch - SEED + 2), rel=0.05)


def test_bases_outside_the_insert_have_no_minimisers():
    sequence = random_sequence(100)
    padded = codes("N" * 30 + sequence + "N" * 20)
    rows, values = minimisers(padded, np.array([30]), np.array([130]), 26)
    assert set(values.tolist()) == minimisers_of(sequence)[0]
    assert len(rows) == len(set(values.tolist()))


@pytest.mark.parametrize(
    ("sequence", "count"), [("ACGTTGCATTGACCA", 0), ("ACGTTGCATTGACCAG", 1), ("ACGTTGCATTGACCAGTACC", 1), ("N" * 40, 0)]
)
def test_short_sequences_have_one_minimiser_and_unknown_ones_none(sequence, count):
    assert len(minimisers_of(sequence)[0]) == count


def plain_counts(sequence, longest, both_strands):
    """Counts k-mers with str.count on overlapping positions, in the order of `kmer_counts`."""
    counts = []
    for k in range(1, longest + 1):
        found = [sequence[i : i + k] for i in range(len(sequence) - k + 1)]
        for kmer in map("".join, itertools.product("ACGT", repeat=k)):
            if both_strands and turned(kmer) < kmer:
                continue
            counts.append(sum(word in ({kmer, turned(kmer)} if both_strands else {kmer}) for word in found))
    return counts


@given(sequences=st.integers(0, 30).flatmap(lambda n: st.lists(st.text("ACGTN", min_size=n, max_size=n), min_size=1, max_size=4)))
@pytest.mark.parametrize("both_strands", [False, True])
@pytest.mark.parametrize("longest", [1, 3, 4])
def test_counts_equal_plain_counts(longest, both_strands, sequences):
    letters = np.array([list(sequence.lower().encode()) for sequence in sequences], np.uint8).reshape(len(sequences), -1)
    expected = [plain_counts(sequence, longest, both_strands) for sequence in sequences]
    assert kmer_counts(letters, longest, both_strands).tolist() == expected


def test_counts_in_several_blocks_equal_those_in_one(monkeypatch):
    letters = np.frombuffer(random_sequence(90).encode(), np.uint8).reshape(9, 10)
    expected = kmer_counts(letters, 3, both_strands=True)
    monkeypatch.setattr("dreamkeras.data.splits.kmers.LETTERS", 130)
    assert kmer_counts(letters, 3, both_strands=True).tolist() == expected.tolist()
    assert expected.shape == (9, 2 + 10 + 32)
