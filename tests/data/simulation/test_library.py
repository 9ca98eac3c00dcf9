"""Simulated libraries: sequences, true expression, and similarity to the measured library."""

import math
import time
import zlib

import numpy as np
import pytest

from dreamkeras.data.assays.yeast import read
from dreamkeras.data.simulation.library import CLOSED, LENGTHS, SILENT, examples, expression, simulate
from dreamkeras.data.simulation.motifs import YEAST_FACTORS
from dreamkeras.data.simulation.occupancy import occupancy
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.statistics.correlation import pearson


@pytest.fixture(scope="module")
def library():
    return simulate(10_000, seed=7)


def strings(sequences):
    return [sequences[index] for index in range(len(sequences))]


def is_integer(values):
    return values == np.rint(values)


def test_fields_have_one_row_per_promoter(library):
    assert len(library.sequences) == len(library.values) == len(library.truth) == 10_000
    assert library.occupancy.shape == (10_000, len(YEAST_FACTORS))
    assert library.factors == tuple(factor.name for factor in YEAST_FACTORS)


def test_promoters_have_both_adapters(library):
    for promoter in strings(library.sequences):
        assert promoter.startswith(YEAST.left_adapter)
        assert promoter.endswith(YEAST.right_adapter)
        assert set(promoter) <= set("ACGTN")


def test_every_promoter_fits_the_construct(library):
    assert YEAST.problems(library.sequences) == {}


def test_lengths_have_the_frequencies_of_the_table(library):
    inserts = library.sequences.lengths - 30
    for length, share in LENGTHS.items():
        assert (inserts == length).mean() == pytest.approx(share, abs=4 * math.sqrt(share / 10_000) + 0.001)
    assert inserts.min() < 70
    assert inserts.max() > 90


def test_bases_have_the_frequencies_of_measured_inserts(library):
    inserts = "".join(promoter[17:-13] for promoter in strings(library.sequences))
    for base, share in {"A": 0.225, "C": 0.192, "G": 0.281, "T": 0.301}.items():
        assert inserts.count(base) / len(inserts) == pytest.approx(share, abs=0.005)


def test_unknown_bases_are_rare_and_near_the_right_end(library):
    gapped = [promoter[17:-13] for promoter in strings(library.sequences) if "N" in promoter]
    assert 10 <= len(gapped) <= 80
    assert all("N" not in insert[:58] for insert in gapped)


def test_promoters_are_distinct(library):
    assert len(set(strings(library.sequences))) == 10_000


def test_the_same_seed_gives_the_same_library_bit_for_bit(library):
    again = simulate(10_000, seed=7)
    assert np.array_equal(again.sequences.flat, library.sequences.flat)
    for field in ("values", "truth", "occupancy"):
        assert getattr(again, field).tobytes() == getattr(library, field).tobytes()


def test_a_seed_gives_the_same_library_in_every_version():
    found = simulate(3000, seed=0)
    assert zlib.crc32(found.sequences.flat.tobytes()) == 2191677374
    assert found.values.sum() == pytest.approx(33602.762892460, rel=1e-9)
    assert found.truth.sum() == pytest.approx(33557.256699083, rel=1e-9)


def test_another_seed_gives_another_library(library):
    other = simulate(100, seed=8)
    assert strings(other.sequences) != strings(library.sequences)[:100]


def test_occupancy_is_computed_from_the_promoters(library):
    some = Ragged.from_strings(strings(library.sequences)[5:15])
    np.testing.assert_allclose(occupancy(some), library.occupancy[5:15], rtol=1e-6)


def test_truth_equals_the_explicit_model_for_a_promoter(library):
    for row in range(5):
        drive = sum(factor.effect * float(bound) for factor, bound in zip(YEAST_FACTORS, library.occupancy[row], strict=True))
        opening = sum(factor.opening * float(bound) for factor, bound in zip(YEAST_FACTORS, library.occupancy[row], strict=True))
        openness = 1 / (1 + math.exp(-(CLOSED + opening)))
        assert library.truth[row] == pytest.approx(17 / (1 + math.exp(-(SILENT + drive * openness))))


def test_activators_raise_and_repressors_lower_expression():
    nothing = np.zeros((1, len(YEAST_FACTORS)), np.float32)
    for index, factor in enumerate(YEAST_FACTORS):
        bound = nothing.copy()
        bound[0, index] = 1
        assert np.sign(expression(bound) - expression(nothing)) == np.sign(factor.effect)


def test_a_measurement_follows_the_truth(library):
    assert 0.75 < pearson(library.values, library.truth) < 0.95
    assert library.values.mean() == pytest.approx(library.truth.mean(), abs=0.1)


def test_values_are_distributed_like_measured_values(library, data_folder):
    real = read(str(data_folder / "data/yeast_gpra/train.tsv")).targets[:, 0]
    assert is_integer(library.values).mean() == pytest.approx(is_integer(real).mean(), abs=0.03)
    assert library.values.mean() == pytest.approx(real.mean(), abs=0.5)
    assert library.values.std() == pytest.approx(real.std(), abs=0.4)
    bins = np.arange(-0.5, 18)
    shares, wanted = (np.histogram(values, bins)[0] / len(values) for values in (library.values, real))
    assert np.abs(shares - wanted).sum() / 2 < 0.15  # total variation distance


def test_examples_are_the_windows_of_the_library():
    library = simulate(50, seed=1)
    made = examples(library)
    assert made.ids == [str(number) for number in range(1, 51)]
    assert made.letters.shape == (50, YEAST.length)
    assert made.targets[:, 0].tolist() == library.values.astype(np.float32).tolist()
    assert made.flags[:, 1].tolist() == is_integer(library.values).astype(float).tolist()
    assert made.flags[:, 0].tolist() == [0.0] * 50
    window = made.letters[0].tobytes().decode()
    assert window.endswith(library.sequences[0])


def test_a_library_may_have_a_single_promoter():
    assert len(simulate(1).values) == 1


@pytest.mark.parametrize(("n", "seed", "message"), [(0, 0, "at least 1 promoter"), (5, -1, "seed of 0 or more, got -1")])
def test_invalid_arguments_are_rejected(n, seed, message):
    with pytest.raises(InputError, match=message):
        simulate(n, seed)


def test_simulation_is_fast_enough_for_a_demonstration():
    start = time.process_time()
    simulate(4000)
    assert 4000 / (time.process_time() - start) > 5_000  # over 20,000 on an idle core; the limit allows for slow machines
