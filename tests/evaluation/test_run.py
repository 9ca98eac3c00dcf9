"""Tests of an evaluation of windows of a genome, from files to a folder."""

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from atac_simulation import simulate_atac

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.evaluation import run as evaluation_run
from dreamkeras.evaluation.run import EvaluationChoices, run_evaluation
from dreamkeras.statistics.correlation import pearson

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    return simulate_atac(tmp_path_factory.mktemp("atac"), chromosomes=3, peaks=8)


@pytest.fixture
def evaluate(simulation, tmp_path, monkeypatch):
    """Function `evaluate(keep, summits, **fields)` that evaluates a model of GC content on the peaks in selected lines."""
    layout = AtacLayout(simulation.genome, simulation.signal, None, length=300, profile_length=100, jitter=0)

    def evaluate(keep, summits=None, **fields):
        lines = Path(simulation.peaks).read_text().splitlines(keepends=True)
        (tmp_path / "test.narrowPeak").write_text("".join(filter(keep, lines)))
        (tmp_path / "run").mkdir()
        config = {"assay": "atac", "atac": dataclasses.asdict(layout), "data": simulation.peaks, "valid_fold": "chr2", **fields}
        (tmp_path / "run" / "config.json").write_text(json.dumps(config))
        model = SimpleNamespace(name="run", tasks=("log_counts",), construct=layout.construct(), score_letters=lambda given, *_: gc(given))
        monkeypatch.setattr(evaluation_run, "load", lambda *_: model)
        choices = EvaluationChoices(str(tmp_path / "test.narrowPeak"), (str(tmp_path / "run"),), draws=20, summits=summits)
        return *run_evaluation(choices, tmp_path / "out", "x"), tmp_path / "out"

    return evaluate


def gc(letters):
    return np.isin(letters, [ord("G"), ord("C")]).mean(1)[:, None]


def by_hand(simulation, contig):
    """Computes measured and predicted values of the peaks on a chromosome directly."""
    starts = simulation.summits[contig] - 150
    measured = [np.log1p(simulation.counts[contig][start + 100 : start + 200].sum()) for start in starts]
    return np.array(measured), np.array([gc(simulation.letters[contig][None, start : start + 300])[0, 0] for start in starts])


def test_metrics_of_peaks_and_all_windows_and_the_remark_on_non_peaks(evaluate, simulation, capsys):
    found, notes, folder = evaluate(lambda line: line.startswith("chr2"))
    alone, whole = found.peaks.figures["run"]["log_counts"], found.figures["run"]["log_counts"]
    assert alone.n == 8
    assert alone.r.value == pytest.approx(pearson(*by_hand(simulation, "chr2")), abs=1e-6)
    others = whole.n - 8
    assert others > 0
    added = f"{others} of the {whole.n} windows are non-peaks, which were added to the 8 peaks in test.narrowPeak"
    assert any(remark.startswith(added) for remark in notes.remarks)
    assert capsys.readouterr() == ("", "")  # no messages about the training file
    rows = [line.split("\t") for line in (folder / "figures.tsv").read_text().splitlines()]
    assert [row[:4] for row in rows] == [
        ["model", "task", "windows", "n"], ["run", "log_counts", "peaks", "8"], ["run", "log_counts", "all", str(whole.n)],
    ]  # fmt: skip
    assert json.loads((folder / "evaluation.json").read_text())["peaks"]["figures"]["run"]["log_counts"]["n"] == 8
    page = (folder / "report.html").read_text()
    assert "Metrics for peaks" in page
    assert "Metrics for all windows" in page
    kinds = [line.split("\t")[1] for line in (folder / "predictions.tsv").read_text().splitlines()]
    assert kinds == ["is_peak", *["1"] * 8, *["0"] * others]


def test_a_single_peak_has_no_separate_metrics(evaluate, simulation):
    first = Path(simulation.peaks).read_text().splitlines(keepends=True)[0]
    found, notes, _ = evaluate(lambda line: line == first)
    assert (found.peaks, found.figures["run"]["log_counts"].n) == (None, 2)
    added = "1 of the 2 windows is a non-peak, which was added to the 1 peak in test.narrowPeak. Metrics are reported for all windows "
    assert any(remark.startswith(added) for remark in notes.remarks)


@pytest.mark.parametrize(("trained", "chosen", "about"), [
    (None, None, "summits, from column 10"), (None, False, "middle"), (False, None, "middle"), (False, True, "summits, from column 10"),
])  # fmt: skip
def test_windows_are_centred_as_in_training_or_as_chosen(evaluate, simulation, trained, chosen, about):
    layout = AtacLayout(simulation.genome, simulation.signal, None, length=300, profile_length=100, jitter=0, summits=trained)
    _, notes, _ = evaluate(lambda line: line.startswith("chr2"), chosen, atac=dataclasses.asdict(layout))
    assert f"test.narrowPeak: regions are centred on their {about}." in "\n".join(notes.remarks)


def test_a_held_out_chromosome_is_reported_as_validation_data(evaluate):
    _, notes, _ = evaluate(lambda line: line.startswith("chr2"))
    (warning,) = notes.warnings
    assert warning.startswith("run: 8 of the ")
    assert re.search(r" windows in test\.narrowPeak are validation windows( and \d+ overlap them)?: ", warning)
    assert warning.endswith(": the saved epoch may have been chosen with them.")


def test_training_windows_in_the_test_set_are_counted(evaluate):
    found, notes, _ = evaluate(lambda line: line.startswith("chr1"))
    (warning,) = notes.warnings
    told = re.match(r"run: (\d+) of the (\d+) windows in test\.narrowPeak are training windows", warning)
    count, total = map(int, told.groups())
    assert 8 <= count <= total == found.figures["run"]["log_counts"].n
