"""Tests of `align`: where short sequences are in their windows, in training, in exported models and on both strands."""

import dataclasses
import json

import numpy as np
import pytest
from tiny_network import tiny_preset

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.evaluation.run import EvaluationChoices, choose_assay
from dreamkeras.evaluation.training_data import read_training_data
from dreamkeras.explain.mutants import Mutants
from dreamkeras.export.tracing import load_network
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.training.batches.augmentation import Augmentation
from dreamkeras.training.batches.dataset import training_batches
from dreamkeras.training.run import train

LENGTH = 30


@pytest.fixture(scope="module")
def sequences():
    generator = np.random.default_rng(0)
    return ["".join(generator.choice(list("ACGT"), LENGTH - row % 12)) for row in range(60)]


@pytest.fixture(scope="module")
def trained(sequences, choose, tmp_path_factory):
    """`trained(align, **fields)`: the folder of a run."""
    folder = tmp_path_factory.mktemp("runs")
    lines = [f"{sequence},{sequence.count('G')},{row % 4}" for row, sequence in enumerate(sequences)]
    (folder / "table.csv").write_text("\n".join(["seq,value,fold", *lines]) + "\n")

    def start(align, **fields):
        run = folder / f"{align}{len(fields)}"
        if not run.exists():
            layout = TableLayout(("value",), align=align, fold_column="fold", **fields)
            choices = {"assay": "table", "data": str(folder / "table.csv"), "batch_size": 20, "valid_fold": 0}
            with tiny_preset(exported=True):
                train(choose(table=layout, **choices), run)
        return run

    return start


PADDED = {
    "left": str.ljust,
    "right": str.rjust,
    "center": lambda text, width, fill: text.rjust((width + len(text)) // 2, fill).ljust(width, fill),
}


@pytest.mark.parametrize("align", ["right", "center"])
def test_an_exported_model_pads_short_sequences_on_the_side_of_its_training(trained, sequences, align):
    model = load(str(trained(align)))
    assert model.construct.alignment == align
    explicit = [PADDED[align](sequence, LENGTH, "N") for sequence in sequences]
    np.testing.assert_allclose(model.predict(sequences), model.predict(explicit), atol=1e-6)
    other = [PADDED["left"](sequence, LENGTH, "N") for sequence in sequences]
    assert np.abs(model.predict(sequences) - model.predict(other)).max() > 1e-3


def test_the_run_and_the_keras_file_have_the_alignment(trained):
    run = trained("right")
    config = json.loads((run / "config.json").read_text())
    assert (config["table"]["align"], config["construct"]["alignment"]) == ("right", "right")
    assert load_network(run / "model.keras").construct == load(str(run)).construct == Construct.from_json(config["construct"])
    assert "placed at the right end of the window" in (run / "README.md").read_text()


def test_mutants_are_aligned_as_their_sequence():
    construct = TableLayout(("a",), align="right", length=6).construct()
    windows = Mutants(Ragged.from_strings(["ACG"]), [construct], deletions=True).windows(0, 12)[0]
    assert [row.tobytes() for row in windows[:4]] == [b"NNNCCG", b"NNNGCG", b"NNNTCG", b"NNNNCG"]


@pytest.mark.parametrize("strands", ["augment", "pair"])
@pytest.mark.parametrize("align", ["right", "center"])
def test_networks_train_on_windows_and_their_exact_reverse_complements(align, strands):
    construct = TableLayout(("value",), both_strands=True, length=6, align=align).construct()
    letters = construct.surround(Ragged.from_strings(["ACGG", "AAT"] * 8))
    examples = Examples(
        ["a", "b"] * 8, letters, np.zeros((16, 1), np.float32), np.zeros((16, 0), np.float32), np.full(16, 4), construct=construct
    )
    inputs, _ = next(training_batches(examples, 1, 0, Augmentation(strands)))
    wanted = {
        "right": {b"NNACGG", b"CCGTNN", b"NNNAAT", b"ATTNNN"},
        "center": {b"NACGGN", b"NCCGTN", b"NAATNN", b"NNATTN"},
    }[align]
    assert {row.tobytes() for row in inputs["letters"]} == wanted


def test_both_strands_of_a_right_aligned_window_are_averaged(trained, sequences):
    run = trained("right", both_strands=True)
    model, network = load(str(run)), load_network(run / "model.keras")
    windows = model.construct.windows(Ragged.from_strings(sequences))
    assert windows[1].tobytes() == sequences[1].rjust(LENGTH, "N").encode()
    flags = np.zeros((len(windows), 0), np.float32)
    of_strands = [
        np.asarray(network.predict_on_batch({"letters": letters, "flags": flags})["expression"])
        for letters in (windows, reverse_complement(windows))
    ]
    np.testing.assert_allclose(model.predict(sequences), np.mean(of_strands, axis=0), atol=1e-4)


def test_evaluate_uses_the_alignment_of_the_model_and_refuses_another(trained, sequences):
    run = trained("right")
    models, known = [load(str(run))], [read_training_data(str(run))]
    data = json.loads((run / "config.json").read_text())["data"]
    assay = choose_assay(EvaluationChoices(data=data, models=(str(run),)), models, known)
    assert assay.read(data).letters[1].tobytes() == sequences[1].rjust(LENGTH, "N").encode()
    with pytest.raises(InputError, match="Expected align 'right', which the model was trained with, got 'left'"):
        choose_assay(EvaluationChoices(data=data, models=(str(run),), table={"align": "left"}), models, known)


def test_constructs_of_older_runs_are_aligned_left():
    stored = dataclasses.asdict(TableLayout(("a",), length=9))
    del stored["align"]
    assert TableLayout.from_json(stored).construct().alignment == "left"
