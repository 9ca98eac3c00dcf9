import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_sum import PLAIN, WeightSum

from dreamkeras.analysis.mutagenesis import mutagenesis
from dreamkeras.analysis.mutants import Mutants
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

BETWEEN = Construct("between", length=14, left_adapter="ACAC", right_adapter="GT", shortest=2)
"""2 to 12 letters between adapters, at the window's right end."""


def records_of(*sequences):
    return Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")


def by_hand(sequence, predictor, *, deletions=False):
    """(letters, 4 or 5, tasks): each mutant made as a string and predicted by itself."""
    (reference,) = predictor.predict([sequence])
    rows = []
    for position in range(len(sequence)):
        mutants = [sequence[:position] + base + sequence[position + 1 :] for base in BASES]
        mutants += [sequence[:position] + sequence[position + 1 :]] if deletions else []
        rows.append([predictor.predict([mutant])[0] - reference for mutant in mutants])
    return np.array(rows)


@given(sequences=st.lists(st.text(BASES, min_size=3, max_size=12), min_size=1, max_size=5), deletions=st.booleans())
def test_effects_are_those_of_mutants_made_by_hand(sequences, deletions):
    predictor = WeightSum(tasks=2)
    effects = mutagenesis(records_of(*sequences), predictor, deletions=deletions).effects
    wanted = np.concatenate([by_hand(sequence, predictor, deletions=deletions) for sequence in sequences])
    np.testing.assert_allclose(effects, wanted, atol=1e-6)


def test_the_effects_of_a_weight_sum_are_differences_of_weights():
    predictor = WeightSum(PLAIN)
    effects = mutagenesis(records_of("ACGTACGTACGT"), predictor).effects
    own = predictor.weights[np.arange(12), np.arange(12) % 4]
    np.testing.assert_allclose(effects, predictor.weights - own[:, None], atol=1e-6)


def test_the_importance_of_a_letter_is_what_the_other_bases_lose_on_average():
    predictor = WeightSum(PLAIN)
    found = mutagenesis(records_of("ACGTACGTACGT"), predictor)
    own = predictor.weights[np.arange(12), np.arange(12) % 4]
    others = (predictor.weights.sum(axis=1) - own) / 3
    np.testing.assert_allclose(found.importance(), own - others, atol=1e-6)


def test_adapters_stay_and_count_for_nothing():
    predictor = WeightSum(BETWEEN)
    bare, given = (mutagenesis(records_of(sequence), predictor) for sequence in ("GATTACA", "ACACGATTACAGT"))
    assert bare.inserts[0] == given.inserts[0] == "GATTACA"
    np.testing.assert_array_equal(bare.effects, given.effects)
    np.testing.assert_array_equal(bare.reference, given.reference)


def test_no_mutant_is_asked_for_twice():
    predictor = WeightSum()
    mutagenesis(records_of("AAAA", "ACGTAC"), predictor)
    assert predictor.asked == 2 + 3 * 4 + 3 * 6


def test_deletions_of_equal_neighbours_are_one_mutant():
    predictor = WeightSum()
    mutagenesis(records_of("AACCCG"), predictor, deletions=True)
    assert predictor.asked == 1 + 3 * 6 + 3


def test_an_unknown_letter_becomes_each_of_the_four_bases():
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


def test_a_batch_of_mutants_may_begin_anywhere():
    mutants = Mutants(records_of("ACGT", "GGATC").sequences, [PLAIN], deletions=True)
    (whole,) = mutants.windows(0, len(mutants))
    pieces = [mutants.windows(first, first + 7)[0] for first in range(0, len(mutants), 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_progress_counts_the_windows_that_were_scored():
    told = []
    mutagenesis(records_of("ACGT"), WeightSum(), progress=told.append)
    assert sum(told) == 13


def test_a_sequence_that_does_not_fit_is_named():
    with pytest.raises(InputError, match=r"got 13 in record 's1' \(made.fa, line 2\)"):
        mutagenesis(records_of("ACGT", "A" * 13), WeightSum())


def test_deletions_need_room_for_an_insert_one_base_shorter():
    with pytest.raises(InputError, match="Expected at least 3 bases for deletions in construct 'plain', got 2"):
        mutagenesis(records_of("AC"), WeightSum(), deletions=True)


def test_models_that_see_other_inserts_in_a_sequence_are_refused():
    whole = Construct("whole", length=150)
    with pytest.raises(ModelError, match="agree where the inserts are, got those of constructs yeast and whole"):
        Mutants(Ragged.from_strings([YEAST.left_adapter + "ACGT" * 20 + YEAST.right_adapter]), [YEAST, whole])
