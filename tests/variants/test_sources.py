"""Tests of sources against sequences that are made directly and scored individually."""

import numpy as np
import pytest
from haplotypes import haplotype, normal_form, windows
from hypothesis import given, settings
from hypothesis import strategies as st
from troubled_vcf import GENOME, HEADER, fasta, troubled_lines
from weight_sum import PLAIN, WeightSum

from dreamkeras.errors import InputError
from dreamkeras.genome.reference import Genome
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.variants.names import INDEL_ANCHORS, STRANDS
from dreamkeras.variants.scoring import VariantScorer
from dreamkeras.variants.sources import PairSource, VcfSource
from dreamkeras.variants.status import WORDS
from dreamkeras.variants.windows import Placement

BETWEEN = Construct("between", length=20, left_adapter="AC", right_adapter="GT", left_flank="TTAC", right_flank="CCCC", alignment="left")
CONSTRUCTS = [PLAIN, BETWEEN, YEAST]


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(fasta())
    return Genome(str(path))


def rows_of(source, predictor):
    """Returns the cells, the name of the status and the numbers of each row."""
    scorer, rows = VariantScorer(predictor), []
    with source.open() as (_, batches):
        for batch in batches:
            found = scorer.score(source.allele_windows(batch))
            columns = [*source.cells(batch), [WORDS[code] for code in found.statuses], found.values.tolist()]
            rows += zip(*columns, strict=True)
    return rows


def letters_of(contig):
    return GENOME[{"MT": "chrM"}.get(contig, contig if contig.startswith("chr") else f"chr{contig}")]


def windows_by_hand(contig, position, ref, alt, placement):
    """Returns strings with both alleles for each edge, position and strand."""
    letters = letters_of(contig)
    changed = haplotype(letters, position, ref, alt)
    for right in INDEL_ANCHORS[placement.indel_anchor]:
        for at in placement.positions:
            for reverse in STRANDS[placement.strand]:
                yield windows(letters, changed, placement.length, at, right=right, reverse=reverse)


def score_by_hand(predictor, texts):
    """Scores each string individually, with the adapters of the construct."""
    construct = predictor.constructs[0]
    return np.mean([predictor.predict([construct.left_adapter + text + construct.right_adapter])[0] for text in texts], axis=0)


@settings(max_examples=12, deadline=None)
@given(
    construct=st.sampled_from(CONSTRUCTS),
    positions=st.lists(st.integers(2, 4), min_size=1, max_size=3, unique=True),
    strand=st.sampled_from(list(STRANDS)),
    anchor=st.sampled_from(list(INDEL_ANCHORS)),
    seed=st.integers(0, 1000),
)
def test_values_of_variants_equal_those_of_directly_made_sequences(tmp_path_factory, genome, construct, positions, strand, anchor, seed):
    path = tmp_path_factory.mktemp("v") / "a.vcf"
    lines = [line for line, _ in troubled_lines(60, seed)]
    path.write_text(HEADER + "".join(line + "\n" for line in lines))
    predictor = WeightSum(construct, tasks=2)
    placement = Placement.choose([construct], 10, positions, strand, anchor)
    rows = rows_of(VcfSource(str(path), genome, placement, predictor.constructs), predictor)
    assert len(rows) == sum(len(statuses) for _, statuses in troubled_lines(60, seed))
    scored = 0
    for contig, position, _, ref, alt, *form, status, values in rows:
        if status != "ok":
            assert np.isnan(values).all()
            continue
        scored += 1
        assert tuple(form) == normal_form(letters_of(contig), haplotype(letters_of(contig), position, ref, alt))
        sides = zip(*windows_by_hand(contig, position, ref, alt, placement), strict=True)
        before, after = (score_by_hand(predictor, texts) for texts in sides)
        np.testing.assert_allclose(np.reshape(values, (2, 3)), np.stack([before, after, after - before], axis=1), atol=1e-5)
    assert scored > 30


def test_the_reference_of_several_alleles_is_scored_once(tmp_path, genome):
    ref = GENOME["chr1"][99]
    alts = [base for base in "ACGT" if base != ref]
    lines = [f"chr1\t100\t.\t{ref}\t{','.join(alts)}\t.\t.\t.", f"1\t100\t.\t{ref.lower()}\t{alts[0]}\t.\t.\t."]
    (tmp_path / "a.vcf").write_text(HEADER + "\n".join(lines))
    predictor = WeightSum()
    rows = rows_of(VcfSource(str(tmp_path / "a.vcf"), genome, Placement.choose([PLAIN]), predictor.constructs), predictor)
    assert (len(rows), predictor.asked) == (4, 4)
    assert rows[0][-1] == rows[3][-1]


def test_models_of_several_constructs_score_the_same_insert(tmp_path, genome):
    members = [WeightSum(PLAIN, seed=1), WeightSum(BETWEEN, seed=2)]
    (tmp_path / "a.vcf").write_text(HEADER + "".join(line + "\n" for line, _ in troubled_lines(30)))
    both = Ensemble(members)
    placement = Placement.choose(both.constructs, 10)
    together, *alone = (
        rows_of(VcfSource(str(tmp_path / "a.vcf"), genome, placement, scorer.constructs), scorer) for scorer in (both, *members)
    )
    values, wanted = np.array([row[-1] for row in together]), np.array([[row[-1] for row in rows] for rows in alone])
    np.testing.assert_allclose(values[:, :3], wanted.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(values[:, 3], wanted[:, :, 2].std(axis=0, ddof=1), atol=1e-5)


def test_cells_are_those_of_the_file(tmp_path, genome):
    lines = [line for line, _ in troubled_lines(60)]
    (tmp_path / "a.vcf").write_text(HEADER + "".join(line + "\n" for line in lines))
    source = VcfSource(str(tmp_path / "a.vcf"), genome, Placement.choose([PLAIN]), [PLAIN])
    cells = [row[:5] for row in rows_of(source, WeightSum())]
    wanted = []
    for line in lines:
        contig, position, name, ref, alts = ([*line.split("\t"), "", "", "", "", ""])[:5]
        fine = position.isdecimal() and contig and not contig.startswith("#") and line.count("\t") > 6
        wanted += [(contig, int(position) if fine else None, name, ref, alt) for alt in (alts.split(",") if fine else [alts])]
    assert cells == wanted


@pytest.mark.parametrize(("declared", "refused"), [
    ("chr1={chr1}", False), ("1={other}", True), ("chr1={other},assembly=x", True), ("chr2={other}", False), ("chr9={other}", False),
])  # fmt: skip
def test_records_on_contigs_of_another_genome_are_refused(tmp_path, genome, declared, refused):
    contig, _, length = declared.partition("=")
    header = f"##contig=<ID={contig},length={length.format(chr1=genome.lengths['chr1'], other=7)}>\n"
    path = tmp_path / "x.vcf"
    path.write_text(f"##fileformat=VCFv4.2\n{header}#CHROM\tPOS\tID\tREF\tALT\n{contig if refused else 'chr1'}\t20\t.\tA\tC\n")
    source = VcfSource(str(path), genome, Placement.choose([PLAIN]), [PLAIN])
    with source.open() as (_, batches):
        if refused:
            with pytest.raises(
                InputError, match=rf"Expected contig '{contig}' to have .* bases \(its length in .*g\.fa\), got 7 bases in .* of .*x\.vcf"
            ):
                list(batches)
        else:
            assert len(list(batches)) == 1


class TestPairs:
    def rows(self, tmp_path, pairs, predictor, **columns):
        (tmp_path / "p.tsv").write_text("id\tref\talt\n" + "".join("\t".join(pair) + "\n" for pair in pairs))
        return rows_of(PairSource(str(tmp_path / "p.tsv"), predictor.constructs, **columns), predictor)

    def test_both_sequences_are_scored_as_they_are(self, tmp_path):
        predictor = WeightSum(BETWEEN)
        pairs = [("a", "GGGG", "GGAG"), ("b", "ACGGGGGT", "acGGgt"), ("c", "NNNRYK", "A")]
        rows = self.rows(tmp_path, pairs, predictor)
        for (name, ref, alt), row in zip(pairs, rows, strict=True):
            before, after = predictor.predict([ref, alt])[:, 0]
            assert row[:2] == (name, "ok")
            np.testing.assert_allclose(row[2], [before, after, after - before], atol=1e-5)

    @pytest.mark.parametrize(("ref", "alt"), [("AACCGGGTCA", "GGGG"), ("GGGG", "aaccGGGtca"), ("AACC" + "G" * 30 + "GTCA", "GG-G")])
    def test_a_reverse_complement_has_a_status(self, tmp_path, ref, alt):
        construct = Construct("between", length=17, left_adapter="TGAC", right_adapter="GGTT", shortest=2)
        ((_, found, values),) = self.rows(tmp_path, [("a", ref, alt)], WeightSum(construct))
        assert found == ("not_letters" if "-" in alt else "other_strand")
        assert np.isnan(values).all()

    @pytest.mark.parametrize(
        ("ref", "alt", "status"),
        [
            ("GGGG", "gggg", "same_as_ref"),
            ("GGGG", "", "missing"),
            ("GG-G", "GGGG", "not_letters"),
            ("GGGG", "GGé", "not_letters"),
            ("GGGG", "ACGGGG", "one_adapter"),
            ("GGGG", "G", "too_short"),
            ("ACGGT", "GGGG", "too_short"),
            ("G" * 17, "GGGG", "too_long"),
            ("GGGG", "AC" + "G" * 15 + "GT", "ok"),
            ("", "G" * 18, "missing"),
            ("", "", "missing"),
            ("G-", "", "missing"),
            ("G" * 18, "GGÉ", "not_letters"),
            ("G-GG", "G-GG", "not_letters"),
            ("G" * 18, "g" * 18, "same_as_ref"),
            ("ACGGGG", "ACGGGG", "same_as_ref"),
            ("AC" + "G" * 18, "G", "one_adapter"),
            ("G" * 18, "G", "too_short"),
            ("AC" + "G" * 18 + "GT", "GGGG", "too_long"),
        ],
    )
    def test_rows_that_do_not_fit_have_a_status(self, tmp_path, ref, alt, status):
        construct = Construct("between", length=17, left_adapter="AC", right_adapter="GT", shortest=2)
        ((name, found, values),) = self.rows(tmp_path, [("a", ref, alt)], WeightSum(construct))
        assert (name, found) == ("a", status)
        assert np.isnan(values).all() == (status != "ok")

    def test_a_row_must_fit_all_models(self, tmp_path):
        both = Ensemble([WeightSum(PLAIN), WeightSum(BETWEEN)])
        rows = self.rows(tmp_path, [("a", "G" * 13, "GGG"), ("b", "GGGG", "GG")], both)
        assert [row[1] for row in rows] == ["too_long", "ok"]

    def test_rows_of_another_width_are_malformed(self, tmp_path):
        rows = self.rows(tmp_path, [("a", "GGGG"), ("b", "GGGG", "GG"), ("c", "GG", "GGG", "G")], WeightSum())
        assert [row[1] for row in rows] == ["malformed", "ok", "malformed"]

    def test_a_repeated_reference_is_scored_once(self, tmp_path):
        predictor = WeightSum()
        self.rows(tmp_path, [(str(i), "ACGTACGT", f"ACGT{base}CGT") for i, base in enumerate("CGT")], predictor)
        assert predictor.asked == 4
