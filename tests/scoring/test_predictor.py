import shutil
import subprocess
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toy_models import TOY, count, write_toy_model

import dreamkeras
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring import predictor as predictor_module
from dreamkeras.scoring import scorer
from dreamkeras.scoring.model_file import LETTERS_INPUT
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.scoring.session import run_session
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.description import ModelDescription

SEQUENCES = ["ACGT", "GGGGCC", "acgtnACGTRYK", "TTTTT"]


def letters_of(*texts):
    return np.array([list(text.ljust(12, "N").encode()) for text in texts], np.uint8)


def test_load_reads_the_description(predictor):
    assert isinstance(predictor, OnnxPredictor)
    assert predictor.construct == TOY
    assert predictor.tasks == ("gc", "a")
    assert predictor.description == ModelDescription("toy", TOY, ("gc", "a"), ("letters", "letters"))


def test_load_accepts_a_run_folder(toy_model, tmp_path):
    shutil.copy(toy_model, tmp_path / "model.onnx")
    for path in (tmp_path, str(tmp_path)):
        assert load(path).tasks == ("gc", "a")


def test_package_exports_load(toy_model):
    assert dreamkeras.load is load


class TestPredict:
    def test_values_are_the_counts_of_letters(self, predictor):
        values = predictor.predict(SEQUENCES)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, [count(text) for text in SEQUENCES])

    def test_mixed_lengths_keep_their_order(self, predictor):
        sequences = ["G" * (4 + i % 9) for i in range(100)]
        assert predictor.predict(sequences, batch_size=7)[:, 0].tolist() == [len(text) for text in sequences]

    def test_adapters_are_optional(self, tmp_path):
        yeast = load(write_toy_model(tmp_path / "y.onnx", YEAST))
        insert = "GATTACA" * 11 + "GAT"
        np.testing.assert_array_equal(*(yeast.predict([text]) for text in (insert, YEAST.left_adapter + insert + YEAST.right_adapter)))

    def test_no_sequences_give_no_rows(self, predictor):
        assert predictor.predict([]).shape == (0, 2)
        assert predictor.predict(iter([])).dtype == np.float32

    @pytest.mark.parametrize("kind", [list, tuple, iter, np.array])
    def test_any_iterable_of_strings_is_accepted(self, predictor, kind):
        assert predictor.predict(kind(SEQUENCES)).shape == (4, 2)

    def test_long_lists_are_scored_in_chunks(self, predictor, monkeypatch):
        monkeypatch.setattr(scorer, "STRINGS_AT_ONCE", 3)
        np.testing.assert_array_equal(predictor.predict(SEQUENCES * 2), [count(text) for text in SEQUENCES * 2])

    @pytest.mark.parametrize("single", ["ACGTACGT", b"ACGTACGT"])
    def test_single_sequence_is_refused(self, predictor, single):
        with pytest.raises(InputError, match=r"got a single (str|bytes)\. Pass \[sequence\]"):
            predictor.predict(single)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ("ACGX", "got 'X' at position 4 in the sequence at index 4"),
            ("ACG", "got 3 in the sequence at index 4"),
            ("A" * 13, "got 13 in the sequence at index 4"),
            ("", "got 0 in the sequence at index 4"),
            ("ACGT☃", "got '.' at position 5 in the sequence at index 4"),
            (b"ACGT", "strings, got bytes at index 4"),
            (None, "strings, got NoneType at index 4"),
            (float("nan"), "strings, got float at index 4"),
        ],
    )
    @pytest.mark.parametrize("at_once", [2, 8192])
    def test_error_names_the_index_of_the_sequence(self, predictor, bad, message, at_once, monkeypatch):
        monkeypatch.setattr(scorer, "STRINGS_AT_ONCE", at_once)
        with pytest.raises(InputError, match=message):
            predictor.predict([*SEQUENCES, bad])

    def test_threads_may_share_a_predictor(self, predictor):
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: predictor.predict(SEQUENCES * 50, batch_size=3), range(8)))
        for values in results:
            np.testing.assert_array_equal(values, results[0])


class TestScoreLetters:
    @pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 1000])
    def test_batch_size_does_not_change_values(self, predictor, batch_size):
        values = predictor.score_letters(letters_of(*SEQUENCES), batch_size)
        np.testing.assert_array_equal(values, [count(text) for text in SEQUENCES])

    def test_predictions_do_not_depend_on_the_batch(self):
        model, random = load(), np.random.default_rng(0)
        letters = random.choice(np.frombuffer(b"ACGTN", np.uint8), (64, YEAST.length))
        whole = model.score_letters(letters)
        for batch_size in (1, 3, 17):
            order = random.permutation(len(letters))
            np.testing.assert_array_equal(model.score_letters(letters[order], batch_size), whole[order])

    def test_progress_is_called_for_each_batch(self, predictor):
        told = []
        predictor.score_letters(letters_of(*SEQUENCES, "ACGT"), 2, told.append)
        assert told == [2, 2, 1]

    def test_views_are_accepted_and_not_modified(self, predictor):
        letters = np.asfortranarray(letters_of(*SEQUENCES))[::-1]
        before = letters.copy()
        np.testing.assert_array_equal(predictor.score_letters(letters), [count(text) for text in SEQUENCES[::-1]])
        np.testing.assert_array_equal(letters, before)

    def test_no_windows_give_no_rows(self, predictor):
        assert predictor.score_letters(np.empty((0, 12), np.uint8)).shape == (0, 2)

    @pytest.mark.parametrize(
        "letters",
        [np.zeros((2, 11), np.uint8), np.zeros(12, np.uint8), np.zeros((2, 12), np.int64), np.zeros((2, 12, 4), np.uint8), ["ACGT"]],
        ids=["length", "one-dimensional", "int64", "one-hot", "strings"],
    )
    def test_wrong_array_is_refused_with_the_expected_shape(self, predictor, letters):
        with pytest.raises(InputError, match=r"Expected letters as a uint8 array \(n, 12\), got .*`predict` takes strings"):
            predictor.score_letters(letters)

    def test_token_ids_are_refused(self, predictor):
        letters = letters_of(*SEQUENCES)
        letters[2, 5] = 3
        with pytest.raises(InputError, match="got 3 at row 2, column 5"):
            predictor.score_letters(letters)

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_batch_size_below_one_is_refused(self, predictor, batch_size):
        with pytest.raises(InputError, match="batch_size of at least 1"):
            predictor.score_letters(letters_of("ACGT"), batch_size)


def test_scoring_imports_no_training_framework(toy_model):
    code = f"import dreamkeras, sys; dreamkeras.load({str(toy_model)!r}).predict(['ACGT']); print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert "onnxruntime" in loaded
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "pandas", "rich", "click", "onnx", "scipy", "matplotlib"}


def test_profiles_of_a_model_without_profiles_are_refused(tmp_path):
    model = load(write_toy_model(tmp_path / "toy.onnx"))
    for ask in (lambda: model.predict_profiles(["ACGT"]), lambda: model.score_profiles(np.zeros((1, 12), np.uint8))):
        with pytest.raises(ModelError, match="The model toy does not predict profiles"):
            ask()


class TestThreads:
    """Tests of threads that score parts of a batch."""

    class Session:
        """Session that returns the first letter of each window once `together` threads have called it."""

        def __init__(self, together):
            self.sizes, self.barrier = [], threading.Barrier(together, timeout=20)

        def get_providers(self):
            return ["CPUExecutionProvider"]

        def run(self, _, inputs):
            letters = inputs["letters"]
            self.sizes.append(len(letters))
            self.barrier.wait()
            return [np.repeat(letters[:, :1], 2, axis=1).astype(np.float32)]

    @pytest.mark.parametrize(
        ("threads", "rows", "batch_size", "sizes"),
        [(2, 64, 64, [32, 32]), (2, 60, 20, [10] * 6), (3, 24, 12, [8, 8, 8]), (2, 8, 4, [4, 4]), (2, 33, 64, [16, 17]), (1, 6, 4, [2, 4])],
    )
    def test_batch_is_divided_into_parts_of_at_least_8_windows(self, predictor, threads, rows, batch_size, sizes):
        session = self.Session(together=threads)
        letters = np.full((rows, 12), ord("A"), np.uint8) + np.arange(rows, dtype=np.uint8)[:, None] % 2 * 2
        told = []
        values = OnnxPredictor(session, predictor.description, threads).score_windows([letters], batch_size, told.append)
        assert (sorted(session.sizes), sum(told)) == (sorted(sizes), rows)
        np.testing.assert_array_equal(values, np.repeat(letters[:, :1], 2, axis=1))

    def test_error_in_a_thread_is_raised(self, predictor):
        session = self.Session(together=3)
        session.barrier.abort()
        with pytest.raises(ModelError, match="ONNX Runtime could not score a batch of letters"):
            OnnxPredictor(session, predictor.description, 2).score_windows([np.full((20, 12), ord("A"), np.uint8)])

    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_number_of_threads_does_not_change_values(self, toy_model, threads):
        letters = letters_of(*SEQUENCES * 20)
        np.testing.assert_array_equal(load(toy_model, "cpu", threads).score_letters(letters), [count(text) for text in SEQUENCES * 20])

    def test_zero_threads_are_refused(self, toy_model):
        with pytest.raises(ModelError, match="at least 1 thread, got 0"):
            load(toy_model, "cpu", 0)


class TestCuda:
    """Tests of batch shapes on CUDA, with a stub that reports CUDA and runs without a GPU."""

    class Session:
        def __init__(self, session):
            self.session, self.shapes = session, []

        def get_providers(self):
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

        def run(self, outputs, inputs):
            self.shapes.append(len(inputs["letters"]))
            return self.session.run(outputs, inputs)

    @pytest.mark.parametrize(("rows", "shapes"), [(20, [8, 8, 4]), (7, [8]), (8, [8]), (1, [1]), (11, [8, 4])])
    def test_gpu_batches_are_padded_to_few_shapes(self, predictor, rows, shapes):
        session = self.Session(predictor.session)
        letters = letters_of(*SEQUENCES * 5)[:rows]
        told = []
        values = OnnxPredictor(session, predictor.description).score_windows([letters], 8, told.append)
        assert (session.shapes, sum(told)) == (shapes, rows)
        np.testing.assert_array_equal(values, predictor.score_windows([letters], 8))

    def test_gpu_batches_are_not_padded_beyond_the_batch_size(self, predictor):
        session = self.Session(predictor.session)
        OnnxPredictor(session, predictor.description).score_windows([letters_of(*SEQUENCES * 4)], 11)
        assert session.shapes == [11, 8]


def test_default_batch_size_is_64(toy_model, monkeypatch):
    asked = []

    def run(session, outputs, feed):
        asked.append(len(feed[LETTERS_INPUT]))
        return run_session(session, outputs, feed)

    monkeypatch.setattr(predictor_module, "run_session", run)
    load(toy_model, device="cpu", threads=1).predict(["ACGT"] * 130)
    assert asked == [64, 64, 2]


def test_profiles_of_no_sequences_have_the_width_of_the_profile(predictor, monkeypatch):
    description = types.SimpleNamespace(outputs={"counts": 1, "profile": 7})
    monkeypatch.setattr(predictor, "description", description)
    monkeypatch.setattr(predictor, "_check_profile", lambda: None)
    monkeypatch.setattr(predictor, "_cut", lambda sequences: iter(()))
    assert predictor.predict_profiles([]).shape == (0, 7)
