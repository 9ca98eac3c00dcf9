"""LegNet as published after the challenge, compared with its parts and the published sizes."""

import numpy as np
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.blocks.autosome import AutosomeFinal, AutosomeFirst
from dreamkeras.layers.blocks.legnet import LegNetCore
from dreamkeras.layers.slots import find_block


def size_of_step(channels, filters):
    """Counts the weights of a step: widen, mix, gate, narrow and resize, with two weights for each normalised channel."""
    inner, hidden = 4 * channels, channels // 4
    middle = channels * inner + 2 * inner + 7 * inner + 2 * inner + inner * channels + 2 * channels
    gate = inner * hidden + hidden + hidden * inner + inner
    return middle + gate + 7 * 2 * channels * filters + 2 * filters


def test_a_step_is_depthwise_with_four_times_the_input_channels():
    core = LegNetCore((4, 6))
    core.build((None, 12, 8))
    assert [step.mix.convolution.kernel.shape for step in core.steps] == [(7, 1, 32), (7, 1, 16)]
    assert [step.gate.hidden for step in core.steps] == [2, 1]


def test_the_core_applies_its_steps_in_order():
    core, inputs = LegNetCore((4, 6)), random_array(2, 12, 8)
    core.build((None, 12, 8))
    randomise(core)
    features = inputs
    for step in core.steps:
        features = array(step(features))
    np.testing.assert_allclose(array(core(inputs)), features, atol=1e-4)


def test_the_core_has_the_published_number_of_weights():
    core, widths = LegNetCore(), (256, 128, 128, 64, 64, 64, 64)
    core.build((None, 150, 256))
    trained = sum(int(np.prod(weight.shape)) for weight in core.trainable_weights)
    assert trained == sum(map(size_of_step, widths[:-1], widths[1:]))


def test_the_first_and_final_blocks_are_autosomes():
    assert find_block("first", "legnet") is AutosomeFirst
    assert find_block("final", "legnet") is AutosomeFinal
