import numpy as np
import pytest
from toy_models import TOY, count, write_toy_model

import dreamkeras
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.ensemble import Ensemble, Members
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.scoring.scorer import Scorer, Spread
from dreamkeras.sequence.construct import YEAST, Construct

SEQUENCES = ["ACGT", "GGGGCC", "acgtnACGTRYK", "TTTTT"]
WEIGHTS = (1, 2, 6)
LONGER = Construct(name="longer", length=20, alignment="right", shortest=6, strands="given")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Three models that predict 1, 2 and 6 times the counts of letters."""
    folder = tmp_path_factory.mktemp("models")
    return [write_toy_model(folder / f"{weight}.onnx", name=f"times {weight}", weight=weight) for weight in WEIGHTS]


@pytest.fixture(scope="module")
def ensemble(paths):
    return load(paths, device="cpu", threads=1)


def members_say(sequences=SEQUENCES, weights=WEIGHTS):
    return np.array([[np.multiply(weight, count(text)) for text in sequences] for weight in weights])


def test_a_list_of_models_is_an_ensemble(paths, ensemble):
    assert isinstance(ensemble, Ensemble)
    assert [member.name for member in ensemble.members] == ["times 1", "times 2", "times 6"]
    assert isinstance(dreamkeras.load([str(path) for path in paths]), Ensemble)
    assert isinstance(load(paths[0]), OnnxPredictor)


class TestValues:
    def test_prediction_is_the_mean_of_the_members(self, ensemble):
        values = ensemble.predict(SEQUENCES)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, members_say().mean(0), rtol=1e-6)

    def test_spread_is_the_sample_standard_deviation(self, ensemble):
        spread = ensemble.predict_spread(SEQUENCES)
        assert isinstance(spread, Spread)
        assert spread.sd.dtype == np.float32
        np.testing.assert_allclose(spread.sd, np.std(members_say(), 0, ddof=1), rtol=1e-6)
        np.testing.assert_array_equal(spread.mean, ensemble.predict(SEQUENCES))

    @pytest.mark.parametrize("batch_size", [1, 3, 1000])
    def test_batch_size_changes_nothing(self, ensemble, batch_size):
        np.testing.assert_array_equal(ensemble.predict(SEQUENCES, batch_size), ensemble.predict(SEQUENCES))

    def test_letters_are_scored_as_sequences_are(self, ensemble):
        letters = np.array([list(text.ljust(12, "N").encode()) for text in SEQUENCES], np.uint8)
        np.testing.assert_array_equal(ensemble.score_letters(letters), ensemble.predict(SEQUENCES))

    def test_columns_are_the_means_of_all_tasks_and_then_the_deviations(self, ensemble):
        assert ensemble.columns == ("gc", "a", "gc_sd", "a_sd")
        assert (ensemble.tasks, ensemble.units, ensemble.construct) == (("gc", "a"), ("letters", "letters"), TOY)

    def test_a_single_member_has_no_deviation(self, paths):
        single = load(paths[1:2])
        assert (single.columns, single.has_spread, single.predict_spread(SEQUENCES).sd) == (("gc", "a"), False, None)
        np.testing.assert_array_equal(single.predict(SEQUENCES), load(paths[1]).predict(SEQUENCES))

    def test_a_single_model_has_no_deviation(self, paths):
        model = load(paths[1])
        assert (model.columns, model.predict_spread(SEQUENCES).sd) == (("gc", "a"), None)

    def test_no_sequences_give_no_rows(self, ensemble):
        assert [part.shape for part in ensemble.predict_spread([])] == [(0, 2), (0, 2)]

    def test_progress_counts_each_sequence_once(self, ensemble):
        told = []
        ensemble.score_windows([np.full((5, 12), ord("A"), np.uint8)], 2, told.append)
        assert told == [2, 2, 1]


class TestApart:
    def test_predictions_of_members_are_concatenated(self, ensemble):
        apart = Members(ensemble)
        values = apart.predict(SEQUENCES)
        np.testing.assert_allclose(values, np.concatenate(members_say(), axis=1))
        assert apart.tasks == ("gc", "a") * 3
        assert (apart.columns, apart.units) == (apart.tasks, ("letters",) * 6)
        assert (apart.name, apart.constructs, apart.predict_spread(SEQUENCES).sd) == (ensemble.name, ensemble.constructs, None)

    def test_progress_counts_each_sequence_once(self, ensemble):
        told = []
        Members(ensemble).score_windows([np.full((5, 12), ord("A"), np.uint8)], 2, told.append)
        assert told == [2, 2, 1]


class TestConstructs:
    @pytest.fixture
    def mixed(self, paths, tmp_path):
        return load([paths[0], write_toy_model(tmp_path / "longer.onnx", LONGER, name="longer", weight=3), paths[1]])

    def test_each_member_cuts_its_own_windows(self, mixed):
        sequences = ["ACGTAC", "GGGGCCAA"]
        assert mixed.constructs == (TOY, LONGER)
        np.testing.assert_allclose(mixed.predict(sequences), 2 * members_say(sequences, (1,))[0])

    def test_sequences_must_fit_all_constructs(self, mixed):
        with pytest.raises(InputError, match="6 to 20 bases for construct 'longer', got 4 in the sequence at index 1"):
            mixed.predict(["ACGTAC", "ACGT"])
        with pytest.raises(InputError, match="4 to 12 bases for construct 'toy', got 14 in the sequence at index 0"):
            mixed.predict(["ACGTAC" + "ACGTACGT"])

    def test_letters_cannot_be_scored(self, mixed):
        with pytest.raises(ModelError, match=r"different constructs: 'toy' of 12 letters, 'longer' of 20 letters\. Give sequences"):
            mixed.score_letters(np.full((1, 12), ord("A"), np.uint8))

    def test_windows_of_equal_constructs_are_cut_once(self, ensemble, monkeypatch):
        cut = []
        fit = Construct.fit
        monkeypatch.setattr(Construct, "fit", lambda self, sequences: cut.append(self.name) or fit(self, sequences))
        ensemble.predict(SEQUENCES)
        assert cut == ["toy"]


class TestRefusals:
    def test_no_members(self):
        with pytest.raises(ModelError, match="at least one model for an ensemble, got none"):
            load([])

    def test_other_tasks(self, paths, tmp_path):
        other = write_toy_model(tmp_path / "m.onnx", tasks=("gc",), name="half")
        with pytest.raises(ModelError, match="the same tasks: times 1 has gc, a, half has gc"):
            load([paths[0], other])

    def test_other_units(self, paths, tmp_path):
        other = write_toy_model(tmp_path / "m.onnx", units="bins", name="binned")
        with pytest.raises(ModelError, match="the same units: times 1 has letters, letters, binned has bins, bins"):
            load([paths[0], other])

    def test_a_member_that_is_an_ensemble(self, paths, ensemble):
        with pytest.raises(ModelError, match=r"another ensemble: times 1 \+ times 2 \+ times 6\. Give the models of"):
            Ensemble([load(paths[0]), ensemble])
        with pytest.raises(ModelError, match=r"another ensemble: times 1\. Give the models of"):
            Ensemble([load(paths[:1])])

    def test_a_member_that_does_not_exist(self, paths, tmp_path):
        with pytest.raises(ModelError, match=r"nowhere, which does not exist"):
            load([paths[0], tmp_path / "nowhere"])


def test_yeast_members_share_their_construct(tmp_path):
    paths = [write_toy_model(tmp_path / f"{weight}.onnx", YEAST, ("gc",), weight=weight) for weight in (1, 3)]
    assert load(paths).construct == YEAST


class TestMembers:
    def test_mean_of_member_predictions_is_the_ensemble(self, ensemble):
        members = Members(ensemble)
        values = members.predict(SEQUENCES).reshape(-1, len(WEIGHTS), 2)
        np.testing.assert_allclose(values.transpose(1, 0, 2), members_say(), rtol=1e-6)
        np.testing.assert_array_equal(values.mean(1), ensemble.predict(SEQUENCES))
        assert members.tasks == ("gc", "a") * 3
        assert (members.units, members.name) == (("letters",) * 6, ensemble.name)

    def test_a_single_model_is_its_only_member(self, paths):
        model = load(paths[2])
        assert model.members == (model,)
        np.testing.assert_array_equal(Members(model).predict(SEQUENCES), model.predict(SEQUENCES))
        assert Members(model).columns == ("gc", "a")

    def test_each_cuts_its_own_windows(self, paths, tmp_path):
        longer = write_toy_model(tmp_path / "longer.onnx", LONGER, weight=3)
        members = Members(load([longer, paths[0]]))
        assert members.constructs == (LONGER, TOY)
        np.testing.assert_allclose(members.predict(["ACGTACGG"]), [[15, 6, 5, 2]])

    def test_an_ensemble_in_one_file_has_one_member(self, ensemble):
        joined = Members(OneFile(ensemble.members))
        assert (len(joined.members), joined.columns) == (1, ("gc", "a"))
        np.testing.assert_array_equal(joined.predict(SEQUENCES), ensemble.predict(SEQUENCES))


class OneFile(Scorer):
    """Stub of an ensemble that was exported as one file."""

    def __init__(self, members):
        self._ensemble = Ensemble(members)

    name = property(lambda self: "joined")
    construct = property(lambda self: TOY)
    constructs = property(lambda self: (TOY,))
    tasks = property(lambda self: self._ensemble.tasks)
    units = property(lambda self: self._ensemble.units)
    has_spread = True

    def score_windows(self, windows, batch_size=64, progress=None):
        return self._ensemble.score_windows(windows, batch_size, progress)
