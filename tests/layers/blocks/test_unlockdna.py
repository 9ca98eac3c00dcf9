"""Unlock_DNA's blocks, compared with NumPy, and DREAM-Attn's, compared with plain torch with the same weights."""

import keras
import numpy as np
import pytest
from keras_arrays import array, random_array, random_letters, randomise
from torch_conformer import copy_plain, plain_torch

from dreamkeras.layers.blocks.autosome import AutosomeFinal, AutosomeFirst
from dreamkeras.layers.blocks.unlockdna import UnlockDNACore, UnlockDNAFinal, UnlockDNAFirst, continue_with_other_strand
from dreamkeras.sequence import alphabet


def built(layer, *shape):
    layer.build((None, *shape))
    return randomise(layer)


def encoded(letters, flags):
    return np.concatenate([alphabet.ONE_HOT[letters], np.repeat(flags[:, None], letters.shape[1], axis=1)], axis=-1)


def kmers(inputs, kmer):
    """Returns the k-mer at each position with zero padding, (batch, length, kmer * channels)."""
    padded = np.pad(inputs, ((0, 0), ((kmer - 1) // 2, kmer // 2), (0, 0)))
    return np.concatenate([padded[:, tap : tap + inputs.shape[1]] for tap in range(kmer)], axis=-1)


def test_the_reverse_complement_is_appended_with_the_same_flags():
    letters, flags = random_letters(3, 7), random_array(3, 2)
    wanted = encoded(np.concatenate([letters, alphabet.reverse_complement(letters)], axis=1), flags)
    np.testing.assert_array_equal(array(continue_with_other_strand(encoded(letters, flags))), wanted)


@pytest.mark.parametrize("kmer", [3, 4])
def test_a_kmer_is_embedded_by_a_dense_layer(kmer):
    block, inputs = built(UnlockDNAFirst(5, kmer), 9, 6), random_array(3, 9, 6)
    kernel, bias = map(array, block.weights)
    np.testing.assert_allclose(array(block(inputs)), kmers(inputs, kmer) @ kernel.reshape(-1, 5) + bias, atol=1e-5)


def test_strand_vectors_are_added_to_both_halves():
    block, letters, flags = built(UnlockDNAFirst(5, 3, both_strands=True), 9, 6), random_letters(3, 9), random_array(3, 2)
    kernel, bias, strands = map(array, (*block.embedding.weights, block.strands))
    whole = encoded(np.concatenate([letters, alphabet.reverse_complement(letters)], axis=1), flags)
    wanted = kmers(whole, 3) @ kernel.reshape(-1, 5) + bias + np.repeat(strands, 9, axis=0)
    np.testing.assert_allclose(array(block(encoded(letters, flags))), wanted, atol=1e-5)


def test_the_reverse_complement_swaps_the_halves():
    block, letters, flags = built(UnlockDNAFirst(5, 3, both_strands=True), 9, 6), random_letters(3, 9), random_array(3, 2)
    strands = np.repeat(array(block.strands), 9, axis=0)
    forward, reverse = (array(block(encoded(these, flags))) - strands for these in (letters, alphabet.reverse_complement(letters)))
    inside = slice(1, 8)  # k-mers that do not cross an end or the border between the strands
    np.testing.assert_allclose(forward[:, :9][:, inside], reverse[:, 9:][:, inside], atol=1e-5)
    np.testing.assert_allclose(forward[:, 9:][:, inside], reverse[:, :9][:, inside], atol=1e-5)


def test_the_core_adds_position_vectors_and_applies_conformer_blocks():
    core, inputs = built(UnlockDNACore(2, 2, 5), 12, 8), random_array(3, 12, 8)
    features = inputs + array(core.positions)
    for block in core.conformer:
        features = array(block(features))
    np.testing.assert_allclose(array(core(inputs)), features, atol=1e-4)
    assert [(block.heads, block.kernel_size, block.dropout, block.add_normed) for block in core.conformer] == [(2, 5, 0.1, True)] * 2


def test_the_core_requires_a_fixed_length_and_channels_divisible_by_heads():
    with pytest.raises(ValueError, match="Expected features of a fixed length"):
        UnlockDNACore().build((None, None, 8))
    with pytest.raises(ValueError, match="Expected channels to be a multiple of 4, the number of heads, got 6"):
        UnlockDNACore().build((None, 12, 6))


def test_attention_has_a_lower_learning_rate():
    assert UnlockDNACore.learning_rate == 0.001


@pytest.fixture(scope="module")
def twins():
    """Returns a small plain torch DREAM-Attn and Keras blocks with the same weights."""
    pytest.importorskip("torch")
    network = plain_torch((16, 2), length=20)
    blocks = AutosomeFirst(16), UnlockDNACore(2), AutosomeFinal()
    for block, channels in zip(blocks, (6, 16, 16), strict=True):
        block.build((None, 20, channels))
    copy_plain(network, *blocks)
    return network, *blocks


@pytest.mark.parametrize("training", [False, True])
def test_blocks_equal_plain_torch(twins, training):
    import torch

    network, first, core, final = twins
    inputs = random_array(5, 20, 6)
    with torch.no_grad():
        wanted = network.train(training)(torch.tensor(inputs).permute(0, 2, 1)).numpy()
    came = final(core(first(inputs, training=training)))
    np.testing.assert_allclose(array(came["logits"]), wanted, atol=2e-4)


@pytest.mark.parametrize(("channels", "length", "wanted"), [(6, 150, 4_539_410), (5, 230, None), (5, 249, None)])
def test_dream_attn_has_the_expected_number_of_weights(channels, length, wanted):
    first, core, final = AutosomeFirst(), UnlockDNACore(), AutosomeFinal()
    for block, width in ((first, channels), (core, 256), (final, 256)):
        block.build((None, length, width))
    trained = sum(int(np.prod(weight.shape)) for block in (first, core, final) for weight in block.trainable_weights)
    assert trained == (wanted or 4_539_410 + (length - 150) * 256 + (channels - 6) * 7 * 256)


def test_expression_is_predicted_from_the_first_positions_and_bases_from_all():
    final, features = built(UnlockDNAFinal(2, positions=3), 9, 8), random_array(3, 9, 8)
    final.fit_scale(np.array([[1, 10], [3, 30]], np.float32))
    outputs = final(features)
    (value, value_bias), (guess, guess_bias) = map(array, final.values.weights), map(array, final.guess.weights)
    wanted = (features[:, :3] @ value + value_bias).mean(1) * [1, 10] + [2, 20]
    np.testing.assert_allclose(array(outputs["expression"]), wanted, atol=1e-4)
    np.testing.assert_allclose(array(outputs["nucleotides"]), features @ guess + guess_bias, atol=1e-4)


def test_outputs_are_float32_in_mixed_precision():
    outputs = UnlockDNAFinal(positions=3, dtype="mixed_float16")(random_array(3, 9, 8))
    assert {keras.backend.standardize_dtype(value.dtype) for value in outputs.values()} == {"float32"}


def test_too_few_positions_are_rejected():
    with pytest.raises(ValueError, match="Expected features of at least 8 positions, got 7"):
        UnlockDNAFinal().build((None, 7, 8))
