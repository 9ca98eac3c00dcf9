import dataclasses
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_network import windows

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.training.batches.augmentation import Augmentation
from dreamkeras.training.batches.dataset import fitting_batch_size, training_batches
from dreamkeras.training.batches.sampling import epoch_size

LENGTH = 6
CONSTRUCT = Construct(name="toy", length=LENGTH, alignment="left", shortest=4, strands="both", flags=("is_reverse", "is_singleton"))


def examples(n, construct=CONSTRUCT):
    """Returns n examples, of which the i-th has the target i. No window is the reverse complement of another one."""
    letters = np.random.default_rng(n).choice(np.frombuffer(b"ACGTN", np.uint8), (n, LENGTH))
    flags = np.stack([np.arange(n) % 3 == 0, np.arange(n) % 2 == 0], 1).astype(np.float32)
    targets = np.arange(n, dtype=np.float32)[:, None]
    return Examples([str(i) for i in range(n)], letters, targets, flags, np.full(n, LENGTH, np.int32), construct=construct)


def epoch(given_examples, steps, seed=0, number=0, **augmentation):
    """Returns the batches of one epoch."""
    return list(islice(training_batches(given_examples, steps, seed, Augmentation(**augmentation), first_epoch=number), steps))


def rows(batches):
    """Joins batches to arrays of letters, flags and targets."""
    letters = np.concatenate([batch["letters"] for batch, _ in batches])
    flags = np.concatenate([batch["flags"] for batch, _ in batches])
    return letters, flags, np.concatenate([targets for _, targets in batches])


class TestAnEpoch:
    @settings(max_examples=60, deadline=None)
    @given(n=st.integers(1, 60), batch=st.integers(1, 80), both=st.booleans(), seed=st.integers(0, 2**32 - 1), number=st.integers(0, 100))
    def test_has_every_example_and_strand_once(self, n, batch, both, seed, number):
        data = examples(n)
        total = 2 * n if both else n
        letters, flags, targets = rows(epoch(data, -(-total // batch), seed, number, strands="augment" if both else "given"))
        seen = sorted((int(target), flag) for target, flag in zip(targets[:, 0], flags[:, 0], strict=True))
        given_flag = data.flags[:, 0]
        assert seen == sorted((i, flag) for i in range(n) for flag in ((0.0, 1.0) if both else (given_flag[i],)))
        turned = flags[:, 0] != given_flag[targets[:, 0].astype(int)]
        expected = data.letters[targets[:, 0].astype(int)]
        np.testing.assert_array_equal(letters, np.where(turned[:, None], reverse_complement(expected), expected))

    @settings(max_examples=60, deadline=None)
    @given(n=st.integers(1, 60), batch=st.integers(1, 80))
    def test_batch_sizes_differ_by_at_most_one(self, n, batch):
        sizes = [len(targets) for _, targets in epoch(examples(n), -(-2 * n // batch))]
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= batch

    def test_dtypes_and_shapes_are_those_of_the_network(self):
        inputs, targets = epoch(examples(10), 2)[0]
        assert (inputs["letters"].dtype, inputs["flags"].dtype, targets.dtype) == (np.uint8, np.float32, np.float32)
        assert (inputs["letters"].shape, inputs["flags"].shape, targets.shape) == ((10, LENGTH), (10, 2), (10, 1))


class TestWindowsOfAGenome:
    def one(self, n=12, **augmentation):
        """Returns the rows of an epoch, and the origin of each row: its example, its shift and whether it is reverse-complemented."""
        examples = windows(n)
        size = (2 if augmentation.get("strands") == "augment" else 1) * epoch_size(examples.is_peak, augmentation.get("nonpeak_ratio", 0))
        batches = epoch(examples, -(-size // 5), **augmentation)
        return examples, *(np.concatenate([values[name] for values in part]) for part, name in self.parts(batches))

    def parts(self, batches):
        inputs, truths = zip(*batches, strict=True)
        return (inputs, "letters"), (truths, "profile"), (truths, "expression")

    def place(self, examples, letters):
        """Finds the example, shift and strand of a window. Random sequences make the result unique."""
        views = np.lib.stride_tricks.sliding_window_view(examples.letters, letters.size, axis=1)
        for turned, strand in ((False, letters), (True, reverse_complement(letters))):
            if len(found := np.argwhere((views == strand).all(axis=2))):
                return (*found[0].tolist(), turned)
        raise AssertionError

    @pytest.mark.parametrize("strands", ["given", "augment", "pair"])
    def test_letters_and_reads_are_shifted_and_reversed_together(self, strands):
        examples, letters, profiles, counts = self.one(strands=strands, nonpeak_ratio=1)
        places = [self.place(examples, window) for window in letters]
        for (row, shift, turned), profile in zip(places, profiles, strict=True):
            wanted = examples.profiles[row, shift : shift + profile.size]
            np.testing.assert_array_equal(profile, wanted[::-1] if turned else wanted)
        np.testing.assert_allclose(counts[:, 0], np.log1p(profiles.sum(axis=1)), rtol=1e-6)
        strands_of_each = {"given": {False}, "augment": {False, True}, "pair": {False, True}}[strands]
        assert {(row, turned) for row, _, turned in places} == {(row, turned) for row in range(12) for turned in strands_of_each}
        assert len({shift for _, shift, _ in places}) > 5

    def test_an_epoch_has_all_peaks_and_some_non_peaks(self):
        examples, letters, *_ = self.one(strands="given", nonpeak_ratio=0.5)
        rows = [self.place(examples, window)[0] for window in letters]
        assert len(set(rows)) == len(rows)
        assert {row for row in rows if examples.is_peak[row]} == set(range(0, 12, 2))
        assert len(rows) == 9

    def test_auxiliary_truths_can_be_combined_with_profiles(self):
        inputs, truths = epoch(windows(12), 2, strands="given", nonpeak_ratio=1, mask=0.3, truths=("nucleotides",))[0]
        assert set(truths) == {"expression", "profile", "letters", "masked"}
        assert (inputs["letters"][truths["masked"]] == ord("N")).all()


class TestWeights:
    def weighted(self, n):
        return dataclasses.replace(examples(n), weights=np.arange(1, n + 1, dtype=np.float32))

    @pytest.mark.parametrize("strands", ["given", "augment", "pair"])
    def test_weights_match_their_examples_and_have_a_mean_of_1(self, strands):
        for _, targets, weights in epoch(self.weighted(9), 3, strands=strands):
            np.testing.assert_allclose(weights, (targets[:, 0] + 1) / 5)
            assert weights.dtype == np.float32

    @pytest.mark.parametrize("size", [3e38, 1e-44])
    def test_weights_of_any_size_have_a_mean_of_1(self, size):
        weighted = dataclasses.replace(examples(9), weights=np.full(9, size, np.float32))
        for _, _, weights in epoch(weighted, 3):
            np.testing.assert_array_equal(weights, 1)

    def test_weights_change_nothing_else(self):
        plain, weighted = epoch(examples(9), 2), epoch(self.weighted(9), 2, mask=0.2, truths=("nucleotides",))
        assert all(len(batch) == 2 for batch in plain)
        np.testing.assert_array_equal(plain[0][1], weighted[0][1]["expression"])


class TestOrder:
    def test_order_depends_only_on_seed_and_epoch(self):
        data = examples(50)
        run = training_batches(data, 4, 7, Augmentation())
        whole = [rows(list(islice(run, 4)))[2] for _ in range(3)]
        for number, expected in enumerate(whole):
            np.testing.assert_array_equal(rows(epoch(data, 4, seed=7, number=number))[2], expected)

    @pytest.mark.parametrize("other", [{"seed": 8}, {"number": 1}])
    def test_other_seeds_and_epochs_have_another_order(self, other):
        data = examples(50)
        assert (rows(epoch(data, 4, seed=7))[2] != rows(epoch(data, 4, **{"seed": 7, **other}))[2]).any()

    def test_global_generators_have_no_effect(self):
        np.random.seed(0)  # noqa: NPY002
        first = rows(epoch(examples(20), 3))[2]
        np.random.seed(1)  # noqa: NPY002
        np.testing.assert_array_equal(rows(epoch(examples(20), 3))[2], first)


class TestReverseComplement:
    def by_strand(self, data):
        letters, flags, targets = rows(epoch(data, 1))
        return {
            (int(target), flag): (bytes(letter), other) for letter, (flag, other), target in zip(letters, flags, targets[:, 0], strict=True)
        }

    def test_both_strands_have_their_letters_flags_and_targets(self):
        data = dataclasses.replace(examples(2), letters=np.frombuffer(b"AACGTNGGGTCA", np.uint8).reshape(2, LENGTH))
        # The first example was measured in reverse (is_reverse 1), so its reverse complement has is_reverse 0.
        assert self.by_strand(data) == {
            (0, 1.0): (b"AACGTN", 1.0),
            (0, 0.0): (b"NACGTT", 1.0),
            (1, 0.0): (b"GGGTCA", 0.0),
            (1, 1.0): (b"TGACCC", 0.0),
        }

    @pytest.mark.parametrize("construct", [None, dataclasses.replace(CONSTRUCT, flags=("is_singleton", "other"))])
    def test_without_the_flag_only_letters_change(self, construct):
        data = examples(3, construct)
        _, flags, targets = rows(epoch(data, 1))
        np.testing.assert_array_equal(flags, data.flags[targets[:, 0].astype(int)])

    def test_the_flag_can_be_the_last(self):
        data = examples(4, dataclasses.replace(CONSTRUCT, flags=("is_singleton", "is_reverse")))
        _, flags, targets = rows(epoch(data, 1))
        index = targets[:, 0].astype(int)
        np.testing.assert_array_equal(flags[:, 0], data.flags[index, 0])
        assert sorted(zip(index, flags[:, 1], strict=True)) == [(i, flag) for i in range(4) for flag in (0.0, 1.0)]


class TestPairs:
    @settings(max_examples=30, deadline=None)
    @given(n=st.integers(1, 40), batch=st.integers(1, 50))
    def test_both_strands_of_an_example_are_in_the_same_batch(self, n, batch):
        data = examples(n)
        seen = []
        for inputs, targets in epoch(data, -(-n // batch), strands="pair"):
            half = len(targets) // 2
            np.testing.assert_array_equal(targets[:half], targets[half:])
            np.testing.assert_array_equal(inputs["letters"][half:], reverse_complement(inputs["letters"][:half]))
            np.testing.assert_array_equal(inputs["flags"][half:, 0], 1 - inputs["flags"][:half, 0])
            np.testing.assert_array_equal(inputs["flags"][half:, 1], inputs["flags"][:half, 1])
            np.testing.assert_array_equal(inputs["letters"][:half], data.letters[targets[:half, 0].astype(int)])
            seen += targets[:half, 0].tolist()
            assert half <= batch
        assert sorted(seen) == list(range(n))


class TestTruths:
    def test_truths_are_added_to_the_targets_on_request(self):
        data = examples(40)
        (inputs, truths), *_ = epoch(data, 1, mask=0.3, mutate=0.2, truths=("nucleotides", "mutated"))
        (plain, targets), *_ = epoch(data, 1)
        np.testing.assert_array_equal(truths["expression"], targets)
        np.testing.assert_array_equal(truths["letters"], plain["letters"])
        assert {name: values.dtype for name, values in truths.items() if name != "expression"} == {
            "letters": np.uint8,
            "mutated": bool,
            "masked": bool,
        }
        changed = inputs["letters"] != truths["letters"]
        np.testing.assert_array_equal(changed, truths["masked"] | truths["mutated"])
        np.testing.assert_array_equal(inputs["letters"][truths["masked"]], ord("N"))
        assert not (truths["masked"] | truths["mutated"])[truths["letters"] == ord("N")].any()

    def test_truths_are_omitted_if_no_network_predicts_them(self):
        inputs, targets = epoch(examples(40), 1, mask=0.3)[0]
        assert targets.shape == (80, 1)
        assert (inputs["letters"] == ord("N")).mean() > 0.3


class TestNoise:
    def test_noise_depends_on_seed_and_epoch(self):
        noisy = {"slide": 2, "jitter": 0.5, "mask": 0.2, "mutate": 0.1, "balance": True}
        data = examples(60)
        run = training_batches(data, 3, 7, Augmentation(**noisy))
        whole = [rows(list(islice(run, 3))) for _ in range(3)]
        for number, expected in enumerate(whole):
            for came, wanted in zip(rows(epoch(data, 3, 7, number, **noisy)), expected, strict=True):
                np.testing.assert_array_equal(came, wanted)
        assert (whole[0][0] != whole[1][0]).any()

    def test_slides_change_only_letters(self):
        data = examples(30)
        letters, flags, targets = rows(epoch(data, 2, slide=2, strands="given"))
        index = targets[:, 0].astype(int)
        np.testing.assert_array_equal(flags, data.flags[index])
        padded = np.pad(data.letters, ((0, 0), (2, 2)), constant_values=ord("N"))
        for window, row in zip(letters, index, strict=True):
            assert any((window == padded[row, first : first + LENGTH]).all() for first in range(5))

    def test_jitter_changes_only_singletons(self):
        _, flags, targets = rows(epoch(examples(50), 1, jitter=0.01))
        moved = targets[:, 0] != np.round(targets[:, 0])
        np.testing.assert_array_equal(moved, flags[:, 1] == 1)

    @pytest.mark.parametrize("construct", [None, dataclasses.replace(CONSTRUCT, flags=("is_reverse", "other"))])
    def test_jitter_without_the_flag_changes_nothing(self, construct):
        _, _, targets = rows(epoch(examples(5, construct), 1, jitter=0.1))
        assert sorted(targets[:, 0]) == sorted([*range(5), *range(5)])

    @pytest.mark.parametrize("strands", ["augment", "pair", "given"])
    def test_balance_draws_all_bins_equally_often(self, strands):
        data = dataclasses.replace(examples(100), targets=np.array([[0]] * 90 + [[5]] * 8 + [[17]] * 2, np.float32))
        _, _, targets = rows(epoch(data, 3, balance=True, strands=strands))
        assert len(targets) == (100 if strands == "given" else 200)
        _, counts = np.unique(targets, return_counts=True)
        assert counts.max() - counts.min() <= 2


def test_input_arrays_are_not_changed():
    data = examples(9)
    before = [array.copy() for array in (data.letters, data.flags, data.targets)]
    for array in (data.letters, data.flags, data.targets):
        array.setflags(write=False)
    inputs, targets = epoch(data, 1)[0]
    inputs["letters"][:], inputs["flags"][:], targets[:] = 0, 9, 9
    for array, kept in zip((data.letters, data.flags, data.targets), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize(
    ("rows_seen", "wanted", "fitting"),
    [
        (102_400, 1024, 1024),
        (102_399, 1024, 512),
        (11_466, 1024, 64),
        (3_200, 1024, 32),
        (50, 1024, 32),
        (50, 32, 32),
        (50, 20, 20),
        (9_999, 100, 50),
    ],
)
def test_fitting_batch_size_gives_100_steps_per_epoch(rows_seen, wanted, fitting):
    assert fitting_batch_size(rows_seen, wanted) == fitting
