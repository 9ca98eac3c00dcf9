import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import PLAIN

from dreamkeras.errors import ModelError
from dreamkeras.explain.mutants import CHANGES, Mutants, real_changes
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged

BETWEEN = Construct("between", length=14, left_adapter="ACAC", right_adapter="GT", shortest=2)


def texts(windows):
    return [row.tobytes().decode() for row in windows]


def substitutions(sequence):
    return [sequence[:place] + base + sequence[place + 1 :] for place in range(len(sequence)) for base in BASES if base != sequence[place]]


@given(sequences=st.lists(st.text(BASES, min_size=2, max_size=8), min_size=1, max_size=4))
def test_mutants_are_all_strings_with_one_changed_letter_in_order(sequences):
    mutants = Mutants(Ragged.from_strings(sequences), [PLAIN])
    wanted = [mutant.ljust(12, "N") for sequence in sequences for mutant in substitutions(sequence)]
    assert texts(mutants.windows(0, len(mutants))[0]) == wanted


def test_a_deletion_follows_the_substitutions_of_its_letter():
    mutants = Mutants(Ragged.from_strings(["ACG"]), [PLAIN], deletions=True)
    assert [text.rstrip("N") for text in texts(mutants.windows(0, 4)[0])] == ["CCG", "GCG", "TCG", "CG"]


def test_a_mutant_that_begins_or_ends_like_an_adapter_is_complete():
    sequence = "ACAGTTGA"  # differs in one letter from ACAC at the left and from GT at the right
    mutants = Mutants(Ragged.from_strings([sequence]), [BETWEEN])
    wanted = [f"ACAC{mutant}GT" for mutant in substitutions(sequence)]
    assert texts(mutants.windows(0, len(mutants))[0]) == wanted


def test_a_batch_of_mutants_may_begin_at_any_index():
    mutants = Mutants(Ragged.from_strings(["ACGT", "GGATC"]), [PLAIN], deletions=True)
    (whole,) = mutants.windows(0, len(mutants))
    pieces = [mutants.windows(first, first + 7)[0] for first in range(0, len(mutants), 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_windows_are_made_for_each_construct():
    wide = Construct("wide", length=16, alignment="left", strands="given")
    narrow, wider = Mutants(Ragged.from_strings(["ACGT"]), [PLAIN, wide]).windows(0, 12)
    assert [text.rstrip("N") for text in texts(narrow)] == [text.rstrip("N") for text in texts(wider)]
    assert (narrow.shape, wider.shape) == ((12, 12), (12, 16))


def test_no_sequences_have_no_mutants():
    assert len(Mutants(Ragged.from_strings([]), [PLAIN], deletions=True)) == 0


def test_models_that_find_different_inserts_are_refused():
    whole = Construct("whole", length=150)
    with pytest.raises(ModelError, match=r"^Models of the constructs yeast and whole find different inserts in a sequence"):
        Mutants(Ragged.from_strings([YEAST.left_adapter + "ACGT" * 20 + YEAST.right_adapter]), [YEAST, whole])


@pytest.mark.parametrize(("letter", "others"), [("A", "CGT-"), ("t", "ACG-"), ("N", "ACGT-"), ("R", "ACGT-")])
def test_a_letter_is_replaced_by_every_other_base(letter, others):
    (found,) = real_changes(np.frombuffer(letter.encode(), np.uint8), len(CHANGES))
    assert "".join(np.array(CHANGES)[found]) == others
