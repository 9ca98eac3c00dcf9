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
    """Explanations of a weight sum by both methods."""
    records = Records(["a", "b"], Ragged.from_strings(["ACGTTG", "GGC"]), np.array([1, 2]), "made.fa")
    weights = np.concatenate([WeightSum(tasks=2).weights[:length] for length in (6, 3)])
    centred = (weights - weights.mean(axis=1, keepdims=True)).astype(np.float32)
    by_mutants = mutagenesis(records, WeightSum(tasks=2))
    return by_mutants, Attribution(records.ids, records.sequences, by_mutants.reference, by_mutants.reference, centred)


@pytest.mark.parametrize("kind", [Mutagenesis, Attribution])
def test_every_method_implements_the_interface(kind):
    assert [name for name in vars(Explanation) if name in MEMBERS] == MEMBERS
    assert [name for name in MEMBERS if not hasattr(kind, name)] == []
    assert all(list(inspect.signature(getattr(kind, name)).parameters) == ["self"] for name in MEMBERS[2:])


def test_methods_have_the_same_inserts_and_shapes(explained):
    for found in explained:
        assert (found.ids, found.inserts[0], found.inserts[1]) == (["a", "b"], "ACGTTG", "GGC")
        assert (found.importance().shape, found.hypothetical().shape) == ((9, 2), (9, 4, 2))


def test_hypothetical_contributions_are_equal_by_both_methods(explained):
    by_mutants, by_gradient = explained
    np.testing.assert_allclose(by_mutants.hypothetical(), by_gradient.hypothetical(), atol=1e-5)


def test_importance_is_relative_to_three_bases_by_mutagenesis_and_to_four_by_attribution(explained):
    by_mutants, by_gradient = explained
    np.testing.assert_allclose(by_mutants.importance(), 4 / 3 * by_gradient.importance(), atol=1e-5)
