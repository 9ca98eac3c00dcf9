"""Tests of `both_strands`: equal predictions for both strands, and runs of older versions, whose networks have a strand flag."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_network import tiny_preset

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples, fingerprint
from dreamkeras.errors import InputError
from dreamkeras.evaluation.run import EvaluationChoices, choose_assay, run_evaluation
from dreamkeras.evaluation.training_data import compare_with_training, read_training_data
from dreamkeras.export.calibration import calibrate_onnx
from dreamkeras.export.tracing import load_network
from dreamkeras.models.gradients import Attributor
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.training.batches.augmentation import Augmentation
from dreamkeras.training.batches.dataset import training_batches
from dreamkeras.training.cross_validation import cross_validate
from dreamkeras.training.run import resume, train
from dreamkeras.training.run_data import read_begun, read_data

LAYOUT = TableLayout(("value",), both_strands=True)
OLD = {**TableLayout(("value",), both_strands=True, length=30).construct().to_json(), "flags": ["is_reverse"]}
"""Construct of `--both-strands` in version 0.1."""


def turned(sequences):
    return [sequence[::-1].translate(str.maketrans("ACGT", "TGCA")) for sequence in sequences]


@pytest.fixture(scope="module")
def sequences():
    generator = np.random.default_rng(0)
    return ["".join(generator.choice(list("ACGT"), 30)) for _ in range(60)]


@pytest.fixture(scope="module")
def table(sequences, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "table.csv"
    lines = [f"{sequence},{sequence.count('G')},{row % 2}" for row, sequence in enumerate(sequences)]
    path.write_text("\n".join(["seq,value,fold", *lines]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def begin(table, choose):
    """`begin(folder, **choices)`: starts a run with the layout on the table."""

    def start(folder, **choices):
        return train(choose(**{"assay": "table", "data": table, "table": LAYOUT, "batch_size": 20, **choices}), folder)

    return start


def forget_construct(folder):
    """Changes a run folder to the form of version 0.1."""
    fields = json.loads((folder / "config.json").read_text())
    del fields["construct"]
    (folder / "config.json").write_text(json.dumps(fields))


def begin_with_flags(folder):
    """Gives a run folder of version 0.1 the fingerprint of its data, which had the flag `is_reverse` in that version."""
    begun = read_begun(folder / "config.json")
    data = read_data(begun)
    dataclasses.replace(begun, construct=None, fingerprint=fingerprint(data.training, data.validation)).write(folder / "config.json")


@pytest.fixture(scope="module")
def old(begin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "old"
    with tiny_preset(exported=True):
        begin(folder, construct=OLD)
    forget_construct(folder)
    return folder


@pytest.fixture(scope="module")
def new(begin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "new"
    with tiny_preset(exported=True):
        begin(folder, test_shifts=1)
    return folder


def test_a_sequence_and_its_reverse_complement_have_equal_predictions(new, sequences):
    model = load(str(new))
    assert model.construct.flags == ()
    sequences = [sequence[: 30 - row % 13] for row, sequence in enumerate(sequences)] + ["N" + sequences[0][:10] + "NN"]
    one, other = model.predict(sequences), model.predict(turned(sequences))
    assert np.ptp(one) > 0.01
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("strategy", ["autosome", "bhi"])
def test_short_inserts_are_left_aligned_on_both_strands(strategy):
    construct = TableLayout(("value",), both_strands=True, length=6).construct()
    letters = construct.surround(Ragged.from_strings(["ACGG", "AAT"] * 8))
    examples = Examples(
        ["a", "b"] * 8, letters, np.zeros((16, 1), np.float32), np.zeros((16, 0), np.float32), np.full(16, 4), construct=construct
    )
    strands = {"autosome": "augment", "bhi": "pair"}[strategy]
    inputs, _ = next(training_batches(examples, 1, 0, Augmentation(strands)))
    assert {row.tobytes() for row in inputs["letters"]} == {b"ACGGNN", b"CCGTNN", b"AATNNN", b"ATTNNN"}


def test_contributions_of_both_strands_are_equal(new, sequences):
    attributor = Attributor(load_network(new / "model.keras"), "gradient")
    short = [sequence[:17] for sequence in sequences[:4]]
    one, other = (
        attributor.attribute(Records(list("abcd"), Ragged.from_strings(texts), np.arange(4), "-")) for texts in (short, turned(short))
    )
    np.testing.assert_allclose(one.reference, other.reference, atol=1e-5)
    scores, turned_scores = (found.scores.reshape(4, 17, 4, -1) for found in (one, other))
    np.testing.assert_allclose(scores, turned_scores[:, ::-1, ::-1], atol=1e-5)
    assert np.abs(scores).max() > 1e-3


def test_a_reverse_mark_still_sets_the_flag():
    assert TableLayout(("a",), reverse_mark="_-", length=9).construct().flags == ("is_reverse",)


def test_a_run_keeps_its_construct(new):
    assert json.loads((new / "config.json").read_text())["construct"] == load(str(new)).construct.to_json()


class TestOlderRuns:
    def test_older_runs_predict_as_before(self, old, sequences):
        model = load(str(old))
        assert model.construct.to_json() == OLD
        assert np.abs(model.predict(sequences) - model.predict(turned(sequences))).max() > 1e-4

    def test_older_runs_can_be_resumed(self, begin, tmp_path, quick):
        begin(tmp_path / "whole", construct=OLD, epochs=3)
        begin(tmp_path / "killed", construct=OLD, epochs=2)
        forget_construct(tmp_path / "killed")
        fields = json.loads((tmp_path / "killed" / "config.json").read_text())
        (tmp_path / "killed" / "config.json").write_text(json.dumps({**fields, "epochs": 3}))
        network = resume_network(tmp_path / "killed", quick)
        assert network.construct.flags == ("is_reverse",)
        with open(tmp_path / "killed" / "history.csv") as file:
            assert len(list(csv.DictReader(file))) == 3

    def test_remaining_folds_have_the_construct_of_finished_folds(self, table, choose, tmp_path):
        from dreamkeras.training import cross_validation

        layout = TableLayout(("value",), both_strands=True, fold_column="fold")
        choices = choose(assay="table", data=table, table=layout, batch_size=20, folds="given", epochs=1)
        with tiny_preset() as patch:
            patch.setattr(cross_validation, "export_ensemble", lambda folders, output, **options: output.touch())
            cross_validate(choices, tmp_path / "cv", print)
            for name in ("", "fold-0"):
                forget_construct(tmp_path / "cv" / name)
            begin_with_flags(tmp_path / "cv" / "fold-0")
            for path in sorted((tmp_path / "cv" / "fold-1").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            cross_validate(choices, tmp_path / "cv", print, resume=True)
        assert json.loads((tmp_path / "cv" / "fold-1" / "config.json").read_text())["construct"]["flags"] == ["is_reverse"]

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"assay": "table", "table": {"target_column": ("value",)}},
            {"assay": "table", "table": {"target_column": ("value",), "both_strands": True}},
        ],
        ids=["none", "columns", "all"],
    )
    def test_older_runs_can_be_evaluated(self, old, table, sequences, tmp_path, options):
        run_evaluation(EvaluationChoices(data=table, models=(str(old),), draws=5, **options), tmp_path / "out", "evaluate")
        with open(tmp_path / "out" / "predictions.tsv") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        found = [float(value) for row in rows for name, value in row.items() if "old" in name]
        np.testing.assert_allclose(found, load(str(old)).predict(sequences)[:, 0], rtol=1e-4)

    def test_older_and_newer_runs_can_be_compared(self, old, new, table, tmp_path):
        found, _ = run_evaluation(EvaluationChoices(data=table, models=(str(old), str(new)), draws=5), tmp_path / "out", "evaluate")
        assert set(found.figures) == {"old", "new"}

    @pytest.mark.parametrize("options", [{}, {"assay": "table", "table": {"target_column": ("value",)}}], ids=["none", "columns"])
    def test_older_runs_can_be_calibrated(self, old, table, tmp_path, options):
        known, predictor = read_training_data(str(old)), load(str(old))
        assay = choose_assay(EvaluationChoices(table, (str(old),), **options), [predictor], [known])
        held_out = assay.read(table)
        assert sum(map(sum, compare_with_training(known, held_out).overlaps)) == len(held_out)
        description, _ = calibrate_onnx(str(old), str(tmp_path / "out.onnx"), assay, held_out)
        assert description.construct.to_json() == OLD
        assert Path(tmp_path / "out.onnx").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 40}, "Expected length 30, which the model was trained with, got 40"),
        ({"left_flank": "ACGT"}, "Expected left_flank '', which the model was trained with, got 'ACGT'"),
        ({"right_adapter": "ACGT"}, "Expected right_adapter ''"),
    ],
)
def test_options_that_contradict_the_model_are_refused(new, table, options, message):
    choices = EvaluationChoices(table, (str(new),), assay="table", table={"target_column": ("value",), **options})
    with pytest.raises(InputError, match=message):
        choose_assay(choices, [load(str(new))], [None])


def resume_network(folder, quick):
    """Resumes a run and returns its network, instead of writing results."""
    quick.setattr("dreamkeras.training.run.write_results", lambda folder, config, trained, *parts: trained.model)
    return resume(folder)


def test_the_saved_network_has_no_strand_flag(new):
    assert load_network(new / "model.keras").construct.flags == ()
