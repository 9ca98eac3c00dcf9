import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troubled_vcf import GENOME, HEADER, ROOM, fasta, troubled_lines

from dreamkeras.formats.vcf import open_vcf
from dreamkeras.genome.reference import Genome
from dreamkeras.variants.alleles import allele_kind, check_alleles
from dreamkeras.variants.status import WORDS, Status


def within(room):
    """Returns a function that checks that both alleles have at most the given length."""
    return lambda refs, alts: (refs <= room) & (alts <= room)


@pytest.fixture
def check(tmp_path):
    """Function `check(lines, genome)` that returns the alleles of the records in these lines."""

    def checked(lines, genome=None, room=ROOM):
        (tmp_path / "g.fa").write_text(fasta() if genome is None else genome)
        (tmp_path / "a.vcf").write_text(HEADER + "".join(line + "\n" for line in lines))
        with open_vcf(str(tmp_path / "a.vcf")) as vcf:
            (batch,) = vcf.batches
        return check_alleles(batch, Genome(str(tmp_path / "g.fa")), within(room))

    return checked


CELLS = st.sampled_from(
    ["", ".", "*", "1", "chr1", "chrM", "MT", "#", "A", "acg", "AN", "<DEL>", "A,C", ",", "N[1:2[", "0", "-1", "4000", "é"]
)
"""Cells that may occur in any column."""


def statuses(alleles):
    return [WORDS[code] for code in alleles.statuses]


def record(contig, position, ref, alts):
    return f"{contig}\t{position}\t.\t{ref}\t{alts}\t.\t.\t."


def test_status_of_each_kind_of_allele(check):
    lines, wanted = zip(*troubled_lines(3000), strict=True)
    found = check(lines)
    assert statuses(found) == [status for allele in wanted for status in allele]
    assert found.records.tolist() == [number for number, allele in enumerate(wanted) for _ in allele]
    of_tables = {"one_adapter", "other_strand", "too_short"}
    assert {status for allele in wanted for status in allele} == set(WORDS) - of_tables


@pytest.mark.parametrize(
    ("alt", "kind"),
    [
        *((alt, Status.OK) for alt in ("A", "acgtn", "RYKMSWBDHVN", "U")),
        *((alt, Status.MISSING) for alt in (".", "*", "")),
        *((alt, Status.SYMBOLIC) for alt in ("<DEL>", "<NON_REF>", "<*>", "C<ctg1>", "<INS:ME:ALU>")),
        *((alt, Status.BREAKEND) for alt in ("G]17:198982]", "]13:123456]T", "C[<ctg1>:7[", "[17:1[A", "G.", ".TGCA")),
        *((alt, Status.NOT_LETTERS) for alt in ("-", "A-", "A C", "X", "Z*", "\N{LATIN SMALL LETTER LONG S}", "1")),
    ],
)
def test_kind_of_an_allele_by_its_characters(alt, kind):
    assert allele_kind(alt) == kind


def test_all_letters_of_references_are_compared_regardless_of_case(check):
    letters = GENOME["chr2"][99:103]
    refs = [letters, letters.upper(), letters.lower(), letters[:3] + ("A" if letters[3] in "Cc" else "C"), letters[:1]]
    found = check([record("2", 100, ref, "TTTTT") for ref in refs])
    assert statuses(found) == ["ok", "ok", "ok", "ref_mismatch", "ok"]


def test_ref_may_have_the_first_base_of_an_ambiguity_code_or_the_code(check):
    # According to the VCF specification, R becomes A, K becomes G and so on; N is kept.
    rows = [("A", "ok"), ("G", "ref_mismatch"), ("R", "ok")]
    found = check([record("c", 2, ref, "TT") for ref, _ in rows], ">c\nCRN\n")
    assert statuses(found) == [status for _, status in rows]
    assert statuses(check([record("c", 3, ref, "TT") for ref in "NnA"], ">c\nCRN\n")) == ["ok", "ok", "ref_mismatch"]


def test_contigs_are_found_by_alternative_names(check):
    genome = ">chr1\nA\n>2\nA\n>MT\nA\n"
    names = ["1", "chr1", "2", "chr2", "MT", "chrM", "M", "chrMT", "3", "Chr1"]
    assert statuses(check([record(name, 1, "A", "C") for name in names], genome)) == ["ok"] * 8 + ["not_in_genome"] * 2


def test_the_first_status_that_applies_is_used(check):
    alts = "<DEL>,*,C-,C"
    assert statuses(check([record("chr9", 1, "A", alts)])) == ["symbolic", "missing", "not_letters", "not_in_genome"]
    assert statuses(check([record("chr1", 10**15, "A", alts)])) == ["symbolic", "missing", "not_letters", "outside"]
    assert statuses(check([record("chr9", 1, "A-", alts)])) == ["symbolic", "missing", "not_letters", "not_letters"]
    wrong = "C" if GENOME["chr1"][0] != "C" else "G"
    assert statuses(check([record("chr1", 1, wrong, f"{wrong},{'A' * 99}")])) == ["ref_mismatch", "ref_mismatch"]


@pytest.mark.parametrize(("room", "wanted"), [(2, "too_long"), (3, "ok")])
def test_the_longer_allele_must_fit_after_trimming(check, room, wanted):
    lines = [record("c", 5, "GTA", "C"), record("c", 5, "G", "CCC"), record("c", 1, "CCCCGTA", "CCCCC"), record("c", 4, "CGT", "CCCCT")]
    found = check(lines, ">c\nCCCCGTACGT\n", room=room)
    assert statuses(found) == [wanted] * 4
    assert found.changes.starts.tolist() == [4] * 4


def test_changes_are_in_upper_case_with_0_based_starts(check):
    found = check([record("1", 5, GENOME["chr1"][4].lower(), "ryk,N,<DEL>,u")]).changes
    assert (found.contigs, found.starts.tolist()) == (["chr1", "chr1", "", "chr1"], [4, 4, -1, 4])
    assert (list(found.refs), list(found.alts)) == ([GENOME["chr1"][4]] * 2 + ["", GENOME["chr1"][4]], ["RYK", "N", "", "T"])


def test_a_file_without_comparable_records(check):
    found = check(["x", record("chr9", 1, "A", "C")])
    assert statuses(found) == ["malformed", "not_in_genome"]
    assert found.statuses.dtype == np.uint8


@settings(max_examples=40)
@given(st.lists(st.one_of(st.lists(CELLS, max_size=10).map("\t".join), st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r")))))
def test_every_line_has_a_status(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("v")
    (folder / "g.fa").write_text(fasta())
    (folder / "a.vcf").write_text(HEADER + "A first line\n" + "".join(line + "\n" for line in lines), newline="")
    genome, rows = Genome(str(folder / "g.fa")), []
    with open_vcf(str(folder / "a.vcf")) as vcf:
        for batch in vcf.batches:
            found = check_alleles(batch, genome, within(ROOM))
            assert set(found.records.tolist()) == set(range(len(batch.texts)))
            rows += [(batch.texts[record].decode(), WORDS[code]) for record, code in zip(found.records, found.statuses, strict=True)]
    given_lines = ["A first line", *(line for line in lines if line.encode().strip())]
    assert list(dict.fromkeys(text for text, _ in rows)) == list(dict.fromkeys(given_lines))
    assert all(status == "malformed" for text, status in rows if text.count("\t") < 7)
