import json

import pytest

from dreamkeras.errors import ModelError
from dreamkeras.export.training_summary import CHOICES, OPTIONS, read_training_summary


def test_choices_and_metrics(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({name: name for name in CHOICES} | {"data": "/home/me/private.tsv"}))
    (tmp_path / "metrics.json").write_text('{"r": 0.7}')
    assert read_training_summary(tmp_path) == {name: name for name in CHOICES} | {"data": "private.tsv", "validation": {"r": 0.7}}


def test_missing_values_are_omitted(tmp_path):
    (tmp_path / "config.json").write_text('{"seed": 0, "epochs": null}')
    assert read_training_summary(tmp_path) == {"seed": 0, "data": "simulated"}


def test_options_are_included_if_they_are_set(tmp_path):
    (tmp_path / "config.json").write_text('{"seed": 0, "slide": 3, "jitter": 0.0, "balance": false, "ema": null, "data": "d"}')
    assert read_training_summary(tmp_path) == {"seed": 0, "slide": 3, "data": "d"}


def test_other_runs_are_included_by_name_without_their_folder(tmp_path):
    chosen = {"init_from": "/home/me/runs/human", "freeze": ["first"], "bias": "/home/me/runs/bias", "data": "d"}
    (tmp_path / "config.json").write_text(json.dumps(chosen))
    assert read_training_summary(tmp_path) == chosen | {"init_from": "human", "bias": "bias"}


def test_published_weights_have_a_source_and_no_data(tmp_path):
    config = {"model": "dream-rnn", "assay": "yeast", "source": "model_best.pth", "sha256": "ab"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_training_summary(tmp_path) == config


def test_summary_of_an_empty_folder_is_empty(tmp_path):
    assert read_training_summary(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "part"), [("{", r"Cannot read .*metrics\.json as JSON: "), ("[1]", "Expected a JSON object in .*, got a list")]
)
def test_the_error_for_a_malformed_file_has_its_path(tmp_path, text, part):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ModelError, match=rf"{part}.*"):
        read_training_summary(tmp_path)


def test_all_names_are_fields_of_a_run_config():
    config = pytest.importorskip("dreamkeras.training.config", reason="no training here")
    assert {*CHOICES, *OPTIONS} <= set(config.RunConfig.__dataclass_fields__)


def test_the_network_of_an_older_run_has_its_current_name(tmp_path):
    (tmp_path / "config.json").write_text('{"model": "bhi,bhi,bhi", "data": null}')
    assert read_training_summary(tmp_path)["model"] == "bhi,bhi,bhi-mean"
