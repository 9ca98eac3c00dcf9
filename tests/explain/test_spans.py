import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.explain.spans import RegionSpans, Spans, slide
from dreamkeras.genome.regions import Regions
from dreamkeras.sequence.ragged import Ragged


@pytest.mark.parametrize(
    ("length", "starts", "ends"),
    [(12, [0, 3, 6], [6, 9, 12]), (11, [0, 3, 5], [6, 9, 11]), (6, [0], [6]), (4, [0], [4]), (7, [0, 1], [6, 7])],
)
def test_windows_slide_to_the_end(length, starts, ends):
    found = slide(Ragged.from_strings(["A" * length]), 6, 3)
    assert (found.starts.tolist(), found.ends.tolist()) == (starts, ends)


def test_windows_of_several_inserts_follow_each_other():
    found = slide(Ragged.from_strings(["A" * 9, "A" * 3, "", "A" * 7]), 6, 3)
    assert found.sequences.tolist() == [0, 0, 1, 3, 3]
    assert found.starts.tolist() == [0, 3, 0, 0, 1]


def test_regions_find_their_sequences_by_name():
    spans_of = RegionSpans(Regions(["b", "x", "a", "b"], np.array([1, 0, 2, 3]), np.array([3, 1, 4, 5]), np.zeros(4, np.int64)))
    assert len(spans_of(["c"], Ragged.from_strings(["A"])).starts) == 0
    assert (len(spans_of), spans_of.missing) == (4, 4)
    found = spans_of(["a", "b", "c"], Ragged.from_strings(["ACGT", "ACGTA", "A"]))
    assert (found.sequences.tolist(), found.starts.tolist(), found.ends.tolist()) == ([0, 1, 1], [2, 1, 3], [4, 3, 5])
    assert spans_of.missing == 1


def test_regions_beyond_an_insert_are_refused():
    spans_of = RegionSpans(Regions(["a"], np.array([2]), np.array([5]), np.array([3])))
    with pytest.raises(InputError, match="within the insert, got 2-5 for an insert of 4 letters in 'a'"):
        spans_of(["a"], Ragged.from_strings(["ACGT"]))


@pytest.mark.parametrize("size", [(0, 3), (2, 0)])
def test_widths_and_steps_below_1_are_refused(size):
    with pytest.raises(InputError, match="a width and a step of at least 1, got a width of {} and a step of {}".format(*size)):
        slide(Ragged.from_strings(["A"]), *size)


def test_spans_are_moved_by_the_distance_of_their_sequence():
    spans = Spans(np.array([0, 0, 2]), np.array([1, 4, 0]), np.array([3, 5, 2]))
    assert [column.tolist() for column in spans.moved(np.array([10, 20, 30]))] == [[0, 0, 2], [11, 14, 30], [13, 15, 32]]
