"""BidirectionalLSTM, compared with plain loops and with torch and Keras. docs/explanation/internals.md derives the loops."""

from itertools import chain

import keras
import numpy as np
import pytest
from keras import ops
from keras_arrays import array, gradients, random_array, randomise

from dreamkeras.layers.parts.exportable import exportable_layers
from dreamkeras.layers.parts.lstm import BidirectionalLSTM

LENGTHS = [1, 2, 11]


def made(units=5, channels=4, **options):
    layer = BidirectionalLSTM(units, **options)
    layer.build((None, None, channels))
    return randomise(layer)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def read(inputs, kernel, recurrent_kernel, bias, recurrent_bias):
    """Computes one direction in a loop. Returns float64 (batch, length, units), and the values at each position that `pull_back` needs."""
    hidden = cell = np.zeros((len(inputs), len(recurrent_kernel)))
    hiddens, kept = [], []
    for position in range(inputs.shape[1]):
        z_i, z_f, z_g, z_o = np.split(inputs[:, position] @ kernel + hidden @ recurrent_kernel + bias + recurrent_bias, 4, axis=-1)
        i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
        before = hidden, cell
        cell = f * cell + i * g
        hidden = o * np.tanh(cell)
        hiddens.append(hidden)
        kept.append((*before, i, f, g, o, cell))
    return np.stack(hiddens, axis=1), kept


def pull_back(inputs, kernel, recurrent_kernel, kept, cotangent):
    """Computes the gradients of `sum(read(...) * cotangent)` by inputs, both kernels and bias in a loop from the last position."""
    by_inputs, by_kernel, by_recurrent, by_bias = (np.zeros(array.shape) for array in (inputs, kernel, recurrent_kernel, kernel[0]))
    by_hidden = by_cell = np.zeros_like(kept[0][0])
    for position in reversed(range(len(kept))):
        hidden_before, cell_before, i, f, g, o, cell = kept[position]
        by_hidden = by_hidden + cotangent[:, position]
        by_cell = by_cell + by_hidden * o * (1 - np.tanh(cell) ** 2)
        by_i, by_f, by_g = by_cell * g * i * (1 - i), by_cell * cell_before * f * (1 - f), by_cell * i * (1 - g**2)
        by_z = np.concatenate([by_i, by_f, by_g, by_hidden * np.tanh(cell) * o * (1 - o)], axis=-1)
        by_inputs[:, position] = by_z @ kernel.T
        for sequence in range(len(inputs)):
            by_kernel += np.outer(inputs[sequence, position], by_z[sequence])
            by_recurrent += np.outer(hidden_before[sequence], by_z[sequence])
            by_bias += by_z[sequence]
        by_hidden, by_cell = by_z @ recurrent_kernel.T, by_cell * f
    return by_inputs, by_kernel, by_recurrent, by_bias


@pytest.mark.parametrize("length", LENGTHS)
def test_each_half_of_the_output_is_one_direction(length):
    layer, inputs = made(), random_array(3, length, 4)
    weights = [array(weight).astype(float) for weight in layer.weights]
    wanted = [read(inputs, *weights[:4])[0], read(inputs[:, ::-1], *weights[4:])[0][:, ::-1]]
    np.testing.assert_allclose(array(layer(inputs)), np.concatenate(wanted, axis=-1), atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_gradients_equal_those_of_the_loops(length):
    layer, inputs, cotangent = made(), random_array(3, length, 4), random_array(3, length, 10, seed=1)
    by_inputs, by_weights = np.zeros(inputs.shape), []
    for number, turn in enumerate((slice(None), slice(None, None, -1))):
        kernel, recurrent_kernel, *biases = (array(weight).astype(float) for weight in layer.directions[number])
        _, kept = read(inputs[:, turn], kernel, recurrent_kernel, *biases)
        half = cotangent[:, turn, 5 * number : 5 * number + 5]
        by_read, *by_kernels, by_bias = pull_back(inputs[:, turn], kernel, recurrent_kernel, kept, half)
        by_inputs += by_read[:, turn]
        by_weights += [*by_kernels, by_bias, by_bias]
    for came, wanted in zip(gradients(layer, inputs, cotangent), [by_inputs, *by_weights], strict=True):
        np.testing.assert_allclose(came, wanted, atol=2e-5)


def test_the_loops_reproduce_the_example_in_the_documentation():
    inputs, kernel, recurrent_kernel = np.array([[[1.0], [-1.0]]]), np.array([[1.0, 0, 2, 1]]), np.array([[0.0, 1, 1, -1]])
    hiddens, kept = read(inputs, kernel, recurrent_kernel, np.array([0.0, 1, 0, 0]), np.zeros(4))
    by_inputs, by_kernel, by_recurrent, by_bias = pull_back(inputs, kernel, recurrent_kernel, kept, np.ones((1, 2, 1)))
    np.testing.assert_allclose(hiddens.ravel(), [0.4440, 0.0598], atol=5e-5)
    np.testing.assert_allclose(by_inputs.ravel(), [0.2897, 0.0325], atol=5e-5)
    np.testing.assert_allclose(by_kernel, [[0.1429, -0.0187, 0.0229, 0.0684]], atol=5e-5)
    np.testing.assert_allclose(by_recurrent, [[-0.0138, 0.0083, 0.0034, 0.0215]], atol=5e-5)
    np.testing.assert_allclose(by_bias, [0.0810, 0.0187, 0.0381, 0.1652], atol=5e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_outputs_and_gradients_equal_torch(length):
    torch = pytest.importorskip("torch")
    layer, inputs, cotangent = made(), random_array(3, length, 4), random_array(3, length, 10, seed=1)
    theirs = torch.nn.LSTM(4, 5, batch_first=True, bidirectional=True)
    ours = iter([array(weight).T for weight in layer.weights])
    with torch.no_grad():
        for suffix in ("", "_reverse"):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(theirs, f"{name}_l0{suffix}").copy_(torch.tensor(next(ours)))
    source = torch.tensor(inputs, requires_grad=True)
    outputs, _ = theirs(source)
    outputs.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(array(layer(inputs)), outputs.detach().numpy(), atol=1e-5)
    by_inputs, *by_weights = gradients(layer, inputs, cotangent)
    np.testing.assert_allclose(by_inputs, source.grad.numpy(), atol=2e-5)
    wanted = [weight.grad.numpy().T for weight in theirs.parameters()]
    for came, gradient in zip(by_weights, wanted, strict=True):
        np.testing.assert_allclose(came, gradient, atol=2e-5)


def test_outputs_equal_the_keras_layer_with_the_same_weights():
    ours, inputs = made(), random_array(3, 11, 4)
    own = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))
    own.build((None, 11, 4))
    weights = [[*kernels, bias + recurrent_bias] for *kernels, bias, recurrent_bias in (ours.get_weights()[:4], ours.get_weights()[4:])]
    for weight, value in zip(own.trainable_weights, chain(*weights), strict=True):
        weight.assign(value)
    np.testing.assert_allclose(array(ours(inputs)), array(own(inputs)), atol=1e-5)


def test_all_weights_are_named_and_trainable():
    of_each = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
    names = [f"{direction}_{name}" for direction in ("forward", "backward") for name in of_each]
    layer = made()
    assert [weight.name for weight in layer.weights] == names
    assert [weight.name for weight in layer.trainable_weights] == names
    assert [weight.shape for weight in layer.weights] == 2 * [(4, 20), (5, 20), (20,), (20,)]


def test_initial_weights_have_torchs_range():
    layer = BidirectionalLSTM(16)
    layer.build((None, None, 40))
    for weight in layer.weights:
        assert 0.2 < abs(array(weight)).max() <= 0.25


def test_a_model_accepts_any_batch_size():
    features = keras.Input((11, 4))
    model = keras.Model(features, made()(features))
    inputs = random_array(5, 11, 4)
    assert model.output_shape == (None, 11, 10)
    np.testing.assert_allclose(model.predict(inputs, batch_size=2, verbose=0), model.predict(inputs, verbose=0), atol=1e-6)


def test_inputs_can_be_a_view():
    layer, inputs = made(), random_array(4, 11, 3)
    np.testing.assert_allclose(array(layer(ops.transpose(inputs, (2, 1, 0)))), array(layer(inputs.transpose(2, 1, 0).copy())), atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="jax.jit is JAX's")
def test_jit_changes_nothing():
    import jax

    layer, inputs = made(), random_array(2, 9, 4)
    np.testing.assert_allclose(jax.jit(layer.__call__)(inputs), layer(inputs), atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_the_layer_is_exported_as_one_node_for_any_batch_size():
    import onnx
    import onnxruntime
    import tensorflow as tf

    tf2onnx = pytest.importorskip("tf2onnx")
    layer, signature = made(), [tf.TensorSpec((None, 11, 4), tf.float32, name="features")]
    with exportable_layers():
        function = tf.function(layer.__call__, input_signature=signature, autograph=False)
        model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=18)
    onnx.checker.check_model(model, full_check=True)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("LSTM") == 1
    assert not {"Loop", "Scan", "MatMul", "Sigmoid"} & set(kinds)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        inputs = random_array(batch, 11, 4)
        np.testing.assert_allclose(session.run(None, {"features": inputs})[0], array(layer(inputs)), atol=1e-5)


def test_an_unknown_backend_is_rejected(monkeypatch):
    layer = made()
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(NotImplementedError, match="Expected backend tensorflow, jax or torch, got 'openvino'"):
        layer.call(random_array(1, 2, 4))
