from types import SimpleNamespace

import numpy as np
import pytest
from toy_models import TOY, count, write_toy_model

from dreamkeras.errors import ModelError
from dreamkeras.scoring import tuning
from dreamkeras.scoring.predictor import PACKAGED_MODEL, OnnxPredictor, load
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.served_model import ServedModel
from dreamkeras.serving.statistics import Statistics


def serve(path, name="toy"):
    return ServedModel(name, "1", load(path, device="cpu", threads=1), Statistics())


@pytest.fixture(scope="module")
def model(toy_model):
    return serve(toy_model)


@pytest.fixture(scope="module")
def packaged():
    return serve(PACKAGED_MODEL)


def test_inputs_are_sequences_or_letters(model):
    assert [(spec.name, spec.datatype, spec.shape) for spec in model.inputs] == [
        ("sequences", "BYTES", (-1, 1)),
        ("sequences", "BYTES", (-1,)),
        ("letters", "UINT8", (-1, TOY.length)),
    ]


def test_outputs_match_the_model_description(model):
    assert [(spec.name, spec.datatype, spec.shape) for spec in model.outputs] == [("expression", "FP32", (-1, 2))]


@pytest.mark.parametrize(
    ("kind", "outputs"),
    [
        ({"profile": 5}, {"counts": 2, "profile": 5}),
        ({"members": [{}, {}]}, {"expression": 2, "sd": 2}),
    ],
)
def test_models_with_several_outputs_return_all_of_them(kind, outputs):
    class Session:
        def get_providers(self):
            return ["CPUExecutionProvider"]

        def run(self, names, inputs):
            return [np.full((len(inputs["letters"]), outputs[name]), i, np.float32) for i, name in enumerate(names)]

    description = ModelDescription(name="m", construct=TOY, tasks=("a", "b"), units=("x", "x"), **kind)
    model = ServedModel("m", "1", OnnxPredictor(Session(), description), Statistics())
    assert {spec.name: spec.shape for spec in model.outputs} == {name: (-1, width) for name, width in outputs.items()}
    answer = model.answer(np.zeros((3, 12), np.uint8))
    assert {name: (values.shape, values[0, 0]) for name, values in answer.items()} == {
        name: ((3, width), i) for i, (name, width) in enumerate(outputs.items())
    }


def test_answer_contains_every_output(model):
    letters = np.frombuffer(b"ACGTACGTNNNNGGGGNNNNNNNN", np.uint8).reshape(2, 12)
    assert {name: values.tolist() for name, values in model.answer(letters).items()} == {"expression": [count("ACGTACGT"), count("GGGG")]}


def test_sequences_are_cut_as_by_the_predictor(packaged):
    inserts = ["ACGTTGCA" * 10, "a" * 70, "N" * 80]
    texts = [*inserts, *(YEAST.left_adapter + insert + YEAST.right_adapter for insert in inserts)]
    windows = packaged.windows("sequences", [text.encode() for text in texts])
    expected = packaged.predictor.predict(texts)
    np.testing.assert_allclose(packaged.answer(windows)["expression"], expected, rtol=1e-5)
    np.testing.assert_array_equal(windows[:3], windows[3:])


def test_letters_are_used_unchanged(model):
    letters = np.frombuffer(b"ACGTACGTNNNN", np.uint8).reshape(1, 12)
    assert model.windows("letters", letters) is letters


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([b"ACGT", b"ACGTx", b"y"], "Expected DNA letters, got 'x' at position 5 in the sequence at index 1. Input: 'sequences'"),
        ([b"ACGT", b"ACG\xc3\xa9"], "Expected DNA letters, got 'Ã' at position 4 in the sequence at index 1. Input: 'sequences'"),
        ([b"ACGT", b"ACG"], "Expected 4 to 12 bases for construct 'toy', got 3 in the sequence at index 1. Input: 'sequences'"),
        ([b""], "Expected 4 to 12 bases for construct 'toy', got 0 in the sequence at index 0. Input: 'sequences'"),
        ([b"A" * 13], "Expected at most 12 bases, adapters included, got 13 in the sequence at index 0. Input: 'sequences'"),
    ],
)
def test_error_has_the_index_of_the_sequence(model, texts, message):
    with pytest.raises(ProtocolError) as caught:
        model.windows("sequences", texts)
    assert (str(caught.value), caught.value.status) == (f"{message}.", 400)


def test_longest_sequence_with_both_adapters_fits(tmp_path):
    pytest.importorskip("onnx")
    construct = Construct(name="short", length=12, left_adapter="AAAA", right_adapter="CCCC", alignment="center", strands="given")
    model = serve(write_toy_model(tmp_path / "short.onnx", construct))
    assert model.windows("sequences", [b"AAAA" + b"G" * 12 + b"CCCC"]).tobytes() == b"G" * 12
    with pytest.raises(ProtocolError, match="Expected at most 20 bases, adapters included, got 21"):
        model.windows("sequences", [b"AAAA" + b"G" * 13 + b"CCCC"])


def test_windows_with_invalid_bytes_are_refused(model):
    with pytest.raises(ProtocolError, match=r"Expected ASCII codes of DNA letters, got 0 at row 0, column 0. Input: 'letters'"):
        model.windows("letters", np.zeros((1, 12), np.uint8))


class Session:
    """Session that needs 2 ms per batch and 0.1 ms per row, and 0.3 ms per row beyond 32 rows, by the clock `now`.

    Its memory suffices for `most` rows.
    """

    now = 0.0

    def __init__(self, provider="CPUExecutionProvider", most=1000):
        self.provider, self.most, self.sizes = provider, most, []

    def get_providers(self):
        return [self.provider]

    def run(self, _, inputs):
        rows = len(inputs["letters"])
        self.sizes.append(rows)
        if rows > self.most:
            raise RuntimeError("out of memory")
        Session.now += 0.002 + 0.0001 * rows * (1 if rows <= 32 else 3)
        return [np.zeros((rows, 2), np.float32)]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Measures sessions by their own clock, so that no other program changes the times."""
    monkeypatch.setattr(tuning, "time", SimpleNamespace(perf_counter=lambda: Session.now))


def serve_session(session):
    description = ModelDescription(name="m", construct=TOY, tasks=("a", "b"), units=("x", "x"))
    return ServedModel("m", "1", OnnxPredictor(session, description), Statistics())


class TestWarmUp:
    def test_warm_up_finds_the_fastest_batch_size_and_the_speed(self):
        model = serve_session(Session())
        model.warm_up(1024)
        assert model.batch_rows == 32
        assert model.speed.seconds_per_row == pytest.approx(0.0052 / 32)
        assert model.statistics.executions == 0

    @pytest.mark.parametrize("most", [3, 16])
    def test_warm_up_respects_the_maximum_batch_size(self, most):
        model = serve_session(Session())
        model.warm_up(most)
        assert model.batch_rows == max(model.predictor.session.sizes) == most

    def test_warm_up_uses_the_largest_batch_that_fits_in_memory(self):
        model = serve_session(Session(most=16))
        model.warm_up(1024)
        assert model.batch_rows == 16

    def test_warm_up_fails_without_memory(self):
        with pytest.raises(ModelError, match="out of memory"):
            serve_session(Session(most=8)).warm_up(1024)


class TestOnCuda:
    """Tests with a session that claims to run on a GPU, since CI has none."""

    @pytest.fixture
    def model(self):
        return serve_session(Session("CUDAExecutionProvider"))

    def test_batches_are_scored_one_after_the_other(self, model):
        assert (model.device, model.at_once) == ("cuda", 1)
        assert serve_session(Session()).device == "cpu"

    def test_batches_are_padded_to_a_power_of_two_and_padding_is_removed(self, model):
        model.batch_rows = 64
        answers = [model.answer(np.full((rows, 12), ord("A"), np.uint8))["expression"] for rows in (3, 33, 64)]
        assert [len(answer) for answer in answers] == [3, 33, 64]
        assert model.predictor.session.sizes[-3:] == [4, 64, 64]

    def test_warm_up_runs_every_batch_size(self, model):
        model.warm_up(64)
        assert {1, 2, 4, 8, 16} <= set(model.predictor.session.sizes)
