import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.explain.motif_sites import Site, arrange, arrange_pair, insert_motif, motif_letters
from dreamkeras.sequence.ragged import Ragged


def texts(letters):
    return [row.tobytes().decode() for row in letters]


def drawn(motif, n=400, seed=0):
    return texts(motif_letters(motif, n, np.random.default_rng(seed)))


def test_motifs_without_ambiguity_codes_are_the_same_in_all_backgrounds():
    assert set(drawn("TGACTCA")) == {"TGACTCA"}


def test_ambiguity_codes_are_replaced_by_random_bases_and_n_is_kept():
    found = drawn("AWNGuB")
    assert {row[0] + row[2:5] for row in found} == {"ANGT"}
    assert {row[1] for row in found} == set("AT")
    assert {row[5] for row in found} == set("CGT")
    shares = [sum(row[5] == base for row in found) / 400 for base in "CGT"]
    assert min(shares) > 0.25


def test_letters_depend_only_on_the_seed():
    assert drawn("NNWWSS") == drawn("NNWWSS") != drawn("NNWWSS", seed=1)


@pytest.mark.parametrize("motif", ["", "TGA CTCA", "TGA-", "TGÄ", "XYZ"])
def test_invalid_motifs_are_refused(motif):
    with pytest.raises(InputError, match="Expected a motif that consists of the IUPAC codes ACGTURYSWKMBDHVN, got"):
        drawn(motif)


def test_motifs_replace_letters_on_both_strands():
    inserts = Ragged.from_strings(["CCCCCCCC", "GGGGGGGGGG"])
    letters = motif_letters("ANTTT", 2, np.random.default_rng(0))
    forward, reverse = (insert_motif(inserts, letters, 2, reverse=turned) for turned in (False, True))
    assert [forward[0], forward[1]] == ["CCACTTTC", "GGAGTTTGGG"]
    assert [reverse[0], reverse[1]] == ["CCAAACTC", "GGAAAGTGGG"]
    assert inserts[0] == "CCCCCCCC"


def test_arrangements_of_one_motif_are_all_positions_and_strands():
    assert arrange([3, 5]) == [(Site(0, 3, False),), (Site(0, 3, True),), (Site(0, 5, False),), (Site(0, 5, True),)]
    assert arrange([3], "-") == [(Site(0, 3, True),)]


def test_arrangements_of_two_motifs_are_all_spacings_and_orientations():
    found = arrange_pair(("TGACTCA", "CACGTG"), [4], [0, 3])
    assert [first for first, _ in found] == [Site(0, 4, turned) for turned in (False, False, True, True)] * 2
    assert [second.position for _, second in found] == [11] * 4 + [14] * 4
    assert [second.reverse for _, second in found] == [False, True] * 4
    assert len(arrange_pair(("A", "C"), [1, 2], [0], "+")) == 2


def test_overlapping_motifs_are_refused():
    with pytest.raises(InputError, match="spacings of at least 0, got -2"):
        arrange_pair(("A", "C"), [1], iter([0, -2]))
