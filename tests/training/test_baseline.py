"""The baseline of a run, compared with scikit-learn on plain counts, and the sentence about a network that is behind."""

import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.training import baseline as module
from dreamkeras.training.baseline import Baseline, compare, describe_behind, fit_baseline


def examples(rows, seed=0, **fields):
    """Random sequences whose value is the number of CG minus the number of TATA, with noise."""
    random = np.random.default_rng(seed)
    letters = np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, (rows, 60))]
    texts = [row.tobytes().decode() for row in letters]
    values = np.array([[text.count("CG") - 2 * text.count("TATA")] for text in texts]) + random.normal(0, 0.3, (rows, 1))
    nothing = np.zeros((rows, 0), np.float32)
    return Examples([str(row) for row in range(rows)], letters, values.astype(np.float32), nothing, np.full(rows, 60), **fields)


def plain_counts(letters):
    """Counts overlapping k-mers of 1 to 4 bases in texts, without the order of `kmer_counts`."""
    texts = [row.tobytes().decode() for row in letters]
    kmers = sorted({text[i : i + k] for k in range(1, 5) for text in texts for i in range(len(text) - k + 1)})
    return np.array([[sum(text.startswith(kmer, i) for i in range(len(text))) for kmer in kmers] for text in texts], float)


def test_predictions_equal_those_of_scikit_learn_on_plain_counts():
    training, validation = examples(120), examples(30, seed=1)
    fit = fit_baseline(training, validation, both_strands=False)
    counts = plain_counts(np.concatenate([training.letters, validation.letters]))
    other = Ridge(alpha=fit.penalties[0]).fit(counts[:120], training.targets[:, 0])
    np.testing.assert_allclose(fit.predicted[:, 0], other.predict(counts[120:]), rtol=1e-5)
    assert (fit.features, fit.rows) == (4 + 16 + 64 + 256, 120)


def test_weights_select_the_rows_that_count():
    training, validation = examples(120), examples(30, seed=1)
    noise = np.where(np.arange(120) % 2, np.float32(50), training.targets[:, 0])[:, None]
    weighted = examples(120, weights=np.arange(1, 121, dtype=np.float32) % 2)
    object.__setattr__(weighted, "targets", noise)
    half = fit_baseline(training.select(np.arange(0, 120, 2)), validation, both_strands=False)
    np.testing.assert_allclose(fit_baseline(weighted, validation, both_strands=False).predicted, half.predicted)


def test_strands_are_pooled_if_the_values_apply_to_both():
    training, validation = examples(100), examples(20, seed=1)
    turned = examples(20, seed=1)
    object.__setattr__(turned, "letters", reverse_complement(validation.letters))
    for both_strands in (True, False):
        found = [fit_baseline(training, held, both_strands).predicted for held in (validation, turned)]
        assert np.allclose(*found) == both_strands


def test_shifted_margins_are_not_counted():
    training, validation = examples(100), examples(20, seed=1)
    wide = examples(100, margin=2)
    padding = np.full((100, 2), ord("C"), np.uint8)
    object.__setattr__(wide, "letters", np.column_stack([padding, training.letters, padding]))
    found = [fit_baseline(each, validation, both_strands=False).predicted for each in (training, wide)]
    np.testing.assert_array_equal(*found)


def test_the_number_of_training_rows_is_limited_by_the_seed(monkeypatch):
    monkeypatch.setattr(module, "MOST", 50)
    training, validation = examples(100), examples(20, seed=1)
    first, again, other = (fit_baseline(training, validation, both_strands=False, seed=seed) for seed in (1, 1, 2))
    assert first.rows == 50
    np.testing.assert_array_equal(first.predicted, again.predicted)
    assert not np.allclose(first.predicted, other.predicted)


def compared(network_noise, baseline_noise, rows=200, tasks=("y",)):
    """Compares predictions with the given standard deviations of their errors, for values with standard deviation 1."""
    random = np.random.default_rng(0)
    measured = random.normal(size=(rows, len(tasks)))
    network = measured + random.normal(0, network_noise, measured.shape)
    baseline = Baseline(measured + random.normal(0, baseline_noise, measured.shape), np.full(len(tasks), 3.0), 340, 900)
    fields = compare(baseline, measured, network, tasks)
    r = [float(np.corrcoef(measured[:, place], network[:, place])[0, 1]) for place in range(len(tasks))]
    named = {task: {"r": value} for task, value in zip(tasks, r, strict=True)}
    return measured, baseline, {"r": float(np.mean(r)), "baseline": fields, **({"tasks": named} if len(tasks) > 1 else {})}


def test_metrics_equal_those_of_numpy():
    measured, baseline, metrics = compared(1, 1)
    fields, task = metrics["baseline"], metrics["baseline"]["tasks"]["y"]
    r = np.corrcoef(measured[:, 0], baseline.predicted[:, 0])[0, 1]
    assert (task["r"], task["r_squared"]) == (pytest.approx(r), pytest.approx(r**2))
    assert task["mse"] == fields["mse"] == pytest.approx(np.square(measured - baseline.predicted).mean())
    assert (task["n"], task["penalty"], fields["features"], fields["rows"]) == (200, 3.0, 340, 900)
    assert task["difference"]["value"] == pytest.approx(r - metrics["r"])


@pytest.mark.parametrize(("network", "baseline", "behind"), [(2, 0.5, True), (0.5, 2, False), (1, 0.97, False)])
def test_the_network_is_behind_only_beyond_noise(network, baseline, behind):
    metrics = compared(network, baseline)[2]
    sentence = describe_behind(metrics)
    assert bool(sentence) == behind
    if behind:
        r = (f"{metrics['r']:.3f}", f"{metrics['baseline']['r']:.3f}")
        assert f"behind its baseline, ridge regression on counts of 1- to 4-mers: validation r {r[0]} instead of {r[1]}. " in sentence
        assert sentence.endswith("Train for more epochs, lower the learning rate, try a smaller network, or check the data.")


def test_the_sentence_names_the_tasks_that_are_behind():
    metrics = compared(np.array([2, 0.2]), np.array([0.5, 0.5]), tasks=("leaf", "proto"))[2]
    assert metrics["baseline"]["behind"] == ["leaf"]
    assert f"validation r {metrics['tasks']['leaf']['r']:.3f} instead of" in describe_behind(metrics)
    assert "for leaf. " in describe_behind(metrics)


def test_a_network_with_constant_predictions_is_behind():
    random = np.random.default_rng(0)
    measured = random.normal(size=(50, 1))
    fields = compare(Baseline(measured + random.normal(size=(50, 1)), np.ones(1), 340, 90), measured, np.zeros((50, 1)), ("y",))
    assert "validation r undefined instead of" in describe_behind({"r": math.nan, "baseline": fields})


def test_a_task_without_validation_values_is_not_compared():
    fields = compare(Baseline(np.zeros((5, 1)), np.ones(1), 340, 90), np.full((5, 1), np.nan), np.zeros((5, 1)), ("y",))
    assert (fields["behind"], fields["tasks"]["y"]["n"]) == ([], 0)
    assert describe_behind({"r": math.nan, "baseline": fields}) == describe_behind({"r": 0.5}) == ""
