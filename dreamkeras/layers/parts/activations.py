"""The SiLU activation, in the form that trains fastest on each backend."""

import functools

import keras
from keras import ops

__all__ = ["silu"]


def silu(features):
    """Computes `x * sigmoid(x)` elementwise."""
    return _recomputing_silu()(features) if keras.backend.backend() == "jax" else ops.silu(features)


@functools.cache
def _recomputing_silu():
    """Returns a SiLU for JAX whose gradient recomputes the sigmoid.

    JAX's own SiLU stores the sigmoid for the gradient. On CPUs, storing the sigmoid takes longer than computing it again.
    """
    import jax

    @jax.custom_vjp
    def activate(x):
        return x * jax.nn.sigmoid(x)

    def pull_back(x, cotangent):
        gate = jax.nn.sigmoid(x)
        return (cotangent * gate * (1 + x * (1 - gate)),)

    activate.defvjp(lambda x: (activate(x), x), pull_back)
    return activate
