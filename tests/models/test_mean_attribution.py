"""Tests that the contributions to the mean prediction of several networks are the means of their contributions."""

import numpy as np
import pytest
from linear_network import with_random_weights
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import InputError, ModelError
from dreamkeras.models.gradients import Attributor
from dreamkeras.models.mean_attribution import MeanAttributor
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

SEQUENCES = ["ACGTTGACTCAGGATCCATT", "TTGACGTCAACCG", "ACGT"]


def records(*sequences):
    names = [f"s{place}" for place in range(len(sequences))]
    return Records(names, Ragged.from_strings(list(sequences)), np.arange(1, len(sequences) + 1), "seqs.fa")


@pytest.fixture(scope="module")
def networks():
    import keras

    made = []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        made.append(with_random_weights(tiny(find_assay("yeast")), sd=0.2 + 0.2 * seed))
    return made


@pytest.mark.parametrize("options", [{"method": "gradient"}, {"method": "gradient", "baseline": "shuffled", "references": 2}])
def test_contributions_are_the_means_over_the_networks(networks, options):
    batches = [records(*SEQUENCES[:2]), records(SEQUENCES[2])]
    found = MeanAttributor(networks, **options).attribute_records(iter(batches))
    apart = [Attributor(network, **options).attribute_records(iter(batches)) for network in networks]
    for batch, mean, *parts in zip(batches, found, *apart, strict=True):
        assert mean.found.ids == batch.ids
        for name in ("reference", "baseline", "scores"):
            values = [getattr(part.found, name) for part in parts]
            np.testing.assert_allclose(getattr(mean.found, name), np.mean(values, axis=0), rtol=1e-5, atol=1e-6)
            assert np.abs(values[0] - values[1]).max() > 1e-3


def test_skipped_records_are_counted_once_and_progress_is_that_of_one_network(networks):
    done = []
    stream = iter([records("ACGT", "A" * 200)])
    (part,) = MeanAttributor(networks, "gradient").attribute_records(stream, "skip", done.append)
    assert (part.found.ids, part.skipped.count, done) == (["s0"], 1, [1])


def test_networks_that_cannot_be_averaged_are_refused(networks):
    with pytest.raises(InputError, match="at least one network"):
        MeanAttributor([])
    with pytest.raises(ModelError, match="networks with the same construct and tasks, got tiny and tiny"):
        MeanAttributor([networks[0], tiny(find_assay("lentimpra"))])
