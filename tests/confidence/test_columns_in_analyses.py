import numpy as np
import pytest
from calibrated import TEXTS, Knowing, records, scored
from weight_sum import PLAIN

from dreamkeras.cli.preflight.estimate import StandIn
from dreamkeras.confidence.columns import ConfidenceColumns
from dreamkeras.design.goal import settle_goal
from dreamkeras.design.methods import SearchSettings, design
from dreamkeras.explain.ablation import Ablator
from dreamkeras.explain.marginalise import marginalise
from dreamkeras.explain.motif_sites import arrange
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.explain.spans import slide
from dreamkeras.scoring.ensemble import Ensemble, Members
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.variants.scoring import VariantScorer
from dreamkeras.variants.sources import PairSource

ALL = ConfidenceColumns(0.9, percentile=True, unusual=True)

MIXED = (PLAIN, Construct("longer", 20, alignment="left", shortest=2, strands="given"))
SCORERS = {
    "model": Knowing,
    "ensemble": lambda: Ensemble([Knowing(seed=1), Knowing(seed=2)]),
    "mixed constructs": lambda: Ensemble([Knowing(seed=seed, construct=construct) for seed, construct in enumerate(MIXED)]),
}


@pytest.fixture(params=[(name, choice) for name in SCORERS for choice in (ALL, ConfidenceColumns(unusual=True))], ids=str)
def pair(request):
    """A scorer, and the same scorer with confidence columns. Several models cannot have intervals and percentiles."""
    name, choice = request.param
    plain = SCORERS[name]()
    return plain, (choice if name == "model" else ConfidenceColumns(unusual=True)).add_to(plain)


class TestUseInPlaceOfTheModel:
    """Every analysis gives the result of the model without confidence columns."""

    def test_predictions(self, pair):
        plain, scorer = pair
        for one, other in zip(plain.predict_spread(TEXTS), scorer.predict_spread(TEXTS), strict=True):
            np.testing.assert_array_equal(one, other)
        for name in ("constructs", "tasks", "units", "has_spread", "predicted_columns", "calibration"):
            assert getattr(scorer, name) == getattr(plain, name)

    def test_members(self, pair):
        plain, scorer = pair
        assert scorer.members == (plain.members if isinstance(plain, Ensemble) else (plain,))
        np.testing.assert_array_equal(Members(scorer).predict(TEXTS), Members(plain).predict(TEXTS))

    def test_mutagenesis(self, pair):
        (batch,) = records(TEXTS[:2])
        one, other = (mutagenesis(batch, scorer, deletions=True) for scorer in pair)
        np.testing.assert_array_equal(one.effects, other.effects)
        assert (one.sd is None) == (other.sd is None)

    def test_ablation(self, pair):
        (batch,) = records(TEXTS[:2])
        one, other = (Ablator(scorer, "unknown").ablate(batch, lambda ids, inserts: slide(inserts, 4, 2)) for scorer in pair)
        np.testing.assert_array_equal(one.effects, other.effects)

    def test_marginalisation(self, pair):
        one, other = (marginalise(["TGA"], arrange([2]), Ragged.from_strings(TEXTS[:3]), scorer) for scorer in pair)
        np.testing.assert_array_equal(one.effects, other.effects)

    def test_design(self, pair):
        start, choices = records(TEXTS[:1])[0], SearchSettings("greedy", steps=2)
        found = [design(start, scorer, settle_goal(scorer, "max", "task 0"), settings=choices) for scorer in pair]
        assert len(found[0].values) == len(found[1].values) > 0
        for field in ("values", "objective", "columns"):
            np.testing.assert_array_equal(getattr(found[0], field), getattr(found[1], field))
        assert (found[0].spread is None) == (found[1].spread is None)

    def test_variants(self, pair, tmp_path):
        (tmp_path / "pairs.tsv").write_text("ref\talt\nACGTACGTACGT\tACGTACGAACGT\nACGT\tACGG\n")
        found = []
        for scorer in pair:
            source, effects = PairSource(str(tmp_path / "pairs.tsv"), scorer.constructs), VariantScorer(scorer)
            with source.open() as opened:
                found.append([effects.score(source.allele_windows(batch)).values for batch in opened[1]])
        np.testing.assert_array_equal(*found)

    def test_dry_run(self, pair):
        values = [scored(StandIn(scorer)) for scorer in pair]
        assert [len(rows[0]) for rows in values] == [len(scorer.columns) for scorer in pair]
