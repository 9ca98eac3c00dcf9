"""Proformer's blocks, compared with NumPy and with the size given in the paper."""

import numpy as np
import pytest
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.blocks.proformer import ProformerCore, ProformerFinal, ProformerFirst
from dreamkeras.layers.blocks.unlockdna import UnlockDNAFinal, continue_with_other_strand


def built(layer, *shape):
    layer.build((None, *shape))
    return randomise(layer)


def test_tokens_come_before_kmers_with_position_and_strand():
    block, inputs = built(ProformerFirst(5, kmer=4, tokens=3), 9, 6), random_array(2, 9, 6)
    outputs = array(block(inputs))
    np.testing.assert_allclose(outputs[:, :3], np.broadcast_to(array(block.token), (2, 3, 5)))
    embedded = array(block.embedding(array(continue_with_other_strand(inputs))))
    wanted = embedded + array(block.positions) + np.repeat(array(block.strands), 9, axis=0)
    np.testing.assert_allclose(outputs[:, 3:], wanted, atol=1e-5)


@pytest.mark.parametrize("block", [ProformerFirst()])
def test_an_unknown_length_is_rejected(block):
    with pytest.raises(ValueError, match="Expected sequences of a fixed length"):
        block.build((None, None, 6))


def test_the_core_applies_conformer_blocks_with_wide_heads():
    core, inputs = built(ProformerCore(2, 2, kernel_size=5), 12, 8), random_array(3, 12, 8)
    features = inputs
    for block in core.macaron:
        features = array(block(features))
    np.testing.assert_allclose(array(core(inputs)), features, atol=2e-4)
    assert [(block.heads, block.head_size, block.kernel_size, block.add_normed) for block in core.macaron] == [(2, 8, 5, False)] * 2


def test_expression_is_predicted_from_the_tokens_and_bases_from_the_other_positions():
    final, features = built(ProformerFinal(positions=3), 9, 8), random_array(2, 9, 8)
    outputs = final(features)
    np.testing.assert_allclose(array(outputs["expression"]), array(super(ProformerFinal, final).call(features)["expression"]))
    guess, bias = map(array, final.guess.weights)
    np.testing.assert_allclose(array(outputs["nucleotides"]), features[:, 3:] @ guess + bias, atol=1e-4)
    assert isinstance(final, UnlockDNAFinal)


def test_the_entry_has_about_47_million_weights():
    first, core, final = ProformerFirst(), ProformerCore(blocks=1), ProformerFinal()
    first.build((None, 100, 4))
    core.build((None, 232, 512))
    final.build((None, 232, 512))
    feed, norms, convolution = 2 * 512 + 512 * 2048 + 1024 * 512, 4 * 512, 15 * 512 + 512 * 513
    attention = 3 * (512 + 1) * 8 * 512 + (8 * 512 + 1) * 512
    assert core.count_params() == 2 * feed + norms + convolution + attention
    assert first.count_params() == 512 * (40 + 1) + 200 * 512 + 2 * 512 + 512
    assert 4.7e7 < first.count_params() + 4 * core.count_params() + final.count_params() < 4.8e7
