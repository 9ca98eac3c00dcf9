"""Encoding of letters and reverse complement inside the graph."""

import keras
import numpy as np
import pytest
from keras import ops
from keras_arrays import array, random_array, random_letters

from dreamkeras.layers.encoding import LetterEncoding, left_packed, reverse_complement
from dreamkeras.sequence import alphabet, packing

EVERY_CODE = np.arange(256, dtype=np.uint8)[None]


@pytest.mark.parametrize("flags", [0, 1, 3])
def test_a_letter_is_encoded_as_its_one_hot_row_and_the_flags(flags):
    values = random_array(1, flags)
    wanted = np.concatenate([alphabet.ONE_HOT[EVERY_CODE], np.broadcast_to(values[:, None], (1, 256, flags))], axis=-1)
    np.testing.assert_array_equal(array(LetterEncoding()(EVERY_CODE, values)), wanted)


def test_each_sequence_has_its_own_flags():
    flags = np.array([[0, 1], [1, 0], [1, 1]], np.float32)
    encoded = array(LetterEncoding()(random_letters(3, 8), flags))
    assert (encoded[:, :, 4:] == flags[:, None]).all()


def test_base_order_case_and_unknown_letters():
    letters = np.frombuffer(b"ACGTacgtNR", np.uint8)[None]
    encoded = array(LetterEncoding()(letters, np.zeros((1, 0), np.float32)))[0]
    np.testing.assert_array_equal(encoded[:8], [*np.eye(4), *np.eye(4)])
    np.testing.assert_array_equal(encoded[8:], [[0, 0, 0, 0], [0.5, 0, 0.5, 0]])


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_encodes_in_the_compute_dtype(dtype):
    encoded = LetterEncoding(dtype=dtype)(random_letters(2, 8), np.ones((2, 1), np.float32))
    assert keras.backend.standardize_dtype(encoded.dtype) == dtype.removeprefix("mixed_")


@pytest.mark.parametrize("letters", [EVERY_CODE, random_letters(3, 21), random_letters(1, 1)])
def test_the_reverse_complement_equals_that_of_the_alphabet(letters):
    other = ops.convert_to_numpy(reverse_complement(ops.convert_to_tensor(letters)))
    assert other.dtype == np.uint8
    np.testing.assert_array_equal(other, alphabet.reverse_complement(letters))


def test_reverse_complement_twice_is_identity():
    letters = random_letters(3, 21, letters=b"ACGTRYKMNacgt")
    there = reverse_complement(ops.convert_to_tensor(letters))
    np.testing.assert_array_equal(ops.convert_to_numpy(reverse_complement(there)), letters)


def test_encoding_and_reverse_complement_work_in_a_model_with_any_batch_size():
    letters, flags = keras.Input((21,), dtype="uint8"), keras.Input((2,))
    model = keras.Model([letters, flags], LetterEncoding()(reverse_complement(letters), flags))
    given = random_letters(5, 21)
    came = model.predict([given, np.zeros((5, 2), np.float32)], batch_size=2, verbose=0)
    np.testing.assert_array_equal(came[..., :4], alphabet.ONE_HOT[alphabet.reverse_complement(given)])
    assert model.output_shape == (None, 21, 6)


def test_left_packing_inside_the_graph_equals_that_of_arrays():
    letters = np.random.default_rng(0).choice(np.frombuffer(b"ACGTNNnnN", np.uint8), (200, 7))
    letters[0] = ord("N")
    packed = left_packed(ops.convert_to_tensor(letters))
    assert keras.backend.standardize_dtype(packed.dtype) == "uint8"
    np.testing.assert_array_equal(ops.convert_to_numpy(packed), packing.left_packed(letters))
