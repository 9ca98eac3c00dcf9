"""Chains of layers, compared with NumPy: products of Jacobians, and the rescale rule for an elementwise function of a linear map."""

import keras
import numpy as np
import pytest
from keras import layers
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.slots import BLOCKS
from dreamkeras.models.differentiation import Chain

END = [(1.0, 1.0)]


def quadrature(steps):
    points, weights = np.polynomial.legendre.leggauss(steps)
    return list(zip((points + 1) / 2, weights / 2, strict=True))


def dense(inputs, units, activation=None, seed=0):
    layer = layers.Dense(units, activation)
    layer.build((None, inputs))
    return randomise(layer, seed)


def test_a_chain_differentiated_at_the_sequence_is_a_product_of_jacobians():
    one, two, last = dense(5, 4, "tanh"), dense(4, 3, "sigmoid", 1), dense(3, 2, seed=2)
    features = random_array(6, 5)
    answered, _, multipliers = Chain([one, two, last], END).explain(features, np.zeros_like(features), 2)
    (w1, b1), (w2, b2), (w3, b3) = (layer.get_weights() for layer in (one, two, last))
    hidden = np.tanh(features @ w1 + b1)
    gate = 1 / (1 + np.exp(-(hidden @ w2 + b2)))
    np.testing.assert_allclose(answered, gate @ w3 + b3, atol=1e-5)
    by_hidden = ((1 - hidden**2)[:, None] * w1) @ ((gate * (1 - gate))[:, None] * w2)
    np.testing.assert_allclose(multipliers, by_hidden @ w3, atol=1e-5)


@pytest.mark.parametrize(("activation", "steps", "atol"), [("tanh", 24, 1e-5), ("relu", 400, 2e-2)])
def test_elementwise_functions_follow_the_rescale_rule(activation, steps, atol):
    first, last = dense(5, 7, activation), dense(7, 1, seed=1)
    features, baselines = random_array(8, 5), random_array(8, 5, seed=1)
    _, _, multipliers = Chain([first, last], quadrature(steps)).explain(features, baselines, 1)
    function = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}[activation]
    (kernel, bias), (weights, _) = first.get_weights(), last.get_weights()
    here, there = features @ kernel + bias, baselines @ kernel + bias
    rescaled = (function(here) - function(there)) / (here - there)
    np.testing.assert_allclose(multipliers[:, :, 0], (rescaled * weights[:, 0]) @ kernel.T, atol=atol)


def test_contributions_add_up_to_the_difference_of_predictions():
    chain = Chain([dense(5, 6, "tanh"), dense(6, 4, "softmax", 1), dense(4, 3, seed=2)], quadrature(16))
    features, baselines = random_array(8, 5), random_array(8, 5, seed=1)
    answered, compared, multipliers = chain.explain(features, baselines, 3)
    np.testing.assert_allclose(np.einsum("nc,nct->nt", features - baselines, multipliers), answered - compared, atol=1e-5)


@pytest.mark.parametrize("name", BLOCKS["core"])
def test_applying_the_stages_of_a_core_equals_the_core(name):
    core = BLOCKS["core"][name]()
    features = random_array(1, 16, 16)
    whole = core(features)
    chained = features
    for stage in core.stages():
        chained = stage(chained)
    np.testing.assert_allclose(array(chained), array(whole), atol=1e-5)


def test_an_unknown_backend_is_rejected(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(NotImplementedError, match="tensorflow, jax or torch, got 'numpy'"):
        Chain([dense(2, 1)], END)
