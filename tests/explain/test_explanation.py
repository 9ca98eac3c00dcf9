import inspect

import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.explain.attribution import Attribution
from dreamkeras.explain.explanation import Explanation
from dreamkeras.explain.mutagenesis import Mutagenesis, mutagenesis
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

MEMBERS = ["ids", "inserts", "importance", "hypothetical"]


@pytest.fixture(scope="module")
def explained():
    """What both methods tell of the weights of a sum, less the mean of each position's four."""
    records = Records(["a", "b"], Ragged.from_strings(["ACGTTG", "GGC"]), np.array([1, 2]), "made.fa")
    weights = np.concatenate([WeightSum(tasks=2).weights[:length] for length in (6, 3)])
    centred = (weights - weights.mean(axis=1, keepdims=True)).astype(np.float32)
    by_mutants = mutagenesis(records, WeightSum(tasks=2))
    return by_mutants, Attribution(records.ids, records.sequences, by_mutants.reference, by_mutants.reference, centred)


@pytest.mark.parametrize("kind", [Mutagenesis, Attribution])
def test_every_method_has_what_an_explanation_has(kind):
    assert [name for name in vars(Explanation) if name in MEMBERS] == MEMBERS
    assert [name for name in MEMBERS if not hasattr(kind, name)] == []
    assert all(list(inspect.signature(getattr(kind, name)).parameters) == ["self"] for name in MEMBERS[2:])


def test_methods_tell_of_the_same_inserts_in_the_same_shapes(explained):
    for found in explained:
        assert (found.ids, found.inserts[0], found.inserts[1]) == (["a", "b"], "ACGTTG", "GGC")
        assert (found.importance().shape, found.hypothetical().shape) == ((9, 2), (9, 4, 2))


def test_what_bases_would_contribute_is_the_same_by_every_method(explained):
    by_mutants, by_gradient = explained
    np.testing.assert_allclose(by_mutants.hypothetical(), by_gradient.hypothetical(), atol=1e-5)


def test_a_letter_is_held_against_the_three_others_by_mutants_and_against_all_four_by_gradients(explained):
    by_mutants, by_gradient = explained
    np.testing.assert_allclose(by_mutants.importance(), 4 / 3 * by_gradient.importance(), atol=1e-5)
