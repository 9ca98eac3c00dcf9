import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import PLAIN, WeightSum

from dreamkeras.errors import InputError
from dreamkeras.explain.mutagenesis import mutagenesis, mutate_records
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.alphabet import BASES, ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

BETWEEN = Construct("between", length=14, left_adapter="ACAC", right_adapter="GT", shortest=2)
"""Construct with inserts of 2 to 12 letters between adapters, aligned to the right end of the window."""


def records_of(*sequences):
    return Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")


def by_hand(sequence, predictor, *, deletions=False):
    """Makes each mutant as a string and predicts it individually, (letters, 4 or 5, tasks)."""
    (reference,) = predictor.predict([sequence])
    rows = []
    for position in range(len(sequence)):
        mutants = [sequence[:position] + base + sequence[position + 1 :] for base in BASES]
        mutants += [sequence[:position] + sequence[position + 1 :]] if deletions else []
        rows.append([predictor.predict([mutant])[0] - reference for mutant in mutants])
    return np.array(rows)


@given(sequences=st.lists(st.text(BASES, min_size=3, max_size=12), min_size=1, max_size=5), deletions=st.booleans())
def test_effects_equal_those_of_individually_scored_mutants(sequences, deletions):
    predictor = WeightSum(tasks=2)
    effects = mutagenesis(records_of(*sequences), predictor, deletions=deletions).effects
    wanted = np.concatenate([by_hand(sequence, predictor, deletions=deletions) for sequence in sequences])
    np.testing.assert_allclose(effects, wanted, atol=1e-6)


def test_the_effects_of_a_weight_sum_are_differences_of_weights():
    predictor = WeightSum(PLAIN)
    effects = mutagenesis(records_of("ACGTACGTACGT"), predictor).effects
    own = predictor.weights[np.arange(12), np.arange(12) % 4]
    np.testing.assert_allclose(effects, predictor.weights - own[:, None], atol=1e-6)


def test_importance_is_the_mean_loss_over_the_other_bases():
    predictor = WeightSum(PLAIN)
    found = mutagenesis(records_of("ACGTACGTACGT"), predictor)
    own = predictor.weights[np.arange(12), np.arange(12) % 4]
    others = (predictor.weights.sum(axis=1) - own) / 3
    np.testing.assert_allclose(found.importance(), own - others, atol=1e-6)


def test_adapters_are_not_mutated():
    predictor = WeightSum(BETWEEN)
    bare, given = (mutagenesis(records_of(sequence), predictor) for sequence in ("GATTACA", "ACACGATTACAGT"))
    assert bare.inserts[0] == given.inserts[0] == "GATTACA"
    np.testing.assert_array_equal(bare.effects, given.effects)
    np.testing.assert_array_equal(bare.reference, given.reference)


def test_no_mutant_is_scored_twice():
    predictor = WeightSum()
    mutagenesis(records_of("AAAA", "ACGTAC"), predictor)
    assert predictor.asked == 2 + 3 * 4 + 3 * 6


def test_deletions_of_equal_neighbours_are_one_mutant():
    predictor = WeightSum()
    mutagenesis(records_of("AACCCG"), predictor, deletions=True)
    assert predictor.asked == 1 + 3 * 6 + 3


def test_n_is_replaced_by_each_of_the_four_bases():
    predictor = WeightSum()
    found = mutagenesis(records_of("ANGT"), predictor)
    np.testing.assert_allclose(found.effects[1], predictor.weights[1], atol=1e-6)
    np.testing.assert_allclose(found.importance()[1], -predictor.weights[1].mean(axis=0), atol=1e-6)


def test_lower_case_letters_have_the_effects_of_upper_case():
    upper, lower = (mutagenesis(records_of(sequence), WeightSum()) for sequence in ("ACGGT", "acggt"))
    np.testing.assert_array_equal(upper.effects, lower.effects)
    assert lower.inserts[0] == "acggt"


def test_an_ensembles_effects_are_the_mean_of_its_members():
    members = [WeightSum(seed=seed) for seed in (1, 2)]
    together = mutagenesis(records_of("ACGGT"), Ensemble(members)).effects
    alone = [mutagenesis(records_of("ACGGT"), member).effects for member in members]
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)


def test_progress_counts_the_windows_that_were_scored():
    told = []
    mutagenesis(records_of("ACGT"), WeightSum(), progress=told.append)
    assert sum(told) == 13


def test_a_sequence_that_does_not_fit_is_named():
    with pytest.raises(InputError, match=r"got 13 in record 's1' \(made.fa, line 2\)"):
        mutagenesis(records_of("ACGT", "A" * 13), WeightSum())


def test_deletions_require_an_insert_above_the_minimum_length():
    with pytest.raises(
        InputError, match=r"Expected at least 3 bases for deletions in construct 'plain', got 2 in record 's0' \(made.fa, line 1\)"
    ):
        mutagenesis(records_of("AC"), WeightSum(), deletions=True)


def test_hypothetical_contributions_are_weights_minus_their_mean():
    predictor = WeightSum(PLAIN, tasks=2)
    found = mutagenesis(records_of("ACGTACGTACGT"), predictor).hypothetical()
    np.testing.assert_allclose(found, predictor.weights - predictor.weights.mean(1, keepdims=True), atol=1e-6)


def test_sd_is_the_standard_deviation_over_members():
    members = [WeightSum(seed=seed, tasks=2) for seed in (1, 2, 3)]
    found = mutagenesis(records_of("ACGGT", "GATTACA"), Ensemble(members), deletions=True)
    alone = [mutagenesis(records_of("ACGGT", "GATTACA"), member, deletions=True).effects for member in members]
    np.testing.assert_allclose(found.sd, np.std(alone, axis=0, ddof=1), atol=1e-6)


def test_a_single_model_has_no_sd():
    assert mutagenesis(records_of("ACGGT"), WeightSum()).sd is None
    assert mutagenesis(records_of("ACGGT"), Ensemble([WeightSum()])).sd is None


class TestRecords:
    SEQUENCES = ("ACGTAC", "GGATCCA", "TTTT", "ACGTACGTACGT", "CAGCAG")

    def parts(self, predictor, batches, **options):
        return list(mutate_records(iter(batches), predictor, **options))

    @pytest.mark.parametrize("letters", [1, 9, 1000])
    @pytest.mark.parametrize("rows", [1, 2, 5])
    def test_effects_do_not_depend_on_batches(self, monkeypatch, letters, rows):
        monkeypatch.setattr("dreamkeras.explain.mutagenesis.LETTERS_AT_ONCE", letters)
        records = records_of(*self.SEQUENCES)
        parts = self.parts(WeightSum(tasks=2), records.batches(rows=rows), deletions=True)
        whole = mutagenesis(records, WeightSum(tasks=2), deletions=True)
        np.testing.assert_array_equal(np.concatenate([part.found.effects for part in parts]), whole.effects)
        np.testing.assert_array_equal(np.concatenate([part.found.reference for part in parts]), whole.reference)
        assert [name for part in parts for name in part.found.ids] == whole.ids

    def test_few_letters_are_in_memory_at_a_time(self, monkeypatch):
        monkeypatch.setattr("dreamkeras.explain.mutagenesis.LETTERS_AT_ONCE", 13)
        parts = self.parts(WeightSum(), [records_of(*self.SEQUENCES)])
        assert [part.found.inserts.lengths.tolist() for part in parts] == [[6, 7], [4], [12], [6]]

    def test_mutants_shared_by_sequences_are_scored_once(self):
        predictor = WeightSum()
        self.parts(predictor, [records_of("AAAA"), records_of("AAAA", "AAAC")])
        texts = {"AAAA"[:i] + base + "AAAA"[i + 1 :] for i in range(4) for base in BASES}
        texts |= {"AAAC"[:i] + base + "AAAC"[i + 1 :] for i in range(4) for base in BASES}
        assert predictor.asked == len(texts)

    def test_records_that_do_not_fit_are_skipped_with_a_reason(self):
        (part,) = self.parts(WeightSum(), [records_of("ACGT", "AC!T", "A" * 13, "GGG")], on_error="skip")
        assert part.found.ids == ["s0", "s3"]
        assert part.skipped.count == 2
        assert part.skipped.reasons[0] == "Expected DNA letters, got '!' at position 3 in record 's1' (made.fa, line 2)"

    def test_records_that_do_not_fit_after_a_deletion_are_skipped(self):
        (part,) = self.parts(WeightSum(), [records_of("AC", "ACG")], on_error="skip", deletions=True)
        assert (part.found.ids, part.skipped.count) == (["s1"], 1)
        (part,) = self.parts(WeightSum(), [records_of("AC", "ACG")], on_error="skip")
        assert (part.found.ids, part.skipped.count) == (["s0", "s1"], 0)

    def test_a_batch_of_skipped_records_is_an_empty_result(self):
        (part,) = self.parts(WeightSum(), [records_of("A", "!")], on_error="skip")
        assert (part.found.ids, part.found.effects.shape, part.skipped.count) == ([], (0, 4, 1), 2)

    def test_an_unfit_record_fails(self):
        with pytest.raises(InputError, match="record 's1'"):
            self.parts(WeightSum(), [records_of("ACGT", "A")])


class TorchScorer(WeightSum):
    """Scorer around a torch network that reads one-hot arrays (n, 4, length), as in tangermeme."""

    def __init__(self, network):
        super().__init__(PLAIN, tasks=2)
        self.network = network

    def score_windows(self, windows, batch_size=64, progress=None):
        import torch

        (letters,) = windows
        with torch.no_grad():
            return self.network(torch.tensor(ONE_HOT[letters].transpose(0, 2, 1))).numpy()


def test_effects_equal_those_of_tangermeme():
    torch = pytest.importorskip("torch")
    saturation = pytest.importorskip("tangermeme.saturation_mutagenesis", reason="pip install tangermeme")
    torch.manual_seed(0)
    layers = torch.nn.Conv1d(4, 8, 5), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(64, 2)
    network = torch.nn.Sequential(*layers).eval()
    sequences = ["ACGTACGTACGT", "GGATCCATTTGC"]
    found = mutagenesis(records_of(*sequences), TorchScorer(network))
    one_hot = torch.tensor(np.stack([ONE_HOT[list(sequence.encode())].T for sequence in sequences]))
    reference, mutants = saturation.saturation_mutagenesis(network, one_hot, raw_outputs=True, device="cpu", batch_size=7)
    effects = (mutants - reference[:, None, None]).permute(0, 2, 1, 3).reshape(24, 4, 2)
    np.testing.assert_allclose(found.effects, effects.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.reference, reference.numpy(), atol=1e-6)
    centred = saturation.saturation_mutagenesis(network, one_hot, target=1, hypothetical=True, device="cpu")
    np.testing.assert_allclose(found.hypothetical()[:, :, 1], centred.permute(0, 2, 1).reshape(24, 4).numpy(), atol=1e-6)
