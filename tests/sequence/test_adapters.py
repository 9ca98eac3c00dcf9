import numpy as np
import pytest

from dreamkeras.sequence.adapters import DISTINCT, on_other_strand, other_strand, shows_other_strand
from dreamkeras.sequence.ragged import Ragged

LONG = "TCATCATCATCA"


def test_the_other_strand_begins_with_the_right_adapter():
    assert other_strand("tgac", "GGTTN") == ("NAACC", "GTCA")
    assert other_strand("", "GG") == ("CC", "")


@pytest.mark.parametrize(("left", "right", "text", "wanted"), [
    ("TGAC", "GGTT", "AACCTTGTCA", True), ("TGAC", "GGTT", "aaccttgtca", True), ("TGAC", "GGTT", "AACCTTGTC", False),
    ("TGAC", "GGTT", "AACGTCA", False), ("TGAC", "GGTT", "AACCGTCA", True), (LONG, "GGTT", "CCTGATGATGATGA", False),
    (LONG, "GGTT", "CCCCTGATGATGATGA", True), ("TGAC", LONG, "TGATGATGATGACC", True), (LONG, "", "CTGATGATGATGA", True),
    ("", LONG, "TGATGATGATGA", True), ("TGAC", "", "CCGTCA", False), ("", "", "ACGT", False),
])  # fmt: skip
def test_both_adapters_or_a_long_one_show_the_other_strand(left, right, text, wanted):
    assert on_other_strand(Ragged.from_strings([text, "C" * len(text)]), left, right).tolist() == [wanted, False]
    assert on_other_strand(Ragged.from_strings(["C", text]), left, right).tolist() == [False, wanted]


def test_one_sequence_is_told_as_many_are():
    for begins in (False, True):
        for ends in (False, True):
            for first, last in ((1, 1), (DISTINCT, 1), (1, DISTINCT), (DISTINCT - 1, DISTINCT - 1)):
                many = shows_other_strand(np.array([begins]), np.array([ends]), first, last)
                assert many.tolist() == [shows_other_strand(begins, ends, first, last)]
