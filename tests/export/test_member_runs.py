"""Tests that the networks of an ensemble's folder are found, and that its model is exported again."""

import json

import numpy as np
import pytest
from toy_models import write_toy_model

import dreamkeras
from dreamkeras.errors import ModelError
from dreamkeras.export.ensemble import export_again
from dreamkeras.export.member_runs import find_models, member_runs


def make(folder, config, *names):
    (folder / "config.json").write_text(json.dumps(config))
    for name in names:
        (folder / name).mkdir()
        (folder / name / "model.keras").write_bytes(b"PK\x03\x04")
    return folder


def test_the_runs_of_an_ensemble_are_in_the_order_of_their_seeds(tmp_path):
    folder = make(tmp_path, {"ensemble": 3, "seed": 9}, "seed-9", "seed-10", "seed-11", "seed-2")
    assert [run.name for run in member_runs(folder)] == ["seed-9", "seed-10", "seed-11"]
    assert find_models(folder) == [folder / name / "model.keras" for name in ("seed-9", "seed-10", "seed-11")]


def test_the_runs_of_a_cross_validation_are_in_the_order_of_their_folds(tmp_path):
    folder = make(tmp_path, {"folds": 11, "valid_fold": None}, "fold-10", "fold-2")
    assert [run.name for run in member_runs(folder)] == ["fold-2", "fold-10"]
    (tmp_path / "texts").mkdir()
    folder = make(tmp_path / "texts", {"folds": "given"}, "fold-val", "fold-chr8", "fold-train")
    assert [run.name for run in member_runs(folder)] == ["fold-chr8", "fold-train", "fold-val"]


def test_a_single_run_is_its_own_model(tmp_path):
    make(tmp_path, {"folds": 3, "valid_fold": 1}, "run")
    assert member_runs(tmp_path) == member_runs(tmp_path / "run") == member_runs(tmp_path / "nothing") == []
    assert find_models(tmp_path / "run") == [tmp_path / "run" / "model.keras"]


def test_an_unfinished_ensemble_is_refused(tmp_path):
    make(tmp_path, {"ensemble": 2}, "seed-0")
    with pytest.raises(ModelError, match=r"is not finished: seed-1 has no model\. Run: dreamkeras train --resume --out "):
        find_models(tmp_path)


def test_the_model_of_an_ensemble_is_exported_again_with_its_calibration(tmp_path):
    pytest.importorskip("onnx")
    folder = make(tmp_path, {"ensemble": 2, "assay": "table", "data": "a.tsv"}, "seed-0", "seed-1")
    for seed in (0, 1):
        write_toy_model(folder / f"seed-{seed}" / "model.onnx", weight=1 + 2 * seed)
    (folder / "metrics.json").write_text('{"r": 0.5}')
    (folder / "calibration.json").write_text('{"familiarity": {"sequences": 7}}')
    description = export_again(folder, member_runs(folder), tmp_path / "m.onnx", precision="float32", strands=None)
    assert description.calibration == {"familiarity": {"sequences": 7}}
    assert description.training == {"assay": "table", "ensemble": 2, "data": "a.tsv", "validation": {"r": 0.5}}
    np.testing.assert_allclose(dreamkeras.load(tmp_path / "m.onnx").predict(["ACGT"]), [[4, 2]])
