"""Positions of inserts in windows."""

import numpy as np
import pytest

from dreamkeras.data.assays.lentimpra import LENTIMPRA
from dreamkeras.data.assays.starrseq import STARRSEQ
from dreamkeras.data.splits.inserts import constant_ends, find_inserts, without_ends
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged

CENTRED = Construct(
    "center", 60, left_adapter="ACGTT", right_adapter="GGATC", left_flank="TTGACGTT", right_flank="CCGTA", alignment="center"
)


def random_sequences(count, length, seed=0):
    return ["".join(row) for row in np.random.default_rng(seed).choice(list("ACGT"), (count, length))]


def inserts_in(construct, sequences):
    ragged = Ragged.from_strings(sequences)
    return find_inserts(construct.windows(ragged), ragged.lengths, construct)


def texts(inserts):
    return [row[start:stop].tobytes().decode() for row, start, stop in zip(*inserts, strict=True)]


def whole(sequences):
    return find_inserts(np.array([list(sequence.encode()) for sequence in sequences], np.uint8))


@pytest.mark.parametrize("construct", [YEAST, CENTRED], ids=lambda construct: construct.name)
def test_inserts_are_found_with_and_without_adapters(construct):
    bare = [sequence[: 20 + number] for number, sequence in enumerate(random_sequences(20, 40))]
    full = [construct.left_adapter + insert + construct.right_adapter for insert in bare]
    assert texts(inserts_in(construct, bare)) == bare
    assert texts(inserts_in(construct, full)) == bare
    assert texts(inserts_in(construct, [sequence.lower() for sequence in full])) == [insert.lower() for insert in bare]


def test_inserts_are_found_in_assays_with_and_without_adapters():
    elements = random_sequences(5, 200)
    oligos = [LENTIMPRA.left_adapter + element + LENTIMPRA.right_adapter for element in elements]
    assert texts(inserts_in(LENTIMPRA, oligos)) == elements
    fragments = random_sequences(5, 249)
    assert texts(inserts_in(STARRSEQ, fragments)) == fragments


def test_without_a_construct_the_window_is_the_insert():
    assert texts(whole(["ACGTN", "TTTTT"])) == ["ACGTN", "TTTTT"]


def test_constant_ends_are_distinguished_from_inserts():
    middles = random_sequences(200, 30)
    inserts = whole([f"acguTA{middle}GGC" for middle in middles])
    assert constant_ends(inserts) == (b"ACGTTA", b"GGC")
    assert texts(without_ends(inserts, (b"ACGTTA", b"GGC"))) == middles


def test_sequences_without_the_constant_ends_are_unchanged():
    middles = random_sequences(200, 30)
    others = random_sequences(10, 39, seed=1)
    inserts = whole([f"ACGTTA{middle}GGC" for middle in middles] + others)
    ends = constant_ends(inserts)
    assert ends == (b"ACGTTA", b"GGC")
    assert texts(without_ends(inserts, ends)) == middles + others


@pytest.mark.parametrize("sequences", [
    random_sequences(500, 20),
    [f"ACGTTA{middle}" for middle in random_sequences(99, 20)],
])  # fmt: skip
def test_random_or_few_sequences_have_no_constant_ends(sequences):
    assert constant_ends(whole(sequences)) == (b"", b"")


def test_constant_ends_are_kept_if_nothing_else_is_left():
    inserts = whole(["ACGTACGTAC"] * 150)
    assert texts(without_ends(inserts, constant_ends(inserts))) == ["ACGTACGTAC"] * 150
