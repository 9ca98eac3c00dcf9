import warnings

import keras
import numpy as np
import pytest

from dreamkeras.errors import ModelError
from dreamkeras.training.strategy.losses import LOSSES
from dreamkeras.training.strategy.optimizers import ClippedLion, CyclingAdamW
from dreamkeras.training.strategy.strategies import AUTOSOME, BHI, LEGNET, OPTIMIZERS, PROFORMER, STRATEGIES, UNLOCKDNA, find_strategy


def rates(optimizer, steps):
    return np.array([float(keras.ops.convert_to_numpy(optimizer._learning_rate(step))) for step in range(steps)])


def test_keys_are_the_names():
    assert {name: find_strategy(name).name for name in STRATEGIES} == {name: name for name in STRATEGIES}


def test_unknown_strategies_are_refused():
    with pytest.raises(ModelError, match="Expected one of the strategies autosome, bhi, legnet, proformer, unlockdna, got 'bhi2'"):
        find_strategy("bhi2")


class TestAutosome:
    def test_is_that_of_the_reference(self):
        assert (AUTOSOME.epochs, AUTOSOME.batch_size, AUTOSOME.learning_rate) == (80, 1024, 0.005)
        assert (AUTOSOME.weight_decay, AUTOSOME.strands, AUTOSOME.mask) == (0.01, "augment", 0)

    def test_the_cycle_spans_the_complete_run(self):
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


class TestBHI:
    def test_is_that_of_the_reference(self):
        assert (BHI.learning_rate, BHI.weight_decay, BHI.strands) == (0.0015, 0.01, "pair")

    @pytest.mark.parametrize("steps", [1, 10, 37])
    def test_the_rate_is_the_cosine_of_torch(self, steps):
        torch = pytest.importorskip("torch")
        torch_optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.0015)
        wanted = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns if the schedule steps before the optimiser
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(torch_optimizer, T_max=steps)
            for _ in range(steps):
                wanted.append(torch_optimizer.param_groups[0]["lr"])
                schedule.step()
        np.testing.assert_allclose(rates(BHI.make_optimizer(steps), steps), wanted, rtol=1e-4, atol=1e-8)

    def test_decay_reaches_0_with_the_last_step(self):
        came = rates(BHI.make_optimizer(1000), 1000)
        assert came[0] == pytest.approx(0.0015)
        assert came[-1] < 1e-8


class TestUnlockDNA:
    def test_is_that_of_the_reference(self):
        optimizer = UNLOCKDNA._replace(learning_rate=UNLOCKDNA.peak_rate(256)).make_optimizer(10**6)
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon, optimizer.weight_decay) == (0.9, 0.98, 1e-9, 0)
        assert (optimizer.clip_norm, optimizer.clip_value) == (1.0, 0.5)
        assert (UNLOCKDNA.mask, PROFORMER.mask) == (0.2, 0.05)

    def test_the_rate_depends_on_the_width_of_the_core(self):
        """The rate is that of Vaswani et al. 2017, eq. 3, with a rise of 12,500 steps."""
        optimizer = UNLOCKDNA._replace(learning_rate=UNLOCKDNA.peak_rate(256)).make_optimizer(10**6)
        for step in (1, 100, 12_500, 200_000):
            wanted = 256**-0.5 * min(step**-0.5, step * 12_500**-1.5)
            assert float(optimizer._learning_rate(step - 1)) == pytest.approx(wanted, rel=1e-5)

    def test_the_rise_of_a_short_run_is_a_twentieth_of_the_steps(self):
        came = rates(UNLOCKDNA._replace(learning_rate=0.001).make_optimizer(200), 200)
        assert (came.argmax(), came.max()) == (9, pytest.approx(0.001))

    def test_a_given_rate_is_the_peak(self):
        assert UNLOCKDNA._replace(learning_rate=0.002).peak_rate(256) == 0.002

    def test_a_missing_rate_is_refused(self):
        with pytest.raises(ModelError, match="The strategy unlockdna has no learning rate"):
            UNLOCKDNA.make_optimizer(10)


class TestOptimizers:
    def test_lion_uses_a_tenth_of_the_rate_and_ten_times_the_decay(self):
        assert (LEGNET.learning_rate, LEGNET.weight_decay) == pytest.approx((0.0005, 0.1))
        optimizer = AUTOSOME.with_optimizer("lion").make_optimizer(20)
        assert isinstance(optimizer, ClippedLion)
        assert optimizer._learning_rate.peak == pytest.approx(0.0005)
        assert optimizer.weight_decay == pytest.approx(0.1)
        assert LEGNET.with_optimizer("lion") == LEGNET

    def test_other_optimisers_keep_rate_and_decay(self):
        assert BHI.with_optimizer("adam") == BHI._replace(optimizer=OPTIMIZERS["adam"])

    def test_unknown_optimisers_are_refused(self):
        with pytest.raises(ModelError, match="Expected one of the optimizers adamw, adam, lion, got 'sgd'"):
            AUTOSOME.with_optimizer("sgd")


@pytest.mark.parametrize("name", STRATEGIES)
class TestEvery:
    def test_makes_a_new_optimiser_each_time(self, name):
        strategy = find_strategy(name)._replace(learning_rate=0.01)
        assert strategy.make_optimizer(10) is not strategy.make_optimizer(10)

    def test_a_moving_average_is_kept_on_request(self, name):
        strategy = find_strategy(name)._replace(learning_rate=0.01)
        assert not strategy.make_optimizer(10).use_ema
        optimizer = strategy.make_optimizer(10, ema=0.99)
        assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.99)

    def test_the_loss_is_known(self, name):
        assert find_strategy(name).loss in (None, *LOSSES)
