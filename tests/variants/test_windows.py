"""Tests of windows with variants against strings that are cut and joined directly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import PLAIN

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import InputError
from dreamkeras.genome.reference import Genome
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.variants.names import INDEL_ANCHORS, STRANDS
from dreamkeras.variants.normal_form import Changes
from dreamkeras.variants.windows import Placement, insert_windows

CONTIG = "".join(np.random.default_rng(0).choice(list("ACGTacgt"), 60))
BETWEEN = Construct("between", length=20, left_adapter="AC", right_adapter="GT", left_flank="TTAC", right_flank="CCCC", alignment="left")
VARIANTS = st.lists(st.tuples(st.integers(0, 59), st.integers(1, 6), st.text("ACGT", min_size=1, max_size=6)), max_size=6)
"""Start, length of the reference, and alternative allele."""


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">c\n{CONTIG}\n")
    return Genome(str(path))


def changes(variants):
    """Returns changes of (start, REF, ALT) without normalising them."""
    starts, refs, alts = zip(*variants, strict=True) if variants else ([], [], [])
    texts = (Ragged.from_strings(allele.upper() for allele in alleles) for alleles in (refs, alts))
    return Changes(["c"] * len(starts), np.array(starts, np.int64), *texts)


def by_hand(start, ref, alt, length, position, right, reverse):
    """Replaces the reference in the contig by the alternative, and cuts an insert with the same left or right edge."""
    pad = "N" * (2 * length)
    changed = pad + CONTIG[:start] + alt + CONTIG[start + len(ref) :] + pad
    first = 2 * length + start - position + (len(alt) - len(ref)) * right
    text = changed[first : first + length].upper()
    return text[::-1].translate(str.maketrans("ACGT", "TGCA")) if reverse else text


@given(
    variants=VARIANTS,
    length=st.integers(12, 30),
    data=st.data(),
    strand=st.sampled_from(list(STRANDS)),
    anchor=st.sampled_from(list(INDEL_ANCHORS)),
)
def test_inserts_equal_strings_that_are_cut_and_joined(genome, variants, length, data, strand, anchor):
    positions = data.draw(st.lists(st.integers(6, length - 6), min_size=1, max_size=3, unique=True))
    placement = Placement.choose([Construct("c", length=length)], length, positions, strand, anchor)
    variants = [(start, CONTIG[start : start + letters], alt) for start, letters, alt in variants]
    inserts = placement.inserts(genome, changes(variants))
    assert inserts.shape == (2, placement.copies, len(variants), length)
    edges, turns = INDEL_ANCHORS[anchor], STRANDS[strand]
    copies = [(position, right, reverse) for right in edges for reverse in turns for position in positions]
    for side in (0, 1):
        for copy, choice in enumerate(copies):
            wanted = [by_hand(start, ref, (ref, alt)[side], length, *choice) for start, ref, alt in variants]
            assert [row.tobytes().decode() for row in inserts[side, copy]] == wanted


def test_indel_keeps_one_edge_and_genome_bases_fill_the_other(genome):
    letters = CONTIG.upper()
    deletion, insertion = (20, letters[20:23], letters[20]), (20, letters[20], letters[20] + "AAA")
    for variant, left, right in (
        (deletion, letters[16:21] + letters[23:28], letters[14:21] + letters[23:26]),
        (insertion, letters[16:21] + "AAA" + letters[21:23], letters[19:21] + "AAA" + letters[21:26]),
    ):
        for anchor, wanted in (("left", [left]), ("right", [right]), ("mean", [left, right])):
            ref, alt = Placement(10, (4,), indel_anchor=anchor).inserts(genome, changes([variant]))
            assert {row.tobytes().decode() for row in ref.reshape(-1, 10)} == {letters[16:26]}
            assert [row.tobytes().decode() for row in alt.reshape(-1, 10)] == wanted


@pytest.mark.parametrize(
    ("anchor", "fit"),
    [("left", [True, True, False, True, False]), ("right", [True, True, True, False, False]), ("mean", [True, True, False, False, False])],
)
def test_alleles_fit_if_they_are_completely_within_the_insert(anchor, fit):
    placement = Placement(10, (3, 4), indel_anchor=anchor)
    assert placement.fits(np.array([6, 6, 5, 0, 7]), np.array([0, 6, 8, 4, 1])).tolist() == fit


def test_default_length_is_the_default_insert_length():
    assert Placement.choose([YEAST]) == (80, (40,), "forward", "mean")
    assert Placement.choose([YEAST, BETWEEN], 12) == (12, (6,), "forward", "mean")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"length": 13}, "Expected 2 to 12 bases for construct 'plain', got 13 as the length of the insert"),
        ({"length": 1}, "got 1"),
        ({"positions": (3, 12)}, "positions from 0 to 11 in an insert of 12 bases, got 12"),
        ({"positions": (-1,)}, "got -1"),
        ({"strand": "+"}, r"strand to be one of forward, reverse, both, got '\+'"),
        ({"indel_anchor": "middle"}, "indel_anchor to be one of mean, left, right, got 'middle'"),
    ],
)
def test_impossible_placements_are_refused(choices, message):
    with pytest.raises(InputError, match=message):
        Placement.choose([PLAIN], **choices)


def test_error_for_a_construct_with_a_single_insert_length():
    with pytest.raises(InputError, match="Expected 249 bases for construct 'starrseq', got 100 as"):
        Placement.choose([find_assay("starrseq").construct], 100)


@pytest.mark.parametrize("insert", ["ACGTACGTAC", "ACAAAAAAGT", "AAAAAAAAGT", "ACCCCCCCCC"])
def test_an_insert_that_begins_like_an_adapter_stays_complete(insert):
    inserts = np.array([list(insert.encode())], np.uint8)
    windows = insert_windows(inserts, [BETWEEN, PLAIN])
    assert [row.tobytes().decode() for row in (windows[0][0], windows[1][0])] == [f"TTAC{insert}GTCCCC", f"{insert}NN"]
