import pytest
from toy_models import TOY, write_toy_model

from dreamkeras.cli.opening import open_models, report_packaged
from dreamkeras.errors import ModelError
from dreamkeras.scoring.predictor import BATCH_SIZE, load


def test_the_packaged_model_is_the_default_and_reported(capsys):
    predictor, size = open_models((), "cpu", None, None)
    assert (predictor.name, size) == (load(device="cpu").name, BATCH_SIZE)
    report_packaged((), predictor)
    assert capsys.readouterr().err == f"No -m given: used the packaged model {predictor.name} (construct yeast).\n"


def test_a_named_model_is_not_reported(toy_model, capsys):
    predictor, size = open_models((str(toy_model),), "cpu", 7, 1)
    assert (predictor.construct, predictor.has_spread, size) == (TOY, False, 7)
    report_packaged((str(toy_model),), predictor)
    assert capsys.readouterr().err == ""


def test_several_models_are_an_ensemble(toy_model, tmp_path):
    other = write_toy_model(tmp_path / "other.onnx", weight=2)
    predictor, _ = open_models((str(toy_model), str(other)), "cpu", None, 1)
    assert predictor.has_spread


def test_measured_values_are_printed(toy_model, capsys):
    _, size = open_models((str(toy_model),), "cpu", "auto", "auto")
    assert f"with batch size {size:,} and" in capsys.readouterr().err


def test_a_missing_model_is_an_error():
    with pytest.raises(ModelError, match="does not exist"):
        open_models(("none.onnx",), "cpu", None, None)
