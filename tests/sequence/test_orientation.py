import numpy as np
import pytest

from dreamkeras.sequence.orientation import DISTINCT, on_other_strand, other_strand, shows_other_strand
from dreamkeras.sequence.ragged import Ragged

LONG, TURNED = "TCATCATCATCATCAA", "TTGATGATGATGATGA"


def test_the_other_strand_begins_with_the_right_adapter():
    assert other_strand("tgac", "GGTTN") == ("NAACC", "GTCA")
    assert other_strand("", "GG") == ("CC", "")


@pytest.mark.parametrize(("left", "right", "text", "wanted"), [
    ("TGAC", "GGTT", "AACCTTGTCA", True), ("TGAC", "GGTT", "aaccttgtca", True), ("TGAC", "GGTT", "AACCTTGTC", False),
    ("TGAC", "GGTT", "AACGTCA", False), ("TGAC", "GGTT", "AACCGTCA", True), ("TGAC", "GGTT", "AACCUUGUCA", True),
    (LONG, "GGTT", f"CC{TURNED}", False),
    (LONG, "GGTT", f"CCCC{TURNED}", True), ("TGAC", LONG, f"{TURNED}CC", True), (LONG, "", f"C{TURNED}", True),
    (LONG, "", TURNED[1:], False),
    ("", LONG, TURNED, True), ("", LONG[1:], TURNED[:-1], False), ("TGAC", "", "CCGTCA", False), ("", "", "ACGT", False),
])  # fmt: skip
def test_both_adapters_or_a_long_one_identify_the_other_strand(left, right, text, wanted):
    assert on_other_strand(Ragged.from_strings([text, "C" * len(text)]), left, right).tolist() == [wanted, False]
    assert on_other_strand(Ragged.from_strings(["C", text]), left, right).tolist() == [False, wanted]


@pytest.mark.parametrize("right", ["GGTTACGGCTGTT", "GGTTACGGCT"])
def test_random_inserts_are_not_mistaken_for_the_other_strand(right):
    count = 200_000
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, count * 80)].reshape(count, 80)
    letters[:1000, :13] = np.frombuffer(b"AACAGCCGTAACC", np.uint8)  # as many as expected by chance among 7e10 sequences
    inserts = Ragged(letters.ravel(), np.arange(count + 1) * 80)
    assert not on_other_strand(inserts, "TGCATTTTTTTCACATC", right).any()
    assert 4.0**-DISTINCT * 1e9 < 1


def test_a_single_sequence_gives_the_same_result_as_many():
    for begins in (False, True):
        for ends in (False, True):
            for first, last in ((1, 1), (DISTINCT, 1), (1, DISTINCT), (DISTINCT - 1, DISTINCT - 1)):
                many = shows_other_strand(np.array([begins]), np.array([ends]), first, last)
                assert many.tolist() == [shows_other_strand(begins, ends, first, last)]
