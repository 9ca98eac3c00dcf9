"""The scales of tasks, compared with their formulas, and the descriptions of models that contain scales."""

import json

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.sequence.task_scale import TaskScale, by_task

VALUES = np.array([0.25, 1.0, 3.0, 1000.0])
FORMULAS = {
    TaskScale(transform="log2"): np.log2,
    TaskScale(transform="log2", offset=0.5): lambda y: np.log2(y + 0.5),
    TaskScale(transform="log1p"): lambda y: np.log(1 + y),
    TaskScale(transform="asinh"): lambda y: np.log(y + np.sqrt(y**2 + 1)),
    TaskScale(): lambda y: y,
    TaskScale("counts"): np.log,
}


@pytest.mark.parametrize(("scale", "formula"), FORMULAS.items())
def test_the_scale_of_the_network_is_the_formula_and_natural_is_its_inverse(scale, formula):
    np.testing.assert_allclose(scale.network(VALUES), formula(VALUES), rtol=1e-12)
    np.testing.assert_allclose(scale.natural(scale.network(VALUES)), VALUES, rtol=1e-12)
    np.testing.assert_allclose(scale.from_stabilised(scale.stabilised(VALUES)), VALUES, rtol=1e-12)


def test_the_scale_of_a_binary_task_is_the_logit():
    chances = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(TaskScale("binary").network(chances), np.log(chances / (1 - chances)))
    np.testing.assert_allclose(TaskScale("binary").natural(np.log(chances / (1 - chances))), chances)
    assert np.isfinite(TaskScale("binary").network(np.array([0.0, 1.0]))).all()


def test_only_values_are_transformed_for_the_loss():
    assert TaskScale("binary").fitted(np.array([0.0, 1.0])).tolist() == [0, 1]
    assert TaskScale("counts").fitted(np.array([0.0, 7.0])).tolist() == [0, 7]
    assert TaskScale(transform="log2").fitted(np.array([8.0])).tolist() == [3]


@pytest.mark.parametrize("scale", [*FORMULAS, TaskScale("binary")])
def test_extreme_predictions_stay_finite(scale):
    extreme = np.array([-1e30, -200.0, 200.0, 1e30])
    with np.errstate(all="raise", under="ignore"):
        assert (np.abs(scale.natural(extreme)) < 3e38).all()
        assert np.isfinite(scale.fitted(np.float32([-1e30, -1, 0, 1e30]))).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"transform": "log10"}, "Expected the transform of a task to be one of none, log2, log1p, asinh, got 'log10'"),
        ({"kind": "rank"}, "Expected the kind of a task to be one of value, binary, counts, got 'rank'"),
        ({"transform": "asinh", "offset": 1.0}, "An offset requires the transformation log2, got asinh"),
        ({"transform": "log2", "offset": np.nan}, "Expected an offset between -1e36 and 1e36, got nan"),
        ({"kind": "counts", "transform": "log2"}, "Only tasks of the kind value can be transformed"),
    ],
)
def test_wrong_fields_are_one_clear_line(fields, message):
    with pytest.raises(InputError, match=message):
        TaskScale(**fields)


def test_columns_have_the_scale_of_their_task():
    scales = TaskScale(transform="log2"), TaskScale("counts")
    values = np.float32([[8, 3], [2, 4]])
    found = by_task(scales, TaskScale.fitted, values)
    assert found.tolist() == [[3, 3], [1, 4]]
    assert found.dtype == np.float32
    assert by_task((), TaskScale.fitted, values) is values


def test_a_description_keeps_scales_and_older_versions_can_read_descriptions_without_scales():
    plain = ModelDescription("m", Construct("table", 8), ("a",), ("u",))
    assert json.loads(plain.to_json())["format"] == 3
    assert "scales" not in json.loads(plain.to_json())
    assert ModelDescription.from_json(plain.to_json()) == plain
    scaled = ModelDescription("m", Construct("table", 8), ("a",), ("u",), scales=(TaskScale(transform="log2", offset=2.0),))
    assert json.loads(scaled.to_json())["format"] == 4
    assert ModelDescription.from_json(scaled.to_json()) == scaled
