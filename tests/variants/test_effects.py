import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamkeras.variants.effects import Column, column_names, effect_columns, effect_values

ANSWERS = arrays(np.float32, (3, 4, 2), elements=st.integers(-8, 8))
"""Predictions of 4 members for 3 alleles and 2 tasks. They are integers, so that some effects are 0."""


@given(ANSWERS, ANSWERS)
def test_columns_equal_values_computed_for_each_member(ref, alt):
    values = effect_values(effect_columns(4), ref, alt)
    assert (values.dtype, values.shape) == (np.float32, (3, 10))
    for allele in range(3):
        for task in range(2):
            effects = [float(alt[allele, member, task]) - float(ref[allele, member, task]) for member in range(4)]
            mean = sum(effects) / 4
            sd = (sum((effect - mean) ** 2 for effect in effects) / 3) ** 0.5
            agreeing = sum((effect > 0) - (effect < 0) == (mean > 0) - (mean < 0) for effect in effects) / 4
            wanted = [ref[allele, :, task].mean(), alt[allele, :, task].mean(), mean, sd, agreeing]
            np.testing.assert_allclose(values[allele, 5 * task : 5 * task + 5], wanted, atol=1e-6)


def test_a_single_model_has_no_spread():
    ref, alt = np.array([[[1.0]], [[2.0]]]), np.array([[[4.0]], [[1.5]]])
    np.testing.assert_array_equal(effect_values(effect_columns(1), ref, alt), [[1, 4, 3], [2, 1.5, -0.5]])


def test_names_are_ordered_by_task_and_then_by_column():
    assert column_names(effect_columns(2), ("dev", "hk")) == (
        *("dev_ref", "dev_alt", "dev_effect", "dev_effect_sd", "dev_agreement"),
        *("hk_ref", "hk_alt", "hk_effect", "hk_effect_sd", "hk_agreement"),
    )


def test_additional_columns_are_computed():
    doubled = Column("doubled", lambda ref, alt: 2 * (alt - ref).mean(axis=1), "Twice the effect on {task}")
    columns = (*effect_columns(1), doubled)
    assert column_names(columns, ("y",))[-1] == "y_doubled"
    np.testing.assert_array_equal(effect_values(columns, np.zeros((1, 1, 1)), np.ones((1, 1, 1))), [[0, 1, 1, 2]])


@pytest.mark.parametrize("members", [1, 2])
def test_no_alleles_give_no_rows(members):
    columns = effect_columns(members)
    assert effect_values(columns, np.empty((0, members, 3)), np.empty((0, members, 3))).shape == (0, 3 * len(columns))
