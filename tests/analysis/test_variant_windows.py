"""Windows with variants in them, beside strings that were cut and joined by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import PLAIN

from dreamkeras.analysis.variant_windows import STRANDS, Placement, insert_windows
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.genome import Genome
from dreamkeras.sequence.ragged import Ragged

CONTIG = "".join(np.random.default_rng(0).choice(list("ACGTacgt"), 60))
BETWEEN = Construct("between", length=20, left_adapter="AC", right_adapter="GT", left_flank="TTAC", right_flank="CCCC", alignment="left")
VARIANTS = st.lists(st.tuples(st.integers(0, 59), st.integers(1, 6), st.text("ACGT", min_size=1, max_size=6)), max_size=6)
"""Start, letters of the reference, and the alternative allele."""


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">c\n{CONTIG}\n")
    return Genome(str(path))


def by_hand(start, ref, alt, length, position, reverse):
    """The contig with the allele in the place of the reference, and so many letters of it from the same left edge."""
    changed = "N" * length + CONTIG[:start] + alt + CONTIG[start + len(ref) :] + "N" * (length + len(ref))
    first = length + start - position
    text = changed[first : first + length].upper()
    return text[::-1].translate(str.maketrans("ACGT", "TGCA")) if reverse else text


@given(variants=VARIANTS, length=st.integers(8, 30), data=st.data(), strand=st.sampled_from(list(STRANDS)))
def test_alleles_stand_where_hand_made_strings_have_them(genome, variants, length, data, strand):
    positions = data.draw(st.lists(st.integers(0, length - 6), min_size=1, max_size=3, unique=True))
    placement = Placement.choose([Construct("c", length=length)], length, positions, strand)
    variants = [(start, CONTIG[start : start + letters], alt) for start, letters, alt in variants]
    starts = np.array([start for start, *_ in variants], np.int64)
    refs, alts = (Ragged.from_strings(variant[place].upper() for variant in variants) for place in (1, 2))
    inserts = placement.inserts(genome, ["c"] * len(variants), starts, refs, alts)
    assert inserts.shape == (2, placement.copies, len(variants), length)
    copies = [(position, reverse) for reverse in STRANDS[strand] for position in positions]
    for side in (0, 1):
        for copy, (position, reverse) in enumerate(copies):
            wanted = [by_hand(start, ref, (ref, alt)[side], length, position, reverse) for start, ref, alt in variants]
            assert [row.tobytes().decode() for row in inserts[side, copy]] == wanted


def test_the_left_edge_stays_and_the_genome_fills_the_right(genome):
    placement = Placement(10, (4,))
    assert placement.room == 6
    letters = CONTIG.upper()
    start = np.array([20])
    shown = placement.inserts(genome, ["c"], start, Ragged.from_strings([letters[20:23]]), Ragged.from_strings([letters[20]]))
    assert [row.tobytes().decode() for row in shown.reshape(2, 10)] == [letters[16:26], letters[16:21] + letters[23:28]]
    shown = placement.inserts(genome, ["c"], start, Ragged.from_strings([letters[20]]), Ragged.from_strings([letters[20] + "AAA"]))
    assert [row.tobytes().decode() for row in shown.reshape(2, 10)] == [letters[16:26], letters[16:21] + "AAA" + letters[21:23]]


def test_a_window_is_as_long_as_inserts_usually_are():
    assert Placement.choose([YEAST]) == (80, (40,), "forward")
    assert Placement.choose([YEAST, BETWEEN], 12) == (12, (6,), "forward")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"length": 13}, "an insert of 2 to 12 letters for construct 'plain', got 13"),
        ({"length": 1}, "got 1"),
        ({"positions": (3, 12)}, "positions from 0 to 11 in an insert of 12 letters, got 12"),
        ({"positions": (-1,)}, "got -1"),
        ({"strand": "+"}, r"strand to be one of forward, reverse, both, got '\+'"),
    ],
)
def test_choices_that_do_not_fit_are_refused(choices, message):
    with pytest.raises(InputError, match=message):
        Placement.choose([PLAIN], **choices)


@pytest.mark.parametrize("insert", ["ACGTACGTAC", "ACAAAAAAGT", "AAAAAAAAGT", "ACCCCCCCCC"])
def test_an_insert_that_looks_like_an_adapter_stays_whole(insert):
    inserts = np.array([list(insert.encode())], np.uint8)
    windows = insert_windows(inserts, [BETWEEN, PLAIN])
    assert [row.tobytes().decode() for row in (windows[0][0], windows[1][0])] == [f"TTAC{insert}GTCCCC", f"{insert}NN"]
