import numpy as np

from dreamkeras.scoring.skipped import REASONS, Skipped, leave_out
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

RECORDS = Records(list("abc"), Ragged.from_strings(["A", "CC", "GGG"]), np.array([1, 3, 5]), "x.fa")


def test_sums_keep_order_and_the_first_reasons():
    many = Skipped(9, tuple(f"why {i}" for i in range(REASONS)))
    assert Skipped(1, ("first",)) + many == Skipped(10, ("first", *many.reasons[: REASONS - 1]))
    assert Skipped() + many == many + Skipped() == many


def test_records_with_a_problem_are_omitted_and_named():
    fitting, skipped = leave_out(RECORDS, {2: "too long", 0: "too short"})
    assert (fitting.ids, skipped.count) == (["b"], 2)
    assert skipped.reasons == ("too short in record 'a' (x.fa, line 1)", "too long in record 'c' (x.fa, line 5)")


def test_records_without_problems_stay_as_they_are():
    assert leave_out(RECORDS, {}) == (RECORDS, Skipped())
