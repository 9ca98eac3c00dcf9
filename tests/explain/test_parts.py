import numpy as np
import pytest
from random_attributions import attribution
from weight_sum import WeightSum

from dreamkeras.errors import InputError
from dreamkeras.explain.ablation import Ablator
from dreamkeras.explain.explanation import first_positions
from dreamkeras.explain.mutagenesis import mutagenesis, mutate_records
from dreamkeras.explain.parts import Parts, Span, explained_parts, span_problems
from dreamkeras.explain.spans import slide
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

PLAIN = Construct("plain", 12, alignment="left", strands="given")
BETWEEN = Construct("between", 20, "TTTT", "CCCC", strands="given")


def made(*sequences, padding=None):
    texts = Ragged.from_strings(sequences)
    return Records([f"s{i}" for i in range(len(sequences))], texts, np.arange(len(sequences)) + 1, "made.fa", padding)


class TestSpan:
    @pytest.mark.parametrize("text", ["", "5", "0:4", "5:4", "-1:4", "1:4:2", "a:b", "1.0:4", "1:", "٣:٤"])
    def test_malformed_text_is_refused(self, text):
        with pytest.raises(InputError, match=r"^Expected START:END, two positions counted from 1 such as 11:60, got "):
            Span.parse(text)

    def test_one_position_is_a_span(self):
        assert Span.parse("7:7") == (7, 7)

    def test_shorter_inserts_do_not_fit(self):
        problems = span_problems(made("ACGTAC", "ACGT"), [PLAIN], Span(2, 5))
        assert problems == {1: "Expected an insert with the positions 2 to 5, got an insert of 4 bases"}


class TestParts:
    def test_without_a_span_the_complete_inserts_are_explained(self):
        found = explained_parts(made("ACGTAC", "TTTTACGCCCC"), BETWEEN)
        assert [column.tolist() for column in found] == [[0, 0], [6, 3], [0, 0]]

    def test_positions_beyond_a_contig_are_left_out_and_not_counted(self):
        padding = np.array([[2, 0], [0, 3], [0, 0]])
        records = made("NNACGT", "ACGNNN", "ACGTAC", padding=padding)
        found = explained_parts(records, PLAIN)
        assert list(found.cut(records.sequences)) == ["ACGT", "ACG", "ACGTAC"]
        assert (found.starts.tolist(), found.positions.tolist()) == ([2, 0, 0], [0, 0, 0])

    def test_a_span_has_the_positions_of_the_named_region(self):
        records = made("NNACGT", "ACGNNN", "ACGTAC", padding=np.array([[2, 0], [0, 3], [0, 0]]))
        found = explained_parts(records, PLAIN, Span(2, 4))
        assert list(found.cut(records.sequences)) == ["CGT", "CG", "CGT"]
        assert found.positions.tolist() == [1, 1, 1]

    def test_a_span_outside_the_contig_is_empty(self):
        records = made("NNNACG", "ACGNNN", padding=np.array([[3, 0], [0, 3]]))
        found = explained_parts(records, PLAIN, Span(5, 6))
        assert (found.lengths.tolist(), list(found.cut(records.sequences))) == ([0, 0], ["", ""])

    def test_letters_of_the_parts(self):
        inserts = Ragged.from_strings(["ACGT", "", "TTG"])
        parts = Parts(np.array([1, 0, 2]), np.array([2, 0, 1]), np.zeros(3, np.int64))
        assert parts.contain(inserts).tolist() == [False, True, True, False, False, False, True]

    def test_padding_is_kept_by_batches_and_selections(self):
        records = made("NNACGT", "ACGNNN", "ACGTAC", padding=np.array([[2, 0], [0, 3], [0, 0]]))
        assert [part.padding.tolist() for part in records.batches(rows=2)] == [[[2, 0], [0, 3]], [[0, 0]]]
        assert records.select(np.array([2, 1])).padding.tolist() == [[0, 0], [0, 3]]


class TestMutagenesis:
    @pytest.mark.parametrize("deletions", [False, True])
    def test_a_span_selects_the_effects_of_its_positions(self, deletions):
        records, model = made("ACGTACG", "GGATC"), WeightSum(tasks=2)
        whole = mutagenesis(records, model, deletions=deletions)
        part = mutagenesis(records, model, deletions=deletions, span=Span(2, 4))
        rows = [1, 2, 3, 8, 9, 10]
        np.testing.assert_array_equal(part.effects, whole.effects[rows])
        np.testing.assert_array_equal(part.importance(), whole.importance()[rows])
        np.testing.assert_array_equal(part.reference, whole.reference)
        assert (list(part.inserts), first_positions(part).tolist()) == (["CGT", "GAT"], [1, 1])

    def test_only_the_mutants_of_the_span_are_scored(self):
        model = WeightSum()
        mutagenesis(made("ACGTACG"), model, span=Span(3, 4))
        assert model.asked == 1 + 2 * 3

    def test_records_without_the_span_are_skipped_or_refused(self):
        (part,) = mutate_records([made("ACGTACG", "GGAT")], WeightSum(), span=Span(5, 6), on_error="skip")
        assert (part.found.ids, part.skipped.count) == (["s0"], 1)
        with pytest.raises(InputError, match=r"^Expected an insert with the positions 5 to 6, got an insert of 4 bases in record 's1'"):
            list(mutate_records([made("ACGTACG", "GGAT")], WeightSum(), span=Span(5, 6)))


class TestAblation:
    def test_windows_slide_along_the_span(self):
        found = Ablator(WeightSum(), "unknown").ablate(made("ACGTACGTAC"), lambda _, inserts: slide(inserts, 3, 2), span=Span(3, 8))
        assert list(zip(found.spans.starts, found.spans.ends, strict=True)) == [(2, 5), (4, 7), (5, 8)]

    def test_positions_are_counted_from_the_first_base_of_the_contig(self):
        model, records = WeightSum(), made("NNACGTAC", padding=np.array([[2, 0]]))
        found = Ablator(model, "unknown").ablate(records, lambda _, inserts: slide(inserts, 3, 3))
        whole = Ablator(model, "unknown").ablate(made("NNACGTAC"), lambda _, inserts: slide(inserts, 3, 1))
        assert list(zip(found.spans.starts, found.spans.ends, strict=True)) == [(0, 3), (3, 6)]
        np.testing.assert_array_equal(found.effects, whole.effects[[2, 5]])

    def test_a_span_outside_the_contig_has_no_effects(self):
        records = made("NNNACG", "ACGTAC", padding=np.array([[3, 0], [0, 0]]))
        found = Ablator(WeightSum(), "unknown").ablate(records, lambda _, inserts: slide(inserts, 3, 3), span=Span(5, 6))
        assert [column.tolist() for column in found.spans] == [[1], [4], [6]]


class TestAttribution:
    def test_a_part_keeps_the_completeness_error(self):
        found = attribution("ACGTAC", "TTG", "")
        parts = Parts(np.array([1, 2, 0]), np.array([3, 1, 0]), np.array([1, 2, 0]))
        part = found.within(parts)
        np.testing.assert_allclose(part.completeness_error(), found.completeness_error(), atol=1e-5)
        np.testing.assert_array_equal(part.importance(), found.importance()[[1, 2, 3, 8]])
        assert (list(part.inserts), part.positions.tolist()) == (["CGT", "G", ""], [1, 2, 0])
