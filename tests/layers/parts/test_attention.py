"""The parts of a Conformer and complete blocks, compared with NumPy, and attention, compared with torch."""

import keras
import numpy as np
import pytest
from keras_arrays import array, gradients, random_array, randomise

from dreamkeras.layers.parts.attention import ConformerBlock, ConvolutionModule, FeedForward, MultiHeadSelfAttention
from dreamkeras.layers.parts.exportable import exportable_layers


def built(layer, channels=8):
    layer.build((None, 12, channels))
    return randomise(layer)


def normalised(inputs, norm):
    gamma, beta = map(array, norm.weights)
    centred = inputs - inputs.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * gamma + beta


def softmax(values):
    powers = np.exp(values - values.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attend(layer, inputs):
    """Computes attention one head at a time."""
    (ask, ask_bias), (answer, answer_bias) = map(array, layer.ask.weights), map(array, layer.answer.weights)
    query, key, value = (np.split(part, layer.heads, -1) for part in np.split(inputs @ ask + ask_bias, 3, -1))
    heads = [softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])) @ v for q, k, v in zip(query, key, value, strict=True)]
    return np.concatenate(heads, -1) @ answer + answer_bias


def test_feed_forward_gates_one_half_by_the_other():
    layer, inputs = built(FeedForward(expansion=3)), random_array(3, 12, 8)
    values, gate = np.split(normalised(inputs, layer.norm) @ array(layer.widen.kernel), 2, axis=-1)
    wanted = values * gate / (1 + np.exp(-gate)) @ array(layer.narrow.kernel)
    np.testing.assert_allclose(array(layer(inputs)), wanted, atol=1e-4)
    assert layer.widen.kernel.shape == (8, 24)
    assert [weight.path.rsplit("/", 1)[-1] for weight in layer.trainable_weights].count("bias") == 0


def test_the_convolution_module_is_depthwise_and_then_pointwise():
    layer, inputs = built(ConvolutionModule(kernel_size=5)), random_array(3, 12, 8)
    taps, (across, bias) = array(layer.depthwise.kernel), map(array, layer.pointwise.weights)
    padded = np.pad(inputs, ((0, 0), (2, 2), (0, 0)))
    along = sum(padded[:, tap : tap + 12] * taps[tap, 0] for tap in range(5))
    np.testing.assert_allclose(array(layer(inputs)), np.maximum(along @ across + bias, 0), atol=1e-4)


@pytest.mark.parametrize("head_size", [None, 3])
def test_heads_attend_independently(head_size):
    layer, inputs = built(MultiHeadSelfAttention(4, head_size)), random_array(3, 12, 8)
    assert layer.ask.kernel.shape == (8, 3 * 4 * (head_size or 2))
    np.testing.assert_allclose(array(layer(inputs)), attend(layer, inputs), atol=1e-4)


def test_attention_and_its_gradients_equal_torch():
    torch = pytest.importorskip("torch")
    layer, inputs, cotangent = built(MultiHeadSelfAttention(2)), random_array(3, 12, 8), random_array(3, 12, 8, seed=1)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    named = {"in_proj_weight": layer.ask.kernel, "in_proj_bias": layer.ask.bias}
    named |= {"out_proj.weight": layer.answer.kernel, "out_proj.bias": layer.answer.bias}
    theirs.load_state_dict({name: torch.tensor(array(weight).T) for name, weight in named.items()})
    features = torch.tensor(inputs, requires_grad=True)
    outputs = theirs(features, features, features)[0]
    np.testing.assert_allclose(array(layer(inputs)), outputs.detach().numpy(), atol=1e-4)
    outputs.backward(torch.tensor(cotangent))
    by_inputs, by_ask, *_ = gradients(layer, inputs, cotangent)
    np.testing.assert_allclose(by_inputs, features.grad.numpy(), atol=1e-3)
    np.testing.assert_allclose(by_ask, theirs.in_proj_weight.grad.numpy().T, atol=1e-3)


def test_attention_is_equivariant_to_the_order_of_positions():
    layer, inputs = built(MultiHeadSelfAttention(2)), random_array(3, 12, 8)
    np.testing.assert_allclose(array(layer(inputs[:, ::-1].copy())), array(layer(inputs))[:, ::-1], atol=1e-5)


def test_channels_must_be_a_multiple_of_the_heads():
    with pytest.raises(ValueError, match="Expected channels to be a multiple of 4, the number of heads, got 6"):
        MultiHeadSelfAttention(4).build((None, 12, 6))
    assert MultiHeadSelfAttention(4, head_size=5)(random_array(2, 12, 6)).shape == (2, 12, 6)


@pytest.mark.parametrize("add_normed", [False, True])
def test_a_block_adds_the_output_of_each_part(add_normed):
    block, inputs = built(ConformerBlock(2, kernel_size=5, add_normed=add_normed)), random_array(3, 12, 8)
    after_feed = inputs + 0.5 * array(block.feed_in(inputs))
    normed = normalised(after_feed, block.convolution_norm).astype(np.float32)
    after_convolution = after_feed + add_normed * normed + array(block.convolution(normed))
    base = normalised(after_convolution, block.attention_norm).astype(np.float32)
    after_attention = base + array(block.attention(base))
    wanted = after_attention + 0.5 * array(block.feed_out(after_attention))
    np.testing.assert_allclose(array(block(inputs)), wanted, atol=2e-4)


@pytest.mark.parametrize("layer", [FeedForward(dropout=0.5), ConvolutionModule(dropout=0.5)])
def test_dropout_applies_only_in_training(layer):
    built(layer)
    inputs = random_array(8, 12, 8)
    kept, dropped = array(layer(inputs, training=False)), array(layer(inputs, training=True))
    np.testing.assert_array_equal(kept, array(layer(inputs)))
    assert 0.4 < (dropped[kept != 0] == 0).mean() < 0.6


def test_a_block_of_dream_attn_has_the_expected_number_of_weights():
    block = ConformerBlock()
    block.build((None, 150, 256))
    feed = 2 * 256 + 256 * 1024 + 512 * 256
    attention = 256 * 768 + 768 + 256 * 256 + 256
    assert block.count_params() == 2 * feed + 4 * 256 + 256 * 15 + 256 * 256 + 256 + attention
    assert (block.attention.heads, block.attention.size) == (4, 64)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_a_block_exports_with_one_grouped_convolution():
    import tensorflow as tf

    tf2onnx = pytest.importorskip("tf2onnx")
    block, signature = built(ConformerBlock(2)), [tf.TensorSpec((None, 12, 8), tf.float32, name="features")]
    with exportable_layers():
        function = tf.function(block.__call__, input_signature=signature, autograph=False)
        graph = tf2onnx.convert.from_function(function, input_signature=signature, opset=18)[0].graph
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert [attribute.i for node in convolutions for attribute in node.attribute if attribute.name == "group"] == [8]
    assert [node.op_type for node in graph.node].count("Softmax") == 1


def test_an_unknown_backend_is_rejected(monkeypatch):
    layer = built(MultiHeadSelfAttention(2))
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(NotImplementedError, match="Expected backend tensorflow, jax or torch, got 'openvino'"):
        layer.call(random_array(1, 12, 8))
