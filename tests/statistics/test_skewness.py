"""The suggestion of a transformation for skewed values."""

import numpy as np
import pytest
from scipy import stats

from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.skewness import describe_skewness, skewness

RANDOM = np.random.default_rng(2)
NORMAL = RANDOM.normal(size=3000)
CASES = {
    "log2": (np.exp(1.5 * NORMAL), "--transform log2 "),
    "log1p": (np.floor(np.exp(1 + NORMAL)), "--transform log1p "),
    "small values with zeros": (np.maximum(np.exp(1.5 * NORMAL) - 0.05, 0) * 1e-6, "--transform log2 --offset "),
    "negative values": (np.sinh(2 * NORMAL + 1), "--transform asinh "),
}


def test_skewness_is_that_of_scipy():
    for values in (NORMAL, np.exp(NORMAL), 1e30 * np.exp(NORMAL)):
        assert skewness(values) == pytest.approx(stats.skew(values))
    assert skewness(np.full(9, 0.1)) == 0


@pytest.mark.parametrize("case", CASES)
def test_a_transformation_is_suggested_for_skewed_values(case):
    values, option = CASES[case]
    text = describe_skewness(np.float32(values)[:, None], ["y"])
    assert f"skewness {stats.skew(np.float32(values)):.1f}" in text
    assert option in text


@pytest.mark.parametrize("values", [NORMAL, np.exp(0.4 * NORMAL), np.full(3000, 2.0), np.exp(3 * NORMAL)[:20]])
def test_nothing_is_suggested_for_symmetric_constant_or_few_values(values):
    assert describe_skewness(np.float32(values)[:, None], ["y"]) == ""


def test_nothing_is_suggested_if_no_transformation_helps():
    values = np.where(np.arange(3000) % 100, 1.0, 2.0)
    assert abs(stats.skew(values)) > 2
    assert describe_skewness(np.float32(values)[:, None], ["y"]) == ""


def test_a_transformation_must_be_defined_for_all_tasks():
    targets = np.float32(np.stack([np.exp(1.5 * NORMAL), NORMAL], axis=1))
    assert describe_skewness(targets, ["a", "b"]) == ""
    assert "of a are skewed" in describe_skewness(np.where(targets < 0, np.nan, targets), ["a", "b"])


def test_transformed_tasks_are_not_named_and_zeros_and_ones_suggest_a_binary_task():
    targets = np.float32(np.exp(1.5 * NORMAL))[:, None]
    assert describe_skewness(targets, ["y"], (TaskScale(transform="log2"),)) == ""
    zeros = np.float32(NORMAL > 2)[:, None]
    assert "--task-kind binary" in describe_skewness(zeros, ["y"])
    assert describe_skewness(zeros, ["y"], (TaskScale("binary"),)) == ""


def test_skewed_whole_numbers_also_suggest_counts():
    assert "--task-kind counts" in describe_skewness(np.float32(CASES["log1p"][0])[:, None], ["y"])
