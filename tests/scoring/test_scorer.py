"""Tests of `Scorer` with a stub that counts letters instead of an ONNX model."""

import numpy as np
import pytest
from toy_models import TOY

from dreamkeras.errors import InputError
from dreamkeras.scoring import scorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer, Wrapped


class Counter(Scorer):
    """Predicts the number of G in a window, with the number of A as its standard deviation."""

    name, constructs, tasks, units = "counter", (TOY,), ("g",), ("letters",)
    has_spread = True
    seen = ()

    def score_windows(self, windows, batch_size=BATCH_SIZE, progress=None):
        (letters,) = windows
        self.seen = (*self.seen, len(letters))
        return np.stack([(letters == ord(letter)).sum(1) for letter in "GA"], axis=1).astype(np.float32)


class Single(Counter):
    has_spread = False

    def score_windows(self, windows, batch_size=BATCH_SIZE, progress=None):
        return super().score_windows(windows)[:, :1]


class Doubled(Wrapped):
    def score_windows(self, windows, batch_size=BATCH_SIZE, progress=None):
        return 2 * self.scorer.score_windows(windows, batch_size, progress)


@pytest.mark.parametrize("inner", [Counter(), Single()])
def test_wrapper_delegates_everything_except_predictions(inner):
    outer = Doubled(inner)
    for field in ("name", "constructs", "tasks", "units", "has_spread", "columns"):
        assert getattr(outer, field) == getattr(inner, field)
    assert outer.predict(["GGGA"]).tolist() == [[6]]


def test_columns_are_split_into_mean_and_deviation():
    mean, sd = Counter().predict_spread(["GGGA", "AAAAAC"])
    assert (mean.tolist(), sd.tolist()) == ([[3], [0]], [[1], [5]])


def test_sd_is_none_for_a_scorer_without_deviations():
    assert Single().predict_spread(["GGGA"]).sd is None
    assert (Single().columns, Counter().columns) == (("g",), ("g", "g_sd"))


def test_prediction_is_the_mean():
    assert Counter().predict(["GGGA"]).tolist() == Single().predict(["GGGA"]).tolist() == [[3]]


def test_score_letters_checks_letters_and_returns_the_mean():
    letters = np.frombuffer(b"GGGANNNNNNNN", np.uint8)[None]
    assert Counter().score_letters(letters).tolist() == [[3]]
    with pytest.raises(InputError, match="got 0 at row 0, column 4"):
        Counter().score_letters(np.where(letters == ord("N"), 0, letters).astype(np.uint8))


def test_sequences_are_scored_in_chunks(monkeypatch):
    monkeypatch.setattr(scorer, "STRINGS_AT_ONCE", 2)
    counter = Counter()
    assert counter.predict(["GGGG"] * 5).tolist() == [[4]] * 5
    assert counter.seen == (2, 2, 1)


@pytest.mark.parametrize("missing", ["name", "constructs", "tasks", "units", "has_spread", "score_windows"])
def test_abstract_members_are_required(missing):
    members = {name: getattr(Counter, name) for name in ("name", "constructs", "tasks", "units", "has_spread", "score_windows")}
    del members[missing]
    with pytest.raises(TypeError, match=f"abstract.*{missing}"):
        type("Half", (Scorer,), members)()


def test_texts_are_empty_by_default():
    assert Counter().texts == {}
    assert Doubled(Counter()).construct is TOY
