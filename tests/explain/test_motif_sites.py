import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.explain.motif_sites import Site, arrange, arrange_pair, insert_motif, motif_letters
from dreamkeras.sequence.ragged import Ragged


def texts(letters):
    return [row.tobytes().decode() for row in letters]


def drawn(motif, n=400, seed=0):
    return texts(motif_letters(motif, n, np.random.default_rng(seed)))


def test_plain_motifs_are_the_same_everywhere():
    assert set(drawn("TGACTCA")) == {"TGACTCA"}


def test_ambiguous_letters_become_each_of_their_bases_and_n_stays():
    found = drawn("AWNGuB")
    assert {row[0] + row[2:5] for row in found} == {"ANGT"}
    assert {row[1] for row in found} == set("AT")
    assert {row[5] for row in found} == set("CGT")
    shares = [sum(row[5] == base for row in found) / 400 for base in "CGT"]
    assert min(shares) > 0.25


def test_a_seed_gives_the_same_draw():
    assert drawn("NNWWSS") == drawn("NNWWSS") != drawn("NNWWSS", seed=1)


@pytest.mark.parametrize("motif", ["", "TGA CTCA", "TGA-", "TGÄ", "XYZ"])
def test_what_is_no_motif_is_refused(motif):
    with pytest.raises(InputError, match="Expected a motif of the letters ACGTURYSWKMBDHVN, got"):
        drawn(motif)


def test_motifs_take_the_place_of_letters_on_either_strand():
    inserts = Ragged.from_strings(["CCCCCCCC", "GGGGGGGGGG"])
    letters = motif_letters("ANTTT", 2, np.random.default_rng(0))
    forward, reverse = (insert_motif(inserts, letters, 2, reverse=turned) for turned in (False, True))
    assert [forward[0], forward[1]] == ["CCACTTTC", "GGAGTTTGGG"]
    assert [reverse[0], reverse[1]] == ["CCAAACTC", "GGAAAGTGGG"]
    assert inserts[0] == "CCCCCCCC"


def test_one_motif_stands_at_each_position_on_each_strand():
    assert arrange([3, 5]) == [(Site(0, 3, False),), (Site(0, 3, True),), (Site(0, 5, False),), (Site(0, 5, True),)]
    assert arrange([3], "-") == [(Site(0, 3, True),)]


def test_two_motifs_stand_at_each_distance_in_every_orientation():
    found = arrange_pair(("TGACTCA", "CACGTG"), [4], [0, 3])
    assert [first for first, _ in found] == [Site(0, 4, turned) for turned in (False, False, True, True)] * 2
    assert [second.position for _, second in found] == [11] * 4 + [14] * 4
    assert [second.reverse for _, second in found] == [False, True] * 4
    assert len(arrange_pair(("A", "C"), [1, 2], [0], "+")) == 2


def test_a_second_motif_never_takes_the_firsts_letters():
    with pytest.raises(InputError, match="spacings from 0 on, got -2"):
        arrange_pair(("A", "C"), [1], iter([0, -2]))
