import shutil

import numpy as np
import pytest
from toy_models import TOY, count, write_toy_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import dreamkeras
from dreamkeras.errors import DreamkerasError, MissingPackageError, ModelError
from dreamkeras.export import ensemble as ensemble_module
from dreamkeras.export import export_ensemble
from dreamkeras.export.parity import Parity
from dreamkeras.sequence.construct import Construct

SEQUENCES = ["ACGT", "GGGGCC", "acgtnACGTRYK", "TTTTT"]
WEIGHTS = (1, 2, 6)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Writes three models that predict 1, 2 and 6 times the counted letters."""
    folder = tmp_path_factory.mktemp("models")
    return [write_toy_model(folder / f"{weight}.onnx", name=f"times {weight}", weight=weight) for weight in WEIGHTS]


@pytest.fixture(scope="module")
def written(paths, tmp_path_factory):
    """Exports the ensemble and returns its path and description."""
    path = tmp_path_factory.mktemp("ensemble") / "ensemble.onnx"
    return path, export_ensemble(paths, path)


def members_say():
    return np.array([[np.multiply(weight, count(text)) for text in SEQUENCES] for weight in WEIGHTS])


class TestFile:
    def test_predicts_mean_and_standard_deviation_of_the_members(self, written):
        spread = dreamkeras.load(written[0], device="cpu").predict_spread(SEQUENCES)
        np.testing.assert_allclose(spread.mean, members_say().mean(0), rtol=1e-6)
        np.testing.assert_allclose(spread.sd, np.std(members_say(), 0, ddof=1), rtol=1e-6)

    def test_has_one_input_and_two_outputs(self, written):
        import onnxruntime

        session = onnxruntime.InferenceSession(written[0], providers=["CPUExecutionProvider"])
        assert [(tensor.name, tensor.type, tensor.shape) for tensor in session.get_inputs()] == [
            ("letters", "tensor(uint8)", ["batch", 12])
        ]
        outputs = [(tensor.name, tensor.type, tensor.shape) for tensor in session.get_outputs()]
        assert outputs == [(name, "tensor(float)", ["batch", 2]) for name in ("expression", "sd")]
        letters = np.array([list(text.ljust(12, "N").encode()) for text in SEQUENCES], np.uint8)
        mean, sd = session.run(None, {"letters": letters})
        np.testing.assert_allclose(mean, members_say().mean(0), rtol=1e-6)
        np.testing.assert_allclose(sd, np.std(members_say(), 0, ddof=1), rtol=1e-6)

    def test_predicts_as_its_members_do_when_loaded_together(self, paths, written):
        for one, apart in zip(
            dreamkeras.load(written[0]).predict_spread(SEQUENCES), dreamkeras.load(paths).predict_spread(SEQUENCES), strict=True
        ):
            np.testing.assert_allclose(one, apart, rtol=1e-6)

    def test_columns_and_letters(self, written):
        model = dreamkeras.load(written[0])
        assert (model.columns, model.has_spread) == (("gc", "a", "gc_sd", "a_sd"), True)
        letters = np.array([list(text.ljust(12, "N").encode()) for text in SEQUENCES], np.uint8)
        np.testing.assert_array_equal(model.score_letters(letters), model.predict(SEQUENCES))

    def test_cannot_be_a_member_of_another_ensemble(self, paths, written, tmp_path):
        with pytest.raises(ModelError, match=r"^An ensemble cannot contain another ensemble: ensemble-of-3"):
            dreamkeras.load([paths[0], written[0]])
        with pytest.raises(ModelError, match=r"^An ensemble cannot contain another ensemble: ensemble-of-3"):
            export_ensemble([paths[0], written[0]], tmp_path / "m.onnx")


class TestDescription:
    def test_describes_its_members(self, written):
        description = written[1]
        assert description == dreamkeras.load(written[0]).description
        assert (description.name, description.construct, description.tasks) == ("ensemble-of-3", TOY, ("gc", "a"))
        assert [member["name"] for member in description.members] == ["times 1", "times 2", "times 6"]
        assert all(set(member) == {"name", "training", "versions", "parity"} for member in description.members)

    def test_calibration_has_only_a_familiarity_that_all_members_share(self, tmp_path):
        def joined(*spans):
            paths = [tmp_path / f"{place}.onnx" for place in range(len(spans))]
            for path, span in zip(paths, spans, strict=True):
                write_toy_model(path, calibration={"intervals": {"a": 1}, "familiarity": {"sequences": span}})
            return export_ensemble(paths, tmp_path / "e.onnx").calibration

        assert joined(5, 5) == {"familiarity": {"sequences": 5}}
        assert joined(5, 6) == {}

    def test_parity_is_with_the_members(self, written):
        parity = Parity(**written[1].parity)
        assert (parity.sequences, parity.keras_backend, parity.precision) == (1000, None, "float32")
        assert parity.largest_difference < 1e-5
        assert parity.r > 0.99999
        assert str(parity).startswith("The members against the ensemble (float32) over 1,000 sequences:")

    def test_training_has_the_entries_that_all_members_share(self, tmp_path, monkeypatch):
        import dataclasses

        import onnx

        from dreamkeras.sequence.description import METADATA_KEY, ModelDescription

        def trained(seed):
            path = write_toy_model(tmp_path / f"{seed}.onnx", weight=1 + seed)
            graph = onnx.load(path)
            old = ModelDescription.from_json(graph.metadata_props[0].value)
            new = dataclasses.replace(old, training={"assay": "yeast", "seed": seed})
            onnx.helper.set_model_props(graph, {METADATA_KEY: new.to_json()})
            onnx.save(graph, path)
            return path

        description = export_ensemble([trained(0), trained(1)], tmp_path / "m.onnx")
        assert description.training == {"assay": "yeast"}
        assert [member["training"]["seed"] for member in description.members] == [0, 1]


class TestErrors:
    """Rejected ensembles, none of which leaves a file."""

    @pytest.fixture(autouse=True)
    def _no_file(self, tmp_path):
        yield
        assert not (tmp_path / "m.onnx").exists()

    @pytest.mark.parametrize("number", [0, 1])
    def test_too_few_models(self, paths, tmp_path, number):
        with pytest.raises(ModelError, match=f"at least two models for an ensemble, got {number}"):
            export_ensemble(paths[:number], tmp_path / "m.onnx")

    def test_different_tasks_or_units(self, paths, tmp_path):
        with pytest.raises(ModelError, match="the same tasks"):
            export_ensemble([paths[0], write_toy_model(tmp_path / "gc.onnx", tasks=("gc",))], tmp_path / "m.onnx")
        with pytest.raises(ModelError, match="the same units"):
            export_ensemble([paths[0], write_toy_model(tmp_path / "bins.onnx", units="bins")], tmp_path / "m.onnx")

    def test_different_constructs(self, paths, tmp_path):
        longer = write_toy_model(tmp_path / "longer.onnx", Construct(name="longer", length=20, strands="given"))
        with pytest.raises(ModelError, match="models with the same construct for one file, got 'toy' and 'longer'"):
            export_ensemble([paths[0], longer], tmp_path / "m.onnx")

    def test_an_onnx_file_with_another_strand_rule(self, paths, tmp_path):
        with pytest.raises(ModelError, match=r"Cannot change the strand rule of .*1\.onnx from 'given' to 'both'"):
            export_ensemble(paths, tmp_path / "m.onnx", strands="both")

    def test_different_operator_sets(self, paths, tmp_path):
        import onnx

        graph = onnx.load(paths[1])
        graph.opset_import[0].version = 16
        onnx.save(graph, tmp_path / "old.onnx")
        with pytest.raises(ModelError, match=r"the same ONNX operator sets, got .* export the models again"):
            export_ensemble([paths[0], tmp_path / "old.onnx"], tmp_path / "m.onnx")

    @pytest.mark.parametrize(("option", "value"), [("precision", "int4"), ("strands", "given")])
    def test_unknown_values(self, paths, tmp_path, option, value):
        with pytest.raises(ModelError, match=f"Expected {option} to be one of .*, got '{value}'"):
            export_ensemble(paths, tmp_path / "m.onnx", **{option: value})

    def test_int8(self, paths, tmp_path):
        with pytest.raises(ModelError, match="float32 or float16 for an ensemble, got int8: export each member in int8"):
            export_ensemble(paths, tmp_path / "m.onnx", precision="int8")

    def test_an_ensemble_that_differs_from_its_members(self, paths, tmp_path, monkeypatch):
        right = ensemble_module.merge
        monkeypatch.setattr(ensemble_module, "merge", lambda members, name: right([members[0]] * len(members), name))
        with pytest.raises(ModelError, match=r"differ from those of its members by .* standard deviations, more than 0\.001 \("):
            export_ensemble(paths, tmp_path / "m.onnx")

    def test_missing_package(self, paths, tmp_path, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(MissingPackageError, match=r"onnx: pip install 'dreamkeras\[train\]'"):
            export_ensemble(paths, tmp_path / "m.onnx")

    def test_missing_output_folder(self, paths, tmp_path):
        with pytest.raises(DreamkerasError, match=r"Cannot write .*: the folder .* does not exist"):
            export_ensemble(paths, tmp_path / "no" / "m.onnx")


def test_strands_equal_to_those_of_the_onnx_files_are_accepted(paths, tmp_path):
    assert export_ensemble(paths, tmp_path / "m.onnx", strands="forward").construct.strands == "given"


class TestNetworks:
    """Ensembles of networks, given as a `.keras` file, its export, or a run folder with both."""

    def test_every_kind_of_file_can_be_a_member(self, exported, tmp_path):
        (tmp_path / "run").mkdir()
        shutil.copy(exported.onnx, tmp_path / "run" / "model.onnx")
        description = export_ensemble([exported.keras, exported.onnx, tmp_path / "run"], tmp_path / "m.onnx")
        sequences = ["GATTACA" * 11 + "GAT", "ACGT" * 20]
        spread = dreamkeras.load(tmp_path / "m.onnx", device="cpu").predict_spread(sequences)
        np.testing.assert_allclose(spread.mean, dreamkeras.load(exported.onnx).predict(sequences), atol=3e-4)
        assert spread.sd.max() < 1e-3
        assert [member["name"] for member in description.members] == ["dream-cnn-small"] * 3
        assert description.members[1]["parity"]["keras_backend"] == "tensorflow"

    def test_float16_halves_the_file_size(self, exported, tmp_path):
        copy = shutil.copy(exported.onnx, tmp_path / "copy.onnx")
        description = export_ensemble([exported.onnx, copy], tmp_path / "half.onnx", precision="float16")
        assert (tmp_path / "half.onnx").stat().st_size < 1.3 * exported.onnx.stat().st_size
        assert description.parity["precision"] == "float16"
        assert 0 < description.parity["largest_difference"] < 0.3


def test_a_model_given_twice_is_rejected_before_writing(tmp_path):
    file = write_toy_model(tmp_path / "a.onnx")
    (tmp_path / "link.onnx").symlink_to(file)
    with pytest.raises(ModelError, match=r"^The model .* is given twice"):
        export_ensemble([file, tmp_path / "link.onnx"], tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_int8_is_rejected_before_reading_the_models(tmp_path):
    with pytest.raises(ModelError, match="got int8: export each member in int8"):
        export_ensemble(["a.onnx", "b.onnx"], tmp_path / "m.onnx", precision="int8")
