import numpy as np

from dreamkeras.export.traced import Traced
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.description import ModelDescription


def test_reading_a_written_folder_returns_the_same(tmp_path):
    traced = Traced(b"graph", ModelDescription("m", YEAST, ("a", "b"), ("x", "y"), versions={"keras": "3"}), np.ones((3, 2), np.float32))
    traced.write(tmp_path)
    again = Traced.read(tmp_path)
    assert again[:2] == traced[:2]
    np.testing.assert_array_equal(again.predicted, traced.predicted)
    assert again.predicted.dtype == np.float32
