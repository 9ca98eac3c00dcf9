"""Tests of each check with a block that fails only this check."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamkeras.layers.slots import BLOCKS, Core
from dreamkeras.training.check import contract as block_check
from dreamkeras.training.check.contract import CHECKS, check_block


class Sound(Core):
    def __init__(self, channels=4, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.dense = layers.Dense(channels, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        return self.dense(features)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


class OneLength(Sound):
    def call(self, features):
        return ops.reshape(super().call(features), (-1, 40, self.channels))


class MixesRows(Sound):
    def call(self, features):
        features = super().call(features)
        return features - ops.mean(features, axis=0, keepdims=True)


class IdleWeight(Sound):
    def build(self, input_shape):
        super().build(input_shape)
        self.idle = self.add_weight(shape=(3,), name="idle")


class ForgetsItsConfig(Sound):
    def __init__(self, **kwargs):
        super().__init__(4, **kwargs)
        self.shift = float(np.random.default_rng(ForgetsItsConfig.made).uniform(1, 9))
        ForgetsItsConfig.made += 1

    made = 0

    def call(self, features):
        return super().call(features) * self.shift

    def get_config(self):
        return super(Sound, self).get_config()


class FloatsOnly(Sound):
    def call(self, features):
        if keras.backend.standardize_dtype(features.dtype) != "float32":
            raise TypeError("float32 wanted")
        return super().call(features)


@pytest.fixture
def outcomes(monkeypatch):
    def check(block):
        monkeypatch.setitem(BLOCKS["core"], "mine", keras.saving.register_keras_serializable("test_block_check")(block))
        return {check: reason for check, reason in check_block("core", "mine") if reason}

    return check


@pytest.fixture
def without_export(monkeypatch):
    """Skips the export, whose process cannot import a test module. tests/cli/commands/test_check.py exports an example."""
    monkeypatch.setattr(block_check, "CHECKS", {check: run for check, run in CHECKS.items() if check != "exports to ONNX"})


@pytest.mark.usefixtures("without_export")
def test_a_correct_block_passes_all_checks(outcomes):
    assert outcomes(Sound) == {}


@pytest.mark.parametrize("name", ["autosome", "bhi", "unlockdna"])
def test_a_final_block_learns_from_the_truths_of_its_heads(name, monkeypatch):
    monkeypatch.setattr(block_check, "CHECKS", {"trains every weight": CHECKS["trains every weight"]})
    assert check_block("final", name) == [("trains every weight", "")]


def test_a_final_block_with_a_profile_is_given_profiles(monkeypatch):
    checks = {check: run for check, run in CHECKS.items() if "export" not in check and "ONNX" not in check}
    monkeypatch.setattr(block_check, "CHECKS", checks)
    assert [outcome for outcome in check_block("final", "profile") if outcome.reason] == []


def test_a_final_block_that_requires_tokens_fails_with_the_positions():
    assert "a core that returns 40 positions" in check_block("final", "proformer")[0].reason


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize(
    ("block", "broken", "reason"),
    [
        (OneLength, ["builds at any length"], "OneLength"),
        (MixesRows, ["predicts rows independently"], "batch"),
        (IdleWeight, ["trains every weight"], "idle"),
        (ForgetsItsConfig, ["saves and loads"], "config"),
        (FloatsOnly, ["trains in bfloat16", "trains in float16"], "float32 wanted"),
    ],
)
def test_the_failed_check_is_reported(outcomes, block, broken, reason):
    found = outcomes(block)
    assert list(found) == broken
    assert all(reason in text for text in found.values())


@pytest.mark.usefixtures("without_export")
def test_checks_restore_the_dtype_policy(outcomes):
    before = keras.config.dtype_policy().name
    outcomes(FloatsOnly)
    assert keras.config.dtype_policy().name == before
