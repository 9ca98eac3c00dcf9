import dataclasses
import json

import numpy as np
import pytest
from toy_models import write_toy_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import dreamkeras
from dreamkeras.confidence.familiarity import Familiarity
from dreamkeras.confidence.intervals import Intervals
from dreamkeras.confidence.run_file import CALIBRATION_FILE
from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.simulation.library import examples, simulate
from dreamkeras.errors import ModelError
from dreamkeras.export.calibration import calibrate_onnx
from dreamkeras.sequence.construct import YEAST

ASSAY = Assay("yeast", YEAST, ("gc",), ("letters",), read=lambda path: None)


@pytest.fixture(scope="module")
def library():
    """Returns 300 promoters whose measured value is the number of G and C in the window plus the row number."""
    made = examples(simulate(300, seed=1))
    strong = np.isin(made.letters, np.frombuffer(b"GC", np.uint8)).sum(1)
    return dataclasses.replace(made, targets=(strong + np.arange(300))[:, None].astype(np.float32))


@pytest.fixture
def model(tmp_path):
    return write_toy_model(tmp_path / "model.onnx", YEAST, ("gc",))


def test_the_calibration_is_stored_in_the_file(model, library, tmp_path):
    description, figures = calibrate_onnx(str(model), str(tmp_path / "new.onnx"), ASSAY, library)
    found = dreamkeras.load(tmp_path / "new.onnx")
    assert found.description == description
    assert Intervals.of(found).half_widths(0.9)[0] == 270  # ranks 1 to 300 of 0 to 299
    assert Familiarity.of(found).sequences == figures["n"][0] == 300
    assert dreamkeras.load(model).calibration == {}


def test_predictions_and_the_rest_of_the_description_are_unchanged(model, library, tmp_path):
    before = dreamkeras.load(model)
    calibrate_onnx(str(model), str(tmp_path / "new.onnx"), ASSAY, library)
    after = dreamkeras.load(tmp_path / "new.onnx")
    assert dataclasses.replace(after.description, calibration={}) == before.description
    np.testing.assert_array_equal(before.score_letters(library.letters), after.score_letters(library.letters))


def test_familiarity_is_measured_on_training_sequences(model, library, tmp_path):
    training = library.select(np.arange(50))
    calibrate_onnx(str(model), str(tmp_path / "new.onnx"), ASSAY, library.select(np.arange(50, 300)), training)
    found = dreamkeras.load(tmp_path / "new.onnx")
    assert (Familiarity.of(found).sequences, Intervals.of(found).residuals["gc"].n) == (50, 250)
    again, _ = calibrate_onnx(str(tmp_path / "new.onnx"), None, ASSAY, library)  # without training sequences, the familiarity is kept
    assert (again.calibration["familiarity"]["sequences"], again.calibration["intervals"]["gc"]["n"]) == (50, 300)


def test_a_run_folder_stores_the_calibration_for_later_exports(model, library, tmp_path):
    description, _ = calibrate_onnx(str(tmp_path), None, ASSAY, library)
    assert json.loads((tmp_path / CALIBRATION_FILE).read_text()) == json.loads(json.dumps(description.calibration))
    assert dreamkeras.load(tmp_path).description.calibration == json.loads((tmp_path / CALIBRATION_FILE).read_text())


def test_a_model_of_other_tasks_is_rejected_and_unchanged(model, library):
    content = model.read_bytes()
    with pytest.raises(ModelError, match="The assay yeast has the tasks other"):
        calibrate_onnx(str(model), None, ASSAY._replace(tasks=("other",)), library)
    assert model.read_bytes() == content
