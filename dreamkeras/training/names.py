"""Names of backends, precisions, losses, optimisers and epochs to keep, and limits of options.

The module has no imports, so that shell completion stays fast.
"""

__all__ = ["BACKENDS", "KEEP", "LARGEST_SEED", "LOSSES", "MOST_TEST_SHIFTS", "OPTIMIZERS", "PRECISIONS"]

BACKENDS = ("tensorflow", "jax", "torch")
"""Keras backends. By default, the first installed backend in this list is used."""

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Dtype policy of Keras for each value of the option --precision."""

LOSSES = ("mse", "huber", "l1", "pearson")

LARGEST_SEED = 2**32 - 1

MOST_TEST_SHIFTS = 16
"""Maximum of `test_shifts`. With a maximum shift of 16 bases, each prediction requires 33 windows."""

OPTIMIZERS = ("adamw", "adam", "lion")

KEEP = ("auto", "best", "last")
"""Epochs that a run may keep. See `training.epochs.choice`."""
