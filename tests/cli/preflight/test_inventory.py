import numpy as np
import pytest
from weight_sum import PLAIN

from dreamkeras.cli.preflight.inventory import Tally, describe_contigs, describe_files, describe_regions
from dreamkeras.genome.reference import Genome
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def records(*texts):
    return Records([f"r{i}" for i in range(len(texts))], Ragged.from_strings(texts), np.arange(1, len(texts) + 1), "a.fa")


@pytest.fixture
def genome(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTAC\n>chr2\nACGT\n")
    return Genome(str(tmp_path / "g.fa"))


class TestTally:
    def test_records_are_counted(self):
        tally = Tally([PLAIN])
        passed = list(tally.watch([records("ACGTN", "A", "acRt"), records("AC!T", "C", "ACGT" * 4)]))
        assert [len(batch.ids) for batch in passed] == [3, 3]
        assert (tally.records, tally.letters, tally.unknown, tally.unfit) == (6, 31, 3, 4)
        assert tally.reasons == {"Expected 2 to 12 bases for construct 'plain'": 3, "Expected DNA letters": 1}
        assert [line.text for line in tally.lines()] == [
            "6 with 31 bases, 9.68 % of them other than A, C, G and T",
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
                    "No sequence fits the model. The first one: "
                    "Expected 2 to 12 bases for construct 'plain', got 1 in record 'r0' (a.fa, line 1)."
                ),
            ),
        ],
    )
    def test_failure_is_that_of_the_run(self, texts, on_error, failure):
        tally = Tally([PLAIN])
        list(tally.watch([records(*texts)]))
        assert tally.failure(on_error) == failure


class TestInputs:
    def test_formats_are_recognised_as_by_the_reader(self, tmp_path):
        for name, text in {"a.fa": ">a\nACGT\n", "b.csv": "id,seq\na,ACGT\n", "c.txt": "ACGT\n"}.items():
            (tmp_path / name).write_text(text)
        paths = [str(tmp_path / name) for name in ("a.fa", "b.csv", "c.txt")]
        told = [f"{path}: {kind}" for path, kind in zip(paths, ("fasta", "csv", "lines"), strict=True)]
        assert [line.text for line in describe_files(paths)] == told

    def test_regions_on_missing_contigs_are_counted(self, genome, tmp_path):
        (tmp_path / "r.bed").write_text("1\t0\t4\nchrX\t1\t5\nchr2\t2\t9\nchrX\t5\t9\n")
        assert [line.text for line in describe_regions([str(tmp_path / "r.bed")], genome)] == [
            f"{tmp_path}/r.bed: 4 regions",
            f"2 of 3 contigs were found in {genome.path}",
            "chrX (2). The genome contains chr1, chr2",
            "1 of 4 regions end after the end of their contig. The first is chr2:2-9 in line 3",
        ]

    def test_contigs_are_matched_with_and_without_chr(self, genome):
        assert [line.text for line in describe_contigs({"1": 3, "chr2": 1}, genome)] == [f"2 of 2 contigs were found in {genome.path}"]

    def test_five_of_many_missing_contigs_are_named(self, genome):
        text = describe_contigs({f"s{number}": 1 for number in range(9)}, genome)[1].text
        assert text == "s0 (1), s1 (1), s2 (1), s3 (1), s4 (1), .... The genome contains chr1, chr2"
