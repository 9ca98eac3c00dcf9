"""Tests of training and export with targets of different scales, and of runs whose export fails."""

import json

import numpy as np
import pytest
from tiny_network import tiny_preset

import dreamkeras
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import ExportError, ModelError
from dreamkeras.training.cross_validation import cross_validate
from dreamkeras.training.members.finished import is_finished
from dreamkeras.training.run import resume, train
from dreamkeras.training.run_folder import contents as folder_module

FLOAT32_ROUNDING = 4 * 2.0**-23


def write_targets(path, scale, offset, rows=320):
    """Sequences of 20 bases, whose values are their standardised GC content times a scale."""
    random = np.random.default_rng(0)
    letters = random.integers(0, 4, (rows, 20))
    values = (letters == 2).sum(1) - 0.5 * (letters == 1).sum(1) + 0.1 * random.normal(size=rows)
    values = (values - values.mean()) / values.std() * scale + offset
    texts = ("".join("ACGT"[code] for code in row) for row in letters)
    path.write_text("seq\tvalue\n" + "".join(f"{text}\t{value:.17g}\n" for text, value in zip(texts, values, strict=True)))
    return str(path)


def keras_predictions(run, letters):
    from dreamkeras.export.tracing import load_network

    return load_network(run / "model.keras").predictor().predict(letters, batch_size=64, verbose=0).astype(np.float64)


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0), (1, 0), (1e4, 0), (1e6, 0), (1e9, 0), (1, 1e6), (1e-6, -3)])
def test_targets_of_every_scale_train_and_are_exported(choose, tmp_path, scale, offset):
    from dreamkeras.export import export_onnx
    from dreamkeras.export.parity import parity_letters

    run, layout = tmp_path / "run", TableLayout(target_column=("value",), sequence_column="seq")
    with tiny_preset(exported=True):
        data = write_targets(tmp_path / "t.tsv", scale, offset)
        metrics = train(choose(data=data, assay="table", table=layout, epochs=8, batch_size=32), run)
    history = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    losses = [float(row[history[0].index("loss")]) for row in history[1:]]
    assert np.isfinite(losses).all()
    if scale > abs(offset) * 1e-6:  # otherwise float32 cannot distinguish the targets
        assert metrics["r"] > 0.3
        assert float(history[-1][history[0].index("r")]) > 0.3
    letters = parity_letters(dreamkeras.load(run, device="cpu").construct)
    expected = keras_predictions(run, letters)
    bound = expected.std() + 1e-30
    for precision, share in (("float32", 0.001), ("float16", 0.05), ("int8", 0.5)):
        file = run / "model.onnx" if precision == "float32" else tmp_path / f"{precision}.onnx"
        try:
            if precision != "float32":
                export_onnx(run, file, precision=precision)
        except ModelError as error:
            assert "standard deviations" in str(error) or "correlation with the Keras model" in str(error)  # noqa: PT017
            assert not file.exists()
            continue
        found = dreamkeras.load(file, device="cpu").score_windows([letters])
        assert np.abs(found - expected).max() <= share * bound + FLOAT32_ROUNDING * np.abs(expected).max(), precision
    assert dreamkeras.load(run, device="cpu").predict(["ACGT" * 5]).shape == (1, 1)


def refuse(*args, **options):
    raise ModelError("Expected the exported model to predict what Keras does.")


def test_a_run_with_a_failed_export_can_be_resumed(choose, tmp_path, quick):
    run, export = tmp_path / "run", folder_module.export_onnx
    quick.setattr(folder_module, "export_onnx", refuse)
    for begin in (lambda: train(choose(epochs=1), run), lambda: resume(run)):
        with pytest.raises(ExportError, match=f"The model is saved in {run} as model.keras.* Try again with: dreamkeras export {run}"):
            begin()
        assert {"model.keras", "metrics.json", "validation.tsv", "README.md", "checkpoint"} <= {path.name for path in run.iterdir()}
        assert not is_finished(run)
    quick.setattr(folder_module, "export_onnx", export)
    resume(run)
    assert is_finished(run)
    assert json.loads((run / "metrics.json").read_text())["best_epoch"] == 1


def test_other_folds_are_trained_if_an_export_fails(choose, tmp_path, quick):
    quick.setattr(folder_module, "export_onnx", refuse)
    config, lines = choose(epochs=1, folds=2), []
    with pytest.raises(ExportError, match=rf"fold-0.*fold-1.* Then run: dreamkeras train --resume --out {tmp_path / 'cv'}$"):
        cross_validate(config, tmp_path / "cv", lines.append, config.backend)
    assert all((tmp_path / "cv" / f"fold-{fold}" / "model.keras").is_file() for fold in (0, 1))
