import numpy as np
import pytest
from troubled_vcf import HEADER, fasta, troubled_lines
from weight_sum import PLAIN, WeightSum

from dreamkeras.genome.reference import Genome
from dreamkeras.scoring.shards import Shards
from dreamkeras.variants.files import open_table_sink
from dreamkeras.variants.run import run_variants
from dreamkeras.variants.scoring import VariantScorer
from dreamkeras.variants.sources import VcfSource
from dreamkeras.variants.status import WORDS
from dreamkeras.variants.windows import Placement


class Failing(WeightSum):
    """Model that raises an error on the third call."""

    def score_windows(self, windows, batch_size=64, progress=None):
        self.calls = getattr(self, "calls", 0) + 1
        return super().score_windows(windows, batch_size, progress) / (self.calls != 3)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function `run(predictor, name, shards)` that runs over 300 records in batches of 50, and returns the summary and the output."""
    monkeypatch.setattr("dreamkeras.formats.vcf.BATCH_ROWS", 50)
    (tmp_path / "g.fa").write_text(fasta())
    (tmp_path / "a.vcf").write_text(HEADER + "".join(line + "\n" for line, _ in troubled_lines(300)))
    source = VcfSource(str(tmp_path / "a.vcf"), Genome(str(tmp_path / "g.fa")), Placement.choose([PLAIN]), [PLAIN])

    def ran(predictor, name, shards=None, progress=None):
        scorer, headers = VariantScorer(predictor), []

        def opened(header):
            headers.append(b"\n".join(header).decode() + "\n")
            return open_table_sink(str(tmp_path / name), source.keys, scorer.names)

        with np.errstate(all="raise"):
            summary = run_variants(source, scorer, opened, shards=shards, progress=progress)
        assert headers == [HEADER] * (1 if shards is None else 2)
        return summary, (tmp_path / name).read_bytes()

    return ran


def test_all_records_are_counted_and_written(run):
    told = []
    summary, written = run(WeightSum(), "o.tsv", progress=told.append)
    statuses = [status for _, alleles in troubled_lines(300) for status in alleles]
    assert summary.records == sum(told) == 300
    assert summary.words() == {word: statuses.count(word) for word in WORDS if word in statuses}
    assert written.count(b"\n") == 1 + len(statuses)


def test_resumed_run_scores_only_missing_batches_and_writes_the_same_bytes(run, tmp_path):
    whole = WeightSum()
    summary, wanted = run(whole, "whole.tsv")
    with pytest.raises(FloatingPointError):
        run(Failing(), "o.tsv", Shards(tmp_path / "kept", {}))
    assert not (tmp_path / "o.tsv").exists()
    again, told = WeightSum(), []
    assert run(again, "o.tsv", Shards(tmp_path / "kept", {}), told.append) == (summary, wanted)
    assert (Shards(tmp_path / "kept", {}).done, sum(told)) == (6, 300)
    assert 0 < again.asked < whole.asked
    done = WeightSum()
    assert run(done, "o.tsv", Shards(tmp_path / "kept", {}))[1] == wanted
    assert done.asked == 0
