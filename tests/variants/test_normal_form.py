"""Tests of normal forms against haplotypes that are compared as strings, and against bcftools."""

import random
import shutil
import subprocess

import numpy as np
import pytest
from haplotypes import haplotype, normal_form, notations, random_variant, repeat_rich
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.genome.reference import Genome
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.variants.normal_form import normalise, vcf_columns


def open_genome(folder, **contigs):
    (folder / "g.fa").write_text("".join(f">{name}\n{letters}\n" for name, letters in contigs.items()))
    return Genome(str(folder / "g.fa"))


def changes_of(genome, variants):
    """Returns the normalised changes of (contig, POS, REF, ALT)."""
    contigs, positions, refs, alts = zip(*variants, strict=True)
    starts, written = np.array(positions) - 1, Ragged.from_strings(refs)
    found = genome.stretches(contigs, starts, starts + written.lengths)
    return normalise(genome, contigs, starts, written, found, Ragged.from_strings(alts))


def forms(genome, variants):
    """Returns normalised POS, REF and ALT of each variant."""
    return list(zip(*vcf_columns(genome, changes_of(genome, variants)), strict=True))


@given(letters=st.text("ACac", min_size=1, max_size=30), data=st.data())
def test_normal_form_equals_the_leftmost_difference_of_haplotypes(tmp_path_factory, letters, data):
    genome, variants = open_genome(tmp_path_factory.mktemp("g"), c=letters), []
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(letters) - 1))
        ref = letters[start : start + data.draw(st.integers(1, 12))]
        alt = data.draw(st.text("ACac", min_size=1, max_size=12).filter(lambda alt, ref=ref: alt.upper() != ref.upper()))
        variants.append(("c", start + 1, ref, alt))
    assert forms(genome, variants) == [normal_form(letters, haplotype(letters, *variant[1:])) for variant in variants]


def test_all_notations_of_a_variant_have_one_normal_form(tmp_path):
    draw, letters = random.Random(3), repeat_rich(400, 3)
    genome = open_genome(tmp_path, c=letters)
    for _ in range(200):
        written = list(notations(letters, *random_variant(letters, draw), draw))
        assert len(written) == 5
        assert len(set(forms(genome, [("c", position, ref, alts.split(",")[which]) for position, ref, alts, which in written]))) == 1


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_normal_form_equals_that_of_bcftools_norm(tmp_path):
    draw, letters = random.Random(5), repeat_rich(3000, 5)
    genome = open_genome(tmp_path, c=letters)
    # bcftools treats U and lower-case bases as different from T and upper-case bases.
    variants = [
        notation[:3] for _ in range(150) for notation in notations(letters, *random_variant(letters, draw), draw) if not notation[3]
    ]
    variants += [(1, letters[:4].upper(), letters[3].upper()), (1, letters[0].upper(), "G" + letters[0].upper())]
    header = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={len(letters)}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    lines = [f"c\t{position}\t{number}\t{ref}\t{alt}\t.\t.\t.\n" for number, (position, ref, alt) in enumerate(variants)]
    (tmp_path / "a.vcf").write_text(header + "".join(lines))
    command = ["bcftools", "norm", "-f", tmp_path / "g.fa", tmp_path / "a.vcf"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    rows = [line.split("\t") for line in told.splitlines() if not line.startswith("#")]
    wanted = {int(row[2]): (int(row[1]), row[3].upper(), row[4].upper()) for row in rows}
    assert forms(genome, [("c", *variant) for variant in variants]) == [wanted[number] for number in range(len(variants))]


@pytest.mark.parametrize(
    ("letters", "variant", "wanted"),
    [
        ("AAAAAAAAAA", (9, "AA", "A"), (1, "AA", "A")),  # moved to the first position, where the anchor base comes after the deletion
        ("AAAAAAAAAA", (10, "A", "AAA"), (1, "A", "AAA")),
        ("ACGT", (1, "ACGT", "T"), (1, "ACGT", "T")),
        ("ACGT", (1, "ACGT", "A"), (1, "ACGT", "A")),
        ("ACGT", (4, "T", "TT"), (3, "G", "GT")),
        ("ACGT", (4, "T", "TA"), (4, "T", "TA")),
        ("GNNNNT", (5, "NN", "N"), (1, "GN", "G")),  # N is equal to N
        ("gcacat", (4, "acA", "A"), (1, "GCA", "G")),
        ("GTTC", (2, "TU", "u"), (1, "GT", "G")),
        ("GTTC", (4, "C", "UC"), (1, "G", "GT")),
        ("ACGT", (2, "CG", "RG"), (2, "C", "R")),
        ("CRN", (1, "CA", "TA"), (1, "C", "T")),  # the code is kept, because REF has one of its bases, as the specification requires
        ("CRN", (2, "A", "G"), (2, "R", "G")),
    ],
)
def test_contig_ends_lower_case_and_ambiguity_codes(tmp_path, letters, variant, wanted):
    assert forms(open_genome(tmp_path, c=letters), [("c", *variant)]) == [wanted]


@pytest.mark.parametrize(
    ("letters", "variant"), [("ACGT", (2, "CG", "cg")), ("GTT", (2, "TT", "UT")), ("CRN", (2, "A", "A")), ("CRN", (2, "A", "R"))]
)
def test_normal_form_of_an_unchanged_allele_is_empty(tmp_path, letters, variant):
    found = changes_of(open_genome(tmp_path, c=letters), [("c", *variant)])
    assert (found.refs[0], found.alts[0]) == ("", "")


def test_long_repeats_are_read_in_few_blocks(tmp_path, monkeypatch):
    repeat = 300_000
    genome, reads = open_genome(tmp_path, a="C" + "A" * repeat + "G", b="T" + "GAC" * (repeat // 3)), []
    windows = genome.windows
    monkeypatch.setattr(genome, "windows", lambda contigs, starts, length: reads.append(length) or windows(contigs, starts, length))
    variants = [("a", repeat - 10, "AAAA", "A"), ("b", repeat - 1, "GAC", "GACGAC"), ("a", 1, "CA", "C")]
    assert [form[:2] for form in forms(genome, variants)] == [(1, "CAAA"), (1, "T"), (1, "CA")]
    assert len(reads) < 30


def test_normal_forms_of_no_alleles(tmp_path):
    genome, nothing = open_genome(tmp_path, c="ACGT"), Ragged.from_strings([])
    assert vcf_columns(genome, normalise(genome, [], np.empty(0, np.int64), nothing, nothing, nothing)) == ([], [], [])
