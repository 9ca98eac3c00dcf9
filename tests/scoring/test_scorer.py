"""Scorer, with a stub that counts letters in place of a model: no ONNX here."""

import numpy as np
import pytest
from toy_models import TOY

from dreamkeras.errors import InputError
from dreamkeras.scoring import scorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer, Wrapped


class Counter(Scorer):
    """Answers how many G a window holds and, as its standard deviation, how many A."""

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
def test_what_is_wrapped_is_like_the_other_but_for_its_answers(inner):
    outer = Doubled(inner)
    for field in ("name", "constructs", "tasks", "units", "has_spread", "columns"):
        assert getattr(outer, field) == getattr(inner, field)
    assert outer.predict(["GGGA"]).tolist() == [[6]]


def test_columns_are_split_into_mean_and_deviation():
    mean, sd = Counter().predict_spread(["GGGA", "AAAAAC"])
    assert (mean.tolist(), sd.tolist()) == ([[3], [0]], [[1], [5]])


def test_without_deviations_there_is_none():
    assert Single().predict_spread(["GGGA"]).sd is None
    assert (Single().columns, Counter().columns) == (("g",), ("g", "g_sd"))


def test_prediction_is_the_mean():
    assert Counter().predict(["GGGA"]).tolist() == Single().predict(["GGGA"]).tolist() == [[3]]


def test_letters_give_the_mean_after_they_were_looked_at():
    letters = np.frombuffer(b"GGGANNNNNNNN", np.uint8)[None]
    assert Counter().score_letters(letters).tolist() == [[3]]
    with pytest.raises(InputError, match="got 0 at row 0, column 4"):
        Counter().score_letters(np.where(letters == ord("N"), 0, letters).astype(np.uint8))


def test_sequences_go_through_in_pieces(monkeypatch):
    monkeypatch.setattr(scorer, "STRINGS_AT_ONCE", 2)
    counter = Counter()
    assert counter.predict(["GGGG"] * 5).tolist() == [[4]] * 5
    assert counter.seen == (2, 2, 1)


@pytest.mark.parametrize("missing", ["name", "constructs", "tasks", "units", "has_spread", "score_windows"])
def test_a_scorer_has_to_say_all_of_this(missing):
    members = {name: getattr(Counter, name) for name in ("name", "constructs", "tasks", "units", "has_spread", "score_windows")}
    del members[missing]
    with pytest.raises(TypeError, match=f"abstract.*{missing}"):
        type("Half", (Scorer,), members)()


def test_a_scorer_that_says_nothing_else_has_no_texts():
    assert Counter().texts == {}
    assert Doubled(Counter()).construct is TOY
