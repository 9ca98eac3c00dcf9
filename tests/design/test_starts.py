import dataclasses

import numpy as np
import pytest
from plain_rules import FLANKED

from dreamkeras.design.starts import make_starts, random_records
from dreamkeras.errors import InputError, ModelError
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.site_search import FILLING

SHORTER = dataclasses.replace(FLANKED, name="shorter", length=12, left_flank="", right_flank="A")
"""Construct with the same adapters and fewer known letters around them."""


def records_of(*sequences):
    return Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")


def test_rows_are_constant_letters_insert_constant_letters_and_filling():
    starts = make_starts(records_of("ACG", "TTGACCCCTTCC", "ggu"), [FLANKED], reach=6)
    filling = chr(FILLING)
    assert [row.tobytes().decode() for row in starts.letters] == [
        f"CTTTGAACGTTCCAA{filling}",
        "CTTTGACCCCTTCCAA",
        f"CTTTGAGGTTTCCAA{filling}",
    ]
    assert (starts.first, starts.lengths.tolist(), starts.stops.tolist()) == (6, [3, 4, 3], [9, 10, 9])


def test_inside_marks_the_letters_of_inserts():
    starts = make_starts(records_of("ACG", "CCCC"), [FLANKED], reach=0)
    assert ["".join(map(chr, row[inside])) for row, inside in zip(starts.letters, starts.inside, strict=True)] == ["ACG", "CCCC"]


def test_sequences_of_designs_with_and_without_adapters():
    starts = make_starts(records_of("ACG", "CCCC"), [FLANKED], reach=9)
    owner = np.array([1, 0, 1])
    found = [starts.sequences(owner, starts.letters[owner], with_adapters=both) for both in (False, True)]
    assert [found[0][row] for row in range(3)] == ["CCCC", "ACG", "CCCC"]
    assert [found[1][row] for row in range(3)] == ["TTGACCCCTTCC", "TTGAACGTTCC", "TTGACCCCTTCC"]


def test_windows_are_made_for_each_construct():
    records = records_of("ACG", "CCCC")
    starts = make_starts(records, [FLANKED, SHORTER], reach=3)
    for windows, construct in zip(starts.windows(np.arange(2), starts.letters), (FLANKED, SHORTER), strict=True):
        np.testing.assert_array_equal(windows, construct.cut(records))


def test_an_insert_that_looks_like_one_with_adapters_stays_complete():
    start = make_starts(records_of("TTGATTGAACTTCCTTCC"), [FLANKED], reach=0)
    letters = start.letters.copy()
    letters[:, start.inside[0]] = np.frombuffer(b"TTGAACTTCC", np.uint8)
    (window,) = start.windows(np.array([0]), letters)
    assert window[0].tobytes().endswith(b"TTGATTGAACTTCCTTCC")


def test_selected_starts_keep_their_columns():
    starts = make_starts(records_of("ACG", "CCCC", "GG"), [FLANKED], reach=2).select(np.array([2, 0]))
    assert starts.ids == ["s2", "s0"]
    assert [starts.sequences(np.arange(2), starts.letters, with_adapters=False)[row] for row in range(2)] == ["GG", "ACG"]


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        ("ACNG", r"only the bases A, C, G, T .* got 'N' at position 3 of the insert in record 's1' \(made.fa, line 2\)"),
        ("A", "Expected 2 to 20 bases for construct 'flanked', got 1 in record 's1'"),
        ("TTGAACG", "Expected both adapters or neither"),
    ],
)
def test_invalid_start_sequences_are_refused(sequence, message):
    with pytest.raises(InputError, match=message):
        make_starts(records_of("ACGT", sequence), [FLANKED], reach=0)


@pytest.mark.parametrize("other", [{"left_adapter": "TGA"}, {"left_flank": "CTTGA"}, {"right_flank": "C"}])
def test_constructs_with_different_letters_around_an_insert_are_refused(other):
    with pytest.raises(ModelError, match="The constructs flanked and other have different constant bases around an insert"):
        make_starts(records_of("ACGT"), [FLANKED, dataclasses.replace(FLANKED, name="other", **other)], reach=0)


def test_bases_of_random_inserts_are_equally_likely():
    records = random_records(1000, 80, FLANKED, np.random.default_rng(0))
    assert records.sequences.lengths.tolist() == [88] * 1000
    letters = records.sequences.flat.reshape(1000, 88)
    assert {bytes(row[:4]) + bytes(row[-4:]) for row in letters} == {b"TTGATTCC"}
    kinds, counts = np.unique(letters[:, 4:-4], return_counts=True)
    assert kinds.tobytes() == b"ACGT"
    assert abs(counts - 20_000).max() < 500  # four standard deviations
