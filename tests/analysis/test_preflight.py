import re

import numpy as np
import pytest
from weight_sum import PLAIN, WeightSum

from dreamkeras.analysis import preflight as preflight_module
from dreamkeras.analysis.mutagenesis import mutagenesis
from dreamkeras.analysis.preflight import Discard, Line, StandIn, Tally, describe_contigs, describe_files, describe_regions, preflight
from dreamkeras.errors import InputError
from dreamkeras.scoring.pipeline import score_records
from dreamkeras.sequence.genome import Genome
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def records(*texts):
    return Records([f"r{i}" for i in range(len(texts))], Ragged.from_strings(texts), np.arange(1, len(texts) + 1), "a.fa")


@pytest.fixture(autouse=True)
def known_speed(monkeypatch):
    """A thousand windows a second on average, so that the reports are always the same."""
    monkeypatch.setattr(preflight_module, "batch_times", lambda scorer, batch_size, seconds: [batch_size / 800, 0.75 * batch_size / 1000])


@pytest.fixture
def genome(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTAC\n>chr2\nACGT\n")
    return Genome(str(tmp_path / "g.fa"))


class TestStandIn:
    def test_is_asked_what_the_model_would_be(self):
        texts = ["ACGTAC", "ACGTAC", "TTTT", "ACGNAC"]
        model = WeightSum()
        stand_in = StandIn(model)
        score_records([records(*texts)], model, Discard(), batch_size=2)
        score_records([records(*texts)], stand_in, Discard(), batch_size=2)
        assert (stand_in.asked, stand_in.batches) == (model.asked, 2) == (3, 2)

    def test_runs_what_is_built_on_a_model(self):
        model = WeightSum()
        stand_in = StandIn(model)
        mutagenesis(records("ACGTAC"), model)
        found = mutagenesis(records("ACGTAC"), stand_in)
        assert stand_in.asked == model.asked == 1 + 6 * 3
        assert not found.effects.any()

    def test_looks_like_the_model(self):
        model = WeightSum(tasks=2)
        stand_in, told = StandIn(model), []
        for name in ("name", "constructs", "tasks", "units", "has_spread", "columns"):
            assert getattr(stand_in, name) == getattr(model, name)
        assert stand_in.score_windows([PLAIN.windows(Ragged.from_strings(["ACGT"] * 5))], 2, told.append).shape == (5, 2)
        assert (told, stand_in.batches) == ([5], 3)


class TestTally:
    def test_counts_by_hand(self):
        tally = Tally([PLAIN])
        passed = list(tally.watch([records("ACGTN", "A", "acRt"), records("AC!T", "C", "ACGT" * 4)]))
        assert [len(batch.ids) for batch in passed] == [3, 3]
        assert (tally.records, tally.letters, tally.unknown, tally.unfit) == (6, 31, 3, 4)
        assert tally.reasons == {"Expected 2 to 12 bases for construct 'plain'": 3, "Expected DNA letters": 1}
        assert [line.text for line in tally.lines()] == [
            "6 with 31 letters, 9.7 % of them N or another code than A, C, G, T",
            "2 of 6",
            "3: Expected 2 to 12 bases for construct 'plain', got 1 in record 'r1' (a.fa, line 2)",
            "1: Expected DNA letters, got '!' at position 3 in record 'r0' (a.fa, line 1)",
        ]

    @pytest.mark.parametrize(
        ("texts", "on_error", "failure"),
        [
            (["ACGT"], "fail", ""),
            (["ACGT", "A"], "skip", ""),
            (["ACGT", "A"], "fail", "Expected 2 to 12 bases for construct 'plain', got 1 in record 'r1' (a.fa, line 2)."),
            (
                ["A"],
                "skip",
                (
                    "Expected a sequence that fits the model, got none among 1; the first: "
                    "Expected 2 to 12 bases for construct 'plain', got 1 in record 'r0' (a.fa, line 1)."
                ),
            ),
        ],
    )
    def test_fails_where_the_run_would(self, texts, on_error, failure):
        tally = Tally([PLAIN])
        list(tally.watch([records(*texts)]))
        assert tally.failure(on_error) == failure


class TestReport:
    def test_of_a_run_that_would_end_well(self):
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
            "Model        weight sum: construct plain of 12 letters; answers task 0, task 1",
            "Input        130 windows",
            "Model calls  130 windows, in batches of up to 64: 3",
        ]
        assert re.fullmatch(r"Time         about 0\.1 s: 1,000 windows a second here, and less than 0\.1 s for the files", lines[3])
        assert re.fullmatch(r"Memory       about [\d,]+ MB", lines[4])
        assert lines[5:] == ["Would run    nothing was written"]

    def test_of_an_error_keeps_what_was_found_before_it(self):
        def rehearse(stand_in, lines):
            lines.append(Line("Input", "a.fa: fasta"))
            raise InputError("Expected letters, got none.")

        report = preflight(WeightSum(), rehearse)
        assert report.failure == "Expected letters, got none."
        assert str(report).splitlines()[1:] == ["Input        a.fa: fasta", "Would fail   Expected letters, got none."]

    def test_of_a_defect_is_none(self):
        def rehearse(stand_in, lines):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            preflight(WeightSum(), rehearse)

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0.01, "less than 0.1 s"), (3.21, "about 3.2 s"), (59, "about 59 s"), (61, "about 1 min 1 s"), (7500, "about 2 h 5 min")],
    )
    def test_durations_are_for_people(self, seconds, text):
        assert preflight_module._duration(seconds) == text


class TestInputs:
    def test_formats_are_those_that_reading_finds(self, tmp_path):
        for name, text in {"a.fa": ">a\nACGT\n", "b.csv": "id,seq\na,ACGT\n", "c.txt": "ACGT\n"}.items():
            (tmp_path / name).write_text(text)
        paths = [str(tmp_path / name) for name in ("a.fa", "b.csv", "c.txt")]
        told = [f"{path}: {kind}" for path, kind in zip(paths, ("fasta", "csv", "lines"), strict=True)]
        assert [line.text for line in describe_files([*paths, "-"])] == [*told, "standard input"]

    def test_regions_on_contigs_that_are_not_there_are_counted(self, genome, tmp_path):
        (tmp_path / "r.bed").write_text("1\t0\t4\nchrX\t1\t5\nchr2\t2\t9\nchrX\t5\t9\n")
        assert [line.text for line in describe_regions([str(tmp_path / "r.bed")], genome)] == [
            f"{tmp_path}/r.bed: 4 regions",
            f"2 of 3 names are in {genome.path}",
            "chrX (2); the genome has chr1, chr2",
            "regions that end behind their contig: 1, the first chr2:2-9 in line 3",
        ]

    def test_contigs_are_matched_with_and_without_chr(self, genome):
        assert [line.text for line in describe_contigs({"1": 3, "chr2": 1}, genome)] == [f"2 of 2 names are in {genome.path}"]

    def test_of_many_that_are_not_there_five_are_named(self, genome):
        text = describe_contigs({f"s{number}": 1 for number in range(9)}, genome)[1].text
        assert text == "s0 (1), s1 (1), s2 (1), s3 (1), s4 (1), ...; the genome has chr1, chr2"
