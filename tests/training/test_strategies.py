import pytest

from dreamkeras.errors import ModelError
from dreamkeras.training.optimizers import CyclingAdamW
from dreamkeras.training.strategies import AUTOSOME, STRATEGIES, find_strategy


def test_names_are_the_keys():
    assert {name: find_strategy(name).name for name in STRATEGIES} == {name: name for name in STRATEGIES}


def test_an_unknown_one_is_refused():
    with pytest.raises(ModelError, match="Expected one of the strategies autosome, got 'bhi2'"):
        find_strategy("bhi2")


class TestAutosome:
    def test_is_that_of_the_reference(self):
        assert (AUTOSOME.epochs, AUTOSOME.batch_size, AUTOSOME.learning_rate) == (80, 1024, 0.005)
        assert (AUTOSOME.weight_decay, AUTOSOME.reverse_complement) == (0.01, True)

    def test_optimiser_cycles_over_the_whole_run(self):
        optimizer = AUTOSOME.make_optimizer(101)
        rate, beta = optimizer._learning_rate, optimizer.beta_1
        assert isinstance(optimizer, CyclingAdamW)
        assert (optimizer.beta_2, optimizer.epsilon, optimizer.weight_decay) == (0.999, 1e-8, 0.01)
        assert (rate.steps, beta.steps) == (101, 101)
        assert (rate.start, rate.peak, rate.end, rate.rise) == pytest.approx((0.0002, 0.005, 2e-8, 0.3))
        assert (beta.start, beta.peak, beta.end, beta.rise) == (0.95, 0.85, 0.95, 0.3)

    def test_another_rate_scales_the_cycle(self):
        rate = AUTOSOME._replace(learning_rate=0.5).make_optimizer(10)._learning_rate
        assert (rate.start, rate.peak, rate.end) == pytest.approx((0.02, 0.5, 2e-6))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_makes_a_new_optimiser_each_time(name):
    strategy = find_strategy(name)
    assert strategy.make_optimizer(10) is not strategy.make_optimizer(10)
