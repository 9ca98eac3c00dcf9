"""Tests that all notations of a variant have the same effect, with random variants of a repeat-rich genome and a trained model."""

import random

import numpy as np
import pytest
from haplotypes import haplotype, normal_form, notations, random_variant, repeat_rich, windows
from weight_sum import WeightSum

import dreamkeras
from dreamkeras.genome.reference import Genome
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.construct import YEAST
from dreamkeras.variants.names import INDEL_ANCHORS, STRANDS
from dreamkeras.variants.scoring import VariantScorer
from dreamkeras.variants.sources import PairSource, VcfSource
from dreamkeras.variants.windows import Placement

VARIANTS = 500
CONTIGS = {name: repeat_rich(length, name) for name, length in (("1", 3000), ("2", 900), ("3", 90), ("4", 35))}
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture(scope="module")
def variants():
    """Random variants as (contig, POS, REF, ALT)."""
    draw = random.Random(7)
    names = draw.choices(list(CONTIGS), k=VARIANTS)
    return [(name, *random_variant(CONTIGS[name], draw)) for name in names]


@pytest.fixture(scope="module")
def written(variants):
    """Shuffled lines with five notations of each variant: the line, the variant, and the index of its allele in the line."""
    draw = random.Random(8)
    lines = []
    for number, (name, *variant) in enumerate(variants):
        for position, ref, alts, which in notations(CONTIGS[name], *variant, draw):
            ref, alts = draw.choice([(ref, alts), (ref.lower(), alts), (ref.replace("T", "U"), alts.replace("T", "u"))])
            lines.append((f"{name}\t{position}\t.\t{ref}\t{alts}\t.\t.\t.", number, which))
    draw.shuffle(lines)
    return lines


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text("".join(f">chr{name}\n{letters}\n" for name, letters in CONTIGS.items()))
    return Genome(str(path))


@pytest.fixture(scope="module")
def scored(genome, written, tmp_path_factory):
    """Function `scored(model, placement)` that returns the values of each variant, with one row per notation."""
    path = tmp_path_factory.mktemp("vcf") / "a.vcf"
    path.write_text(HEADER + "".join(f"{line}\n" for line, _, _ in written))

    def score(model, placement):
        source, scorer = VcfSource(str(path), genome, placement, model.constructs), VariantScorer(model)
        with source.open() as (_, batches):
            scored = ((batch, scorer.score(source.allele_windows(batch)).values) for batch in batches)
            rows = [row for batch, values in scored for row in zip(source.rows(batch), values, strict=True)]
        firsts = np.searchsorted([record for record, _ in rows], np.arange(len(written)))
        values = [[] for _ in range(VARIANTS)]
        for first, (_, number, which) in zip(firsts, written, strict=True):
            values[number].append(rows[first + which][1])
        return np.array(values)

    return score


def by_hand(model, variants, placement):
    """Returns predictions of the model for strings with both alleles, each between adapters, float32 (variants, 2)."""
    construct, sides = model.constructs[0], ([], [])
    for name, *variant in variants:
        changed = haplotype(CONTIGS[name], *variant)
        for right in INDEL_ANCHORS[placement.indel_anchor]:
            for reverse in STRANDS[placement.strand]:
                for at in placement.positions:
                    pair = windows(CONTIGS[name], changed, placement.length, at, right=right, reverse=reverse)
                    for side, insert in zip(sides, pair, strict=True):
                        side.append(construct.left_adapter + insert + construct.right_adapter)
    return np.stack([model.predict(side)[:, 0].reshape(len(variants), -1).mean(axis=1) for side in sides], axis=1)


def test_all_notations_of_a_variant_have_the_effect_of_its_haplotypes(scored, variants):
    model = dreamkeras.load()
    placement = Placement.choose(model.constructs)
    values = scored(model, placement)
    assert values.shape == (VARIANTS, 5, 3)
    assert np.abs(values - values[:, :1]).max() == 0
    wanted = by_hand(model, variants, placement)
    np.testing.assert_allclose(values[:, 0], np.column_stack([wanted, wanted[:, 1] - wanted[:, 0]]), rtol=0, atol=2e-5)


@pytest.mark.parametrize("anchor", INDEL_ANCHORS)
def test_all_notations_have_the_same_effect_by_an_ensemble_at_several_positions_on_both_strands(scored, variants, anchor):
    members = [WeightSum(YEAST, seed=seed) for seed in (1, 2)]
    model = Ensemble(members)
    placement = Placement.choose(model.constructs, 60, (20, 33, 40), "both", anchor)
    values = scored(model, placement)
    assert values.shape == (VARIANTS, 5, 5)
    assert np.abs(values - values[:, :1]).max() == 0
    wanted = np.mean([by_hand(member, variants, placement) for member in members], axis=0)
    np.testing.assert_allclose(values[:, 0, :2], wanted, rtol=0, atol=2e-5)


def test_the_normal_form_of_all_notations_is_that_of_the_haplotype(genome, written, variants, tmp_path):
    (tmp_path / "a.vcf").write_text(HEADER + "".join(f"{line}\n" for line, _, _ in written))
    model = dreamkeras.load()
    source = VcfSource(str(tmp_path / "a.vcf"), genome, Placement.choose(model.constructs), model.constructs)
    with source.open() as (_, batches):
        for batch in batches:
            cells = [*zip(*source.cells(batch)[5:], strict=True)]
            firsts = np.searchsorted(source.rows(batch), np.arange(len(written)))
    for first, (_, number, which) in zip(firsts.tolist(), written, strict=True):
        name, *variant = variants[number]
        assert cells[first + which] == normal_form(CONTIGS[name], haplotype(CONTIGS[name], *variant))


def test_values_of_pairs_depend_on_bases_only(tmp_path):
    pairs = ["ACGTTACG\tACGATACG", "acguuacg\tACGAUACG", "ACGUTACG\tacgatacg"]
    (tmp_path / "p.tsv").write_text("ref\talt\n" + "".join(f"{pair}\n" for pair in [*pairs, "ACGT\tacgu"]))
    model = dreamkeras.load()
    source, scorer = PairSource(str(tmp_path / "p.tsv"), model.constructs), VariantScorer(model)
    with source.open() as (_, batches):
        (found,) = (scorer.score(source.allele_windows(batch)) for batch in batches)
    assert found.statuses.tolist() == [0, 0, 0, 9]
    assert (found.values[:3] == found.values[0]).all()
