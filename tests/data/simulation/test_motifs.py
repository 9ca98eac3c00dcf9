"""The table of transcription factors, and affinities of sites."""

import itertools

import numpy as np
import pytest

from dreamkeras.data.simulation.motifs import MISMATCH, YEAST_FACTORS, affinity
from dreamkeras.sequence.alphabet import BASES, IUPAC


def test_factors_have_distinct_names():
    names = [factor.name for factor in YEAST_FACTORS]
    assert 14 <= len(names) <= 18
    assert len(set(names)) == len(names)


def test_there_are_activators_repressors_and_opening_factors():
    effects = [factor.effect for factor in YEAST_FACTORS]
    assert min(effects) < 0 < max(effects)
    assert sum(factor.opening > 0 for factor in YEAST_FACTORS) >= 2


@pytest.mark.parametrize("factor", YEAST_FACTORS, ids=lambda factor: factor.name)
def test_each_factor_has_a_site_and_a_matrix(factor):
    assert set(factor.site) <= set(IUPAC) - {"U"}
    assert factor.site[0] != "N"
    assert factor.site[-1] != "N"
    assert factor.matrix.startswith("MA")
    assert factor.concentration > 0


@pytest.mark.parametrize("code", sorted(set(IUPAC) - {"U"}))
def test_affinity_of_a_base_is_its_probability_relative_to_the_largest(code):
    named = IUPAC[code] or BASES
    share = (1 - MISMATCH * (4 - len(named))) / len(named)
    expected = [1.0 if base in named else MISMATCH / share for base in BASES]
    assert affinity(code)[0] == pytest.approx([*expected, 0.25 / share])


def test_only_perfect_sites_have_affinity_one():
    site = "RGST"
    words = {"".join(word): np.prod([affinity(site)[i, BASES.index(base)] for i, base in enumerate(word)])
             for word in itertools.product(BASES, repeat=4)}  # fmt: skip
    assert {word for word, value in words.items() if value == 1} == {"AGCT", "AGGT", "GGCT", "GGGT"}


def test_an_unknown_base_counts_as_the_mean_of_the_four():
    values = affinity("ACRYN")
    known = np.array([[0.85, 0.05, 0.05, 0.05]]) / 0.85
    assert values[0] == pytest.approx([*known[0], known.mean()])
    assert values[4].tolist() == [1.0] * 5
