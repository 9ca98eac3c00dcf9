import re
import sys

import numpy as np
import pytest
from weight_sum import PLAIN, WeightSum

from dreamkeras.cli.preflight import estimate as preflight_module
from dreamkeras.cli.preflight.estimate import Discard, StandIn, preflight
from dreamkeras.cli.preflight.inventory import Line
from dreamkeras.errors import InputError
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.scoring.pipeline import score_records
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def records(*texts):
    return Records([f"r{i}" for i in range(len(texts))], Ragged.from_strings(texts), np.arange(1, len(texts) + 1), "a.fa")


@pytest.fixture(autouse=True)
def known_speed(monkeypatch):
    """Fixes the measured speed at 1,000 windows per second, so that reports are reproducible."""
    monkeypatch.setattr(preflight_module, "batch_times", lambda scorer, batch_size, seconds: [batch_size / 800, 0.75 * batch_size / 1000])


class TestStandIn:
    def test_scores_the_same_windows_as_the_model(self):
        texts = ["ACGTAC", "ACGTAC", "TTTT", "ACGNAC"]
        model = WeightSum()
        stand_in = StandIn(model)
        score_records([records(*texts)], model, Discard(), batch_size=2)
        score_records([records(*texts)], stand_in, Discard(), batch_size=2)
        assert (stand_in.asked, stand_in.batches) == (model.asked, 2) == (3, 2)

    def test_can_replace_the_model_in_analyses(self):
        model = WeightSum()
        stand_in = StandIn(model)
        mutagenesis(records("ACGTAC"), model)
        found = mutagenesis(records("ACGTAC"), stand_in)
        assert stand_in.asked == model.asked == 1 + 6 * 3
        assert not found.effects.any()

    def test_has_the_properties_of_the_model(self):
        model = WeightSum(tasks=2)
        stand_in, told = StandIn(model), []
        for name in ("name", "constructs", "tasks", "units", "has_spread", "columns", "texts"):
            assert getattr(stand_in, name) == getattr(model, name)
        assert stand_in.score_windows([PLAIN.windows(Ragged.from_strings(["ACGT"] * 5))], 2, told.append).shape == (5, 2)
        assert (told, stand_in.batches) == ([5], 3)


class TestReport:
    def test_a_run_that_would_succeed(self):
        def rehearse(stand_in, lines):
            stand_in.score_windows([np.zeros((130, 12), np.uint8)])
            lines.append(Line("Input", "130 windows"))
            return ""

        report = preflight(WeightSum(tasks=2), rehearse)
        assert (report.failure, report.windows) == ("", 130)
        assert report.seconds == pytest.approx(0.13, abs=0.05)
        assert report.megabytes > 10
        lines = str(report).splitlines()
        assert lines[:3] == [
            "Model        weight sum: input construct plain of 12 bases, predicted columns task 0, task 1",
            "Input        130 windows",
            "Model calls  130 windows in 3 batches of up to 64 windows",
        ]
        assert re.fullmatch(
            r"Time         about 0\.1 s at 1,000 windows per second, of which reading the files takes less than 0\.1 s", lines[3]
        )
        assert re.fullmatch(r"Memory       about [\d,]+ MB", lines[4])
        assert lines[5:] == ["Would run    nothing was written"]

    def test_on_windows_has_no_line_on_memory(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "resource", None)  # the module does not exist there
        report = preflight(WeightSum(), lambda stand_in, lines: "")
        assert report.megabytes == 0
        assert "Memory" not in str(report)

    def test_an_error_keeps_earlier_lines(self):
        def rehearse(stand_in, lines):
            lines.append(Line("Input", "a.fa: fasta"))
            raise InputError("Expected letters, got none.")

        report = preflight(WeightSum(), rehearse)
        assert report.failure == "Expected letters, got none."
        assert str(report).splitlines()[1:] == ["Input        a.fa: fasta", "Would fail   Expected letters, got none."]

    def test_a_bug_is_raised(self):
        def rehearse(stand_in, lines):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            preflight(WeightSum(), rehearse)

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0.01, "less than 0.1 s"), (3.21, "about 3.2 s"), (59, "about 59 s"), (61, "about 1 min 1 s"), (7500, "about 2 h 5 min")],
    )
    def test_durations_are_readable(self, seconds, text):
        assert preflight_module._duration(seconds) == text
