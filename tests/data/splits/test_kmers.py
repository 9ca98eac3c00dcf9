"""k-mers and minimisers, compared with plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.data.splits.kmers import SEED, canonical_kmers, minimisers
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


@pytest.mark.parametrize("k", [1, 2, 4, 8, 16])
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
