import dataclasses

import numpy as np
import pytest
from tiny_network import tiny, tiny_preset

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, ModelError
from dreamkeras.models.presets import PRESETS, Preset
from dreamkeras.sequence.construct import Construct
from dreamkeras.training.config import RunConfig
from dreamkeras.training.strategy.plan import Done, make_plan, settled_strategy
from dreamkeras.training.strategy.strategies import AUTOSOME, UNLOCKDNA


@pytest.fixture(scope="module")
def network():
    return tiny(find_assay("yeast"))


@pytest.fixture(autouse=True)
def preset():
    with tiny_preset() as patch:
        yield patch


def examples(n):
    letters, targets = np.full((n, 150), ord("A"), np.uint8), np.zeros((n, 1), np.float32)
    return Examples([""] * n, letters, targets, np.zeros((n, 2), np.float32), np.full(n, 110, np.int32))


def plan(network, n=6400, **choices):
    return make_plan(RunConfig(model="tiny", **choices), network, examples(n))


def strategy(network, **choices):
    return settled_strategy(RunConfig(model="tiny", **choices), network)


class TestSteps:
    def test_steps_are_those_of_complete_epochs(self, network):
        came = plan(network, epochs=3, batch_size=100)
        assert (came.epochs, came.epoch_steps, came.steps) == (3, 128, 384)

    @pytest.mark.parametrize(("steps", "epochs"), [(300, 3), (256, 2), (10, 1), (1, 1)])
    def test_chosen_steps_shorten_the_last_epoch(self, network, steps, epochs):
        came = plan(network, steps=steps, batch_size=100)
        assert (came.epochs, came.epoch_steps, came.steps) == (epochs, 128, steps)

    @pytest.mark.parametrize(("done", "choices", "lengths"), [
        (Done(2, 256), {"epochs": 3}, (3, 384, 256)),
        (Done(1, 10), {"epochs": 3}, (3, 266, 10)),  # the first epoch was incomplete
        (Done(1, 10), {"steps": 10}, (1, 10, 10)),
        (Done(1, 10), {"steps": 138}, (2, 138, 10)),
        (Done(1, 10), {"steps": 139}, (3, 139, 10)),
        (Done(2, None), {"epochs": 3}, (3, 384, 256)),  # a checkpoint of an older version
        (Done(1, None, 10), {"steps": 20}, (2, 20, 10)),
    ])  # fmt: skip
    def test_a_resumed_run_continues_at_its_step(self, network, done, choices, lengths):
        config = RunConfig(model="tiny", batch_size=100, **choices)
        came = make_plan(config, network, examples(6400), done)
        assert (came.epochs, came.steps, came.begun) == lengths

    @pytest.mark.parametrize(("choices", "message"), [
        ({"epochs": 1}, "Expected epochs of at least 2, for which the run has already been trained, got 1"),
        ({"steps": 255}, "Expected steps of at least 256, for which the run has already been trained, got 255"),
    ])  # fmt: skip
    def test_a_run_cannot_become_shorter_than_it_is(self, network, choices, message):
        with pytest.raises(InputError, match=message):
            make_plan(RunConfig(model="tiny", batch_size=100, **choices), network, examples(6400), Done(2, 256))

    def test_paired_strands_halve_the_steps(self, network):
        assert plan(network, strategy="bhi", batch_size=100, epochs=1).steps == 64

    def test_the_plan_is_described_in_one_line(self, network):
        came = plan(network, n=640, batch_size=64, epochs=2)
        line = "Training on 640 sequences, validating on 70: 40 steps of 64 in 2 epochs, strategy autosome, jax."
        assert came.describe(640, 70, "jax") == line
        assert " in 1 epoch, " in came._replace(epochs=1).describe(1, 1, "jax")

    def test_the_default_length_depends_on_the_number_of_rows(self, network):
        came = plan(network)
        assert (came.epochs, came.batch_size) == (16, 128)
        assert plan(network, n=500).epochs == AUTOSOME.epochs == 80

    def test_a_shortened_schedule_replaces_the_length(self, network):
        for length in ({"epochs": 3}, {"steps": 384}, {}):
            came = plan(network, fitted_steps=300, batch_size=100, **length)
            assert (came.epochs, came.steps) == (3, 300)

    def test_one_batch_of_examples_is_required(self, network):
        with pytest.raises(InputError, match=r"Expected at least 50 examples for one batch \(batch_size\), got 49"):
            plan(network, n=49, batch_size=50)

    def test_a_value_of_each_task_is_required(self, network):
        data = dataclasses.replace(examples(100), targets=np.full((100, 1), np.nan, np.float32))
        with pytest.raises(InputError, match="None of the 100 training examples has a value of expression"):
            make_plan(RunConfig(model="tiny", batch_size=50), network, data)


class TestLearningRate:
    def of(self, network, preset, core_rate=None, **choices):
        preset.setattr(type(network.core), "learning_rate", core_rate)
        return strategy(network, **choices).learning_rate

    def test_the_chosen_rate_precedes_those_of_core_and_strategy(self, network, preset):
        assert self.of(network, preset, 0.001, learning_rate=0.004) == 0.004
        assert self.of(network, preset, 0.001) == 0.001
        assert self.of(network, preset) == 0.005

    def test_the_rate_of_a_core_limits_only_one_cycle_schedules(self, network, preset):
        assert self.of(network, preset, 0.5) == 0.005
        assert self.of(network, preset, 0.001, strategy="bhi") == 0.0015

    def test_the_rate_of_unlockdna_depends_on_the_width_of_the_core(self, network, preset):
        assert self.of(network, preset, strategy="unlockdna") == pytest.approx((4 * 12_500) ** -0.5)

    def test_lion_uses_a_tenth_of_the_default_rate(self, network, preset):
        assert self.of(network, preset, optimizer="lion") == pytest.approx(0.0005)
        assert self.of(network, preset, optimizer="lion", learning_rate=0.004) == 0.004


class TestChoices:
    def test_options_replace_those_of_the_strategy(self, network):
        came = plan(network, strategy="unlockdna", loss="l1", mask=0.1, detect_mutations=0.05, slide=2, jitter=0.3, balance=True)
        assert (came.strategy.loss, came.strategy.mask, came.strategy.clip_norm) == ("l1", 0.1, 1.0)
        assert came.augmentation._replace(truths=()) == ("augment", 2, 0.3, 0.1, 0.05, True, (), 0)
        assert came.augmentation.truths == ("nucleotides", "mutated")

    @pytest.mark.parametrize(
        ("choices", "truths"),
        [
            ({}, ()),
            ({"strategy": "unlockdna"}, ("nucleotides",)),
            ({"strategy": "unlockdna", "mask": 0}, ()),
            ({"detect_mutations": 0.1}, ("mutated",)),
        ],
    )
    def test_truths_are_those_of_the_augmentations(self, network, choices, truths):
        assert plan(network, **choices).augmentation.truths == truths

    def test_the_strategy_defaults_to_that_of_the_network(self, network, preset):
        preset.setitem(PRESETS, "tiny", Preset("tiny", tiny, strategy="unlockdna"))
        assert strategy(network).name == UNLOCKDNA.name
        assert strategy(network, strategy="bhi").name == "bhi"

    @pytest.mark.parametrize("name", ["autosome", "bhi", "unlockdna"])
    def test_constructs_measured_as_given_are_trained_as_given(self, preset, name):
        assay = find_assay("yeast")
        network = tiny(assay._replace(construct=dataclasses.replace(assay.construct, strands="given")))
        assert strategy(network, strategy=name).strands == "given"

    def test_jitter_without_a_singleton_flag_is_refused(self):
        assay = find_assay("yeast")
        network = tiny(assay._replace(construct=dataclasses.replace(assay.construct, flags=("is_reverse",))))
        with pytest.raises(InputError, match="jitter requires an assay with the flag is_singleton, but assay yeast has no such flag"):
            plan(network, jitter=0.1)

    @pytest.mark.parametrize("name", ["slide", "test_shifts"])
    def test_shifts_by_the_window_length_are_refused(self, name):
        assay = find_assay("yeast")
        network = tiny(assay._replace(construct=Construct("short", 12, flags=assay.construct.flags)))
        assert plan(network, **{name: 11})
        with pytest.raises(InputError, match=f"Expected {name} below the window length of 12 bases, got 12"):
            plan(network, **{name: 12})

    @pytest.mark.parametrize("choice", ["strategy", "optimizer"])
    def test_unknown_names_are_refused(self, network, choice):
        with pytest.raises(ModelError, match="got 'none'"):
            strategy(network, **{choice: "none"})


def test_the_strategy_of_a_settled_configuration_is_unchanged(network):
    once = strategy(network, optimizer="lion", strategy="unlockdna")
    again = strategy(network, optimizer="lion", strategy="unlockdna", learning_rate=once.learning_rate, mask=once.mask)
    assert again == once
