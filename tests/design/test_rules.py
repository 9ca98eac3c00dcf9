import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_rules import FLANKED, keeps
from weight_sum import PLAIN

from dreamkeras.design.constraints import settle_constraints
from dreamkeras.design.rules import Rules, letters_beside
from dreamkeras.design.starts import make_starts
from dreamkeras.errors import InputError
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

asked = st.fixed_dictionaries(
    {},
    optional={
        "gc": st.sampled_from([[30, 70], [0, 50], [50, 100]]),
        "forbid": st.lists(st.sampled_from(["TTGA", "GAC", "AAW", "CNG", "CTTC", "ATT"]), max_size=2),
        "require": st.lists(st.sampled_from(["AC", "GGT", "SAA"]), max_size=1),
        "homopolymer": st.integers(1, 4),
        "fixed": st.lists(st.sampled_from(["1", "2-3", "4"]), max_size=1),
        "max_edits": st.integers(1, 3),
    },
).filter(lambda fields: not ("ATT" in fields.get("forbid", []) and "SAA" in fields.get("require", [])))


def rules_of(fields, *starts, construct=FLANKED):
    constraints = settle_constraints(fields)
    records = Records([f"s{i}" for i in range(len(starts))], Ragged.from_strings(starts), np.arange(len(starts)) + 1, "made.fa")
    return Rules(constraints, make_starts(records, [construct], letters_beside(constraints)))


def designs_of(rules, owner, inserts):
    letters = rules.starts.letters[owner]
    for row, (start, insert) in enumerate(zip(owner, inserts, strict=True)):
        letters[row, rules.starts.inside[start]] = np.frombuffer(insert.encode(), np.uint8)
    return letters


@given(asked, st.lists(st.tuples(*(st.text("ACGT", min_size=size, max_size=size) for size in (5, 8))), min_size=2, max_size=4))
def test_allowed_designs_equal_those_of_plain_python(fields, pairs):
    rules = rules_of(fields, *(f"TTGA{start}TTCC" for start in pairs[0]))
    owner = np.tile([0, 1], len(pairs))
    inserts = [insert for pair in pairs for insert in pair]
    wanted = [keeps(fields, FLANKED, pairs[0][start], insert) for start, insert in zip(owner, inserts, strict=True)]
    assert rules.allowed(owner, designs_of(rules, owner, inserts)).tolist() == wanted


def test_edits_are_letters_that_differ_from_the_start():
    rules = rules_of({}, "ACGT", "GGGGG")
    owner = np.array([1, 0, 0])
    assert rules.edits(owner, designs_of(rules, owner, ["GGAAG", "ACGT", "TTTT"])).tolist() == [2, 0, 3]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"forbid": ["EcoRI"]}, "^Constraint not satisfied by the start sequence 's1': no GAATTC on either strand"),
        ({"forbid": ["BamHI", "TTGAC"]}, "by the start sequence 's0': no GGATCC or TTGAC on either strand"),  # across the left adapter
        ({"gc": [40, 100]}, "by the start sequence 's1': GC content of 40 to 100 %"),
        ({"homopolymer": 1}, "by the start sequence 's0' and 1 more: at most 1 equal bases in a row"),
        ({"require": ["NotI"]}, "by the start sequence 's0' and 1 more: GCGGCCGC on at least one strand"),
    ],
)
def test_a_start_that_breaks_a_constraint_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        rules_of(fields, "CCGGAC", "GAATTC").require_starts()


def test_starts_that_satisfy_all_constraints_are_accepted():
    rules = rules_of({"gc": [30, 70], "forbid": ["EcoRI"], "require": ["CCG"], "homopolymer": 3, "max_edits": 1}, "CCGAAC")
    assert rules.allowed(np.arange(1), rules.starts.letters).tolist() == [True]
    assert rules.require_starts() is None


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        (["2-7"], "Fixed positions 2-7 are outside the insert of 's1', which has 6 bases"),
        (["1-6"], "All positions of the insert of 's1' are fixed"),
    ],
)
def test_fixed_positions_outside_the_insert_and_fixed_inserts_are_refused(fixed, message):
    with pytest.raises(InputError, match=message):
        rules_of({"fixed": fixed}, "CCGGACT", "GAATTC")


def test_constant_and_fixed_letters_are_not_editable():
    rules = rules_of({"fixed": ["2-3"]}, "ACGTA")
    assert np.flatnonzero(rules.editable[0]).tolist() == [4, 7, 8]


def test_number_of_constant_letters_depends_on_the_longest_constraint():
    assert letters_beside(settle_constraints({})) == 0
    assert letters_beside(settle_constraints({"forbid": ["EcoRI"], "homopolymer": 4})) == 5
    assert letters_beside(settle_constraints({"forbid": ["EcoRI"], "homopolymer": 9})) == 9


def test_many_designs_are_checked_in_batches(monkeypatch):
    monkeypatch.setattr("dreamkeras.design.rules.ROWS", 2)
    rules = rules_of({"forbid": ["AC"]}, "GGGG", construct=PLAIN)
    inserts = ["GGGG", "GACG", "GTGG", "CCCC", "GGTA"]
    owner = np.zeros(5, int)
    assert rules.allowed(owner, designs_of(rules, owner, inserts)).tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]  # GT is the reverse complement of AC
