import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from weight_sum import WeightSum

from dreamkeras.errors import InputError
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.explain.seqlets import LABELS, ODDS, Rule, Seqlets, SeqletTable, find_seqlets, seqlet_matrices
from dreamkeras.formats.writers import ID, open_writer
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def seqlets_of(*rows, **rule):
    """Returns (sequence, start, end, score) of the seqlets of sequences with these importances."""
    inserts = Ragged.from_strings(["A" * len(row) for row in rows])
    found = find_seqlets(inserts, np.concatenate([np.array(row, float) for row in rows]), Rule(**rule))
    return [(int(row), int(start), int(end), float(score)) for row, start, end, score in zip(*found, strict=True)]


def by_hand(rows, rule):
    """Applies the rule letter by letter in plain Python."""
    found = []
    for number, row in enumerate(rows):
        median = sorted(abs(value) for value in row)[(len(row) - 1) // 2]
        strong = [place for place, value in enumerate(row) if value and abs(value) >= rule.times * median]
        runs = []
        for place in strong:
            if runs and place - runs[-1][-1] <= rule.gap + 1 and row[place] * row[runs[-1][-1]] > 0:
                runs[-1].append(place)
            else:
                runs.append([place])
        found += [(number, run[0], run[-1] + 1) for run in runs if len(run) >= rule.fewest]
    return found


IMPORTANCES = st.lists(arrays(np.int8, st.integers(1, 30), elements=st.integers(-4, 4)), min_size=1, max_size=4)


@given(rows=IMPORTANCES, times=st.sampled_from([0.5, 1.0, 3.0]), gap=st.integers(0, 3), fewest=st.integers(1, 4))
def test_seqlets_equal_those_of_the_rule_in_plain_python(rows, times, gap, fewest):
    rule = Rule(times, gap, fewest)
    rows = [row.tolist() for row in rows]
    found = seqlets_of(*rows, **rule._asdict())
    assert [seqlet[:3] for seqlet in found] == by_hand(rows, rule)
    assert [score for *_, score in found] == [sum(rows[number][start:end]) for number, start, end, _ in found]


def test_a_run_with_a_gap_is_one_seqlet_whose_score_includes_the_gap():
    quiet = [0.1] * 8
    assert seqlets_of([*quiet, 1, 2, -0.1, 0.1, 1, 1, *quiet]) == [(0, 8, 14, 5.0)]
    assert seqlets_of([*quiet, 1, 2, -0.1, 0.1, 1, 1, *quiet], gap=1) == []


def test_letters_of_different_signs_are_separate_seqlets():
    quiet = [0.0] * 10
    assert seqlets_of([*quiet, 1, 1, 1, 1, -1, -1, -1, -2]) == [(0, 10, 14, 4.0), (0, 14, 18, -5.0)]


def test_seqlets_end_with_their_sequence():
    assert seqlets_of([0, 0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0, 0], fewest=2) == [(0, 5, 7, 2.0), (1, 0, 2, 2.0)]


@pytest.mark.parametrize("rows", [[], [[0.0] * 5], [[0.0] * 5, [0.0]]])
def test_a_sequence_may_have_no_seqlets(rows):
    found = find_seqlets(Ragged.from_strings(["A" * len(row) for row in rows]), np.array([value for row in rows for value in row]))
    assert [len(column) for column in found] == [0] * 4


@pytest.mark.parametrize(("importance", "rule"), [(np.ones(3), Rule()), (np.ones(4), Rule(times=0)), (np.ones(4), Rule(gap=-1))])
def test_invalid_arguments_are_refused(importance, rule):
    with pytest.raises(InputError, match="Expected"):
        find_seqlets(Ragged.from_strings(["ACGT"]), importance, rule)


class TestMatrices:
    def one(self, hypothetical, score=1.0):
        inserts = Ragged.from_strings(["ACGT"])
        seqlets = Seqlets(np.array([0]), np.array([1]), np.array([3]), np.array([score]))
        (matrix,) = seqlet_matrices(inserts, np.array(hypothetical, float), seqlets)
        return matrix

    def test_probability_ratio_at_the_most_important_letter_is_odds(self):
        matrix = self.one([[9] * 4, [-1, 0, -1, -1], [5, 5, 5, 5], [9] * 4])
        np.testing.assert_allclose(matrix[0] / matrix[0, 0], [1, ODDS, 1, 1])
        np.testing.assert_allclose(matrix[1], 0.25)

    def test_bases_with_equal_contributions_are_equally_likely(self):
        matrix = self.one([[0] * 4, [-1, 0, -1, -1], [-1, 0.5, 0.5, -1], [0] * 4])
        assert matrix[1, 1] == matrix[1, 2] > matrix[1, 0]

    def test_letters_of_a_negative_seqlet_are_most_likely(self):
        raising, lowering = [[0] * 4, [-1, 0, -2, -3], [0] * 4, [0] * 4], [[0] * 4, [1, 0, 2, 3], [0] * 4, [0] * 4]
        np.testing.assert_array_equal(self.one(raising), self.one(lowering, -1.0))

    def test_rows_sum_to_one_in_any_unit(self):
        hypothetical = np.random.default_rng(0).normal(size=(4, 4))
        np.testing.assert_allclose(self.one(hypothetical), self.one(hypothetical * 1e-6))
        np.testing.assert_allclose(self.one(hypothetical).sum(1), 1)


def test_table_contains_ids_coordinates_and_letters(tmp_path):
    predictor = WeightSum(tasks=2)
    predictor.weights[:] = 0
    predictor.weights[3:8, :, 0] = [1, 0, 0, 0]  # A at positions 3 to 7 increases the first task
    predictor.weights[2:7, :, 1] = [-1, 0, 0, 0]
    records = Records(["x", "y"], Ragged.from_strings(["CCCAAAAACCCC", "CCCCCCCCCCCC"]), np.array([1, 2]), "made.fa")
    with open_writer(str(tmp_path / "s.tsv"), ("score",), None, {**ID, **LABELS}) as writer:
        SeqletTable(writer, ("dev", "hk")).write(mutagenesis(records, predictor))
    rows = list(csv.DictReader((tmp_path / "s.tsv").read_text().splitlines(), delimiter="\t"))
    found = [(row["id"], int(row["start"]), int(row["end"]), row["letters"], row["task"], float(row["score"])) for row in rows]
    assert found == [
        ("x", 3, 8, "AAAAA", "dev", 5),
        ("y", 3, 8, "CCCCC", "dev", -1.66667),  # one of the three other bases increases the prediction by 1
        ("x", 3, 7, "AAAA", "hk", -4),
        ("y", 2, 7, "CCCCC", "hk", 1.66667),
    ]
