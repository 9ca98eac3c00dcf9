"""Occupancies, compared with an explicit sum over positions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.data.simulation.motifs import YEAST_FACTORS, Factor, affinity
from dreamkeras.data.simulation.occupancy import CHUNK, occupancy
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.ragged import Ragged

TURN = str.maketrans("ACGTN", "TGCAN")


def one_occupancy(sequence, factor):
    columns = affinity(factor.site)
    total = 0.0
    for strand in (sequence.upper(), sequence.upper()[::-1].translate(TURN)):
        for start in range(len(strand) - len(factor.site) + 1):
            weight = 1.0
            for offset in range(len(factor.site)):
                weight *= columns[offset, (BASES + "N").index(strand[start + offset])]
            total += weight
    return factor.concentration * total / (1 + factor.concentration * total)


def by_hand(sequences, factors):
    return np.array([[one_occupancy(sequence, factor) for factor in factors] for sequence in sequences])


def random_sequences(count, low, high, seed):
    generator = np.random.default_rng(seed)
    return ["".join(generator.choice(list("ACGTN"), generator.integers(low, high), p=[0.24] * 4 + [0.04])) for _ in range(count)]


def test_every_factor_equals_the_explicit_sum():
    sequences = random_sequences(12, 60, 130, seed=0)
    bound = occupancy(Ragged.from_strings(sequences))
    assert bound.shape == (12, len(YEAST_FACTORS))
    assert bound.dtype == np.float32
    np.testing.assert_allclose(bound, by_hand(sequences, YEAST_FACTORS), rtol=2e-5)


@given(
    sequences=st.lists(st.text("ACGTNacgtn", max_size=30), min_size=1, max_size=6),
    sites=st.lists(st.text("ACGTRYSWKMBDHVN", min_size=1, max_size=13), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_any_site_on_any_sequence_equals_the_explicit_sum(sequences, sites):
    factors = [Factor(f"F{number}", site, "none", 3.0, 1.0) for number, site in enumerate(sites)]
    np.testing.assert_allclose(occupancy(Ragged.from_strings(sequences), factors), by_hand(sequences, factors), rtol=2e-5, atol=1e-12)


def test_reverse_complements_have_equal_occupancy():
    sequences = random_sequences(20, 70, 120, seed=1)
    turned = [sequence[::-1].translate(TURN) for sequence in sequences]
    np.testing.assert_allclose(occupancy(Ragged.from_strings(sequences)), occupancy(Ragged.from_strings(turned)), rtol=1e-5)


def test_occupancy_does_not_depend_on_other_sequences():
    sequences = random_sequences(CHUNK + 3, 20, 60, seed=2)
    together = occupancy(Ragged.from_strings(sequences))
    for index in (0, CHUNK - 1, CHUNK, CHUNK + 2):
        alone = occupancy(Ragged.from_strings(sequences[index : index + 1]))
        np.testing.assert_allclose(together[index], alone[0], rtol=1e-6)


def test_occupancy_of_a_perfect_site_follows_from_the_concentration():
    factor = Factor("F", "ACCTG", "none", 4.0, 1.0)
    bound = occupancy(Ragged.from_strings(["ACCTG"]), [factor])[0, 0]
    assert 0.8 < bound < 0.81  # 4 / 5, and a small contribution from the other strand


def test_a_site_longer_than_the_sequence_is_not_bound():
    assert occupancy(Ragged.from_strings(["ACGT", ""]), [Factor("F", "ACGTA", "none", 10.0, 1.0)]).tolist() == [[0.0], [0.0]]


def test_empty_input_gives_no_rows():
    assert occupancy(Ragged.from_strings([])).shape == (0, len(YEAST_FACTORS))


@pytest.mark.parametrize("code", ["R", "B", "u"])
def test_ambiguous_codes_count_as_unknown_bases(code):
    sequences = Ragged.from_strings([f"ACGGG{code}TTACCCGG", "ACGGGNTTACCCGG"])
    bound = occupancy(sequences)
    if code == "u":  # U is treated as T, a known base
        sequences = Ragged.from_strings([f"ACGGG{code}TTACCCGG", "ACGGGTTTACCCGG"])
        bound = occupancy(sequences)
    np.testing.assert_array_equal(bound[0], bound[1])
