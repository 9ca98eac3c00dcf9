import pytest

from dreamkeras.training.run_folder.sample_size import LEAST, MOST, sample_size


@pytest.mark.parametrize(("parameters", "length", "number"), [(100_000, 150, MOST), (10**8, 150, LEAST), (100_000, 10**5, LEAST)])
def test_large_networks_and_long_windows_have_fewer_sequences(parameters, length, number):
    assert sample_size(parameters, length) == number


def test_between_the_limits_the_work_is_the_same_for_all_networks():
    work = [parameters * sample_size(parameters, 150) for parameters in (1_000_000, 1_500_000, 2_000_000)]
    assert max(work) < 1.01 * min(work)


def test_the_least_number_finds_a_difference_in_two_per_cent_of_all_sequences():
    assert 1 - 0.98**LEAST > 0.98
    assert (0.25 / (2 * LEAST)) ** 0.5 <= 0.025  # mean of two percentiles, at the median
