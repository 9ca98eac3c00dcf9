"""Names of backends, precisions, losses and optimisers. Imports nothing, so that shell completion stays fast."""

__all__ = ["BACKENDS", "LOSSES", "OPTIMIZERS", "PRECISIONS"]

BACKENDS = ("tensorflow", "jax", "torch")
"""In the order in which an installed one is chosen."""

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Keras's dtype policies by the names of the command line."""

LOSSES = ("mse", "huber", "l1", "pearson")

OPTIMIZERS = ("adamw", "adam", "lion")
