"""BidirectionalLSTM against its equations, and against torch's and Keras's own."""

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
    """One direction, position by position: float64 (batch, length, units)."""
    hidden = cell = np.zeros((len(inputs), len(recurrent_kernel)))
    states = []
    for position in range(inputs.shape[1]):
        i, f, c, o = np.split(inputs[:, position] @ kernel + hidden @ recurrent_kernel + bias + recurrent_bias, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        hidden = sigmoid(o) * np.tanh(cell)
        states.append(hidden)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("length", LENGTHS)
def test_each_half_is_one_direction(length):
    layer, inputs = made(), random_array(3, length, 4)
    weights = [array(weight).astype(float) for weight in layer.weights]
    wanted = [read(inputs, *weights[:4]), read(inputs[:, ::-1], *weights[4:])[:, ::-1]]
    np.testing.assert_allclose(array(layer(inputs)), np.concatenate(wanted, axis=-1), atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_outputs_and_gradients_are_torchs(length):
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


def test_weights_are_those_of_keras_own_layers():
    ours, inputs = made(), random_array(3, 11, 4)
    own = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))
    own.build((None, 11, 4))
    weights = [[*kernels, bias + recurrent_bias] for *kernels, bias, recurrent_bias in (ours.get_weights()[:4], ours.get_weights()[4:])]
    for weight, value in zip(own.trainable_weights, chain(*weights), strict=True):
        weight.assign(value)
    np.testing.assert_allclose(array(ours(inputs)), array(own(inputs)), atol=1e-5)


def test_weights_have_a_name_each_and_are_all_trained():
    of_each = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
    names = [f"{direction}_{name}" for direction in ("forward", "backward") for name in of_each]
    layer = made()
    assert [weight.name for weight in layer.weights] == names
    assert [weight.name for weight in layer.trainable_weights] == names
    assert [weight.shape for weight in layer.weights] == 2 * [(4, 20), (5, 20), (20,), (20,)]


def test_weights_start_as_torchs():
    layer = BidirectionalLSTM(16)
    layer.build((None, None, 40))
    for weight in layer.weights:
        assert 0.2 < abs(array(weight)).max() <= 0.25


def test_every_batch_goes_through_one_model():
    features = keras.Input((11, 4))
    model = keras.Model(features, made()(features))
    inputs = random_array(5, 11, 4)
    assert model.output_shape == (None, 11, 10)
    np.testing.assert_allclose(model.predict(inputs, batch_size=2, verbose=0), model.predict(inputs, verbose=0), atol=1e-6)


def test_inputs_may_be_a_view():
    layer, inputs = made(), random_array(4, 11, 3)
    np.testing.assert_allclose(array(layer(ops.transpose(inputs, (2, 1, 0)))), array(layer(inputs.transpose(2, 1, 0).copy())), atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="jax.jit is JAX's")
def test_jit_changes_nothing():
    import jax

    layer, inputs = made(), random_array(2, 9, 4)
    np.testing.assert_allclose(jax.jit(layer.__call__)(inputs), layer(inputs), atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_it_is_exported_as_one_node_for_batches_of_any_size():
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


def test_an_unknown_backend_is_refused(monkeypatch):
    layer = made()
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(NotImplementedError, match="Expected backend tensorflow, jax or torch, got 'openvino'"):
        layer.call(random_array(1, 2, 4))
