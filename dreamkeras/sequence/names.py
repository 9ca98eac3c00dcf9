"""Names of the kinds of tasks and of the transformations. The module has no imports, so that shell completion stays fast."""

__all__ = ["TASK_KINDS", "TRANSFORMS"]

TASK_KINDS = ("value", "binary", "counts")
"""Kinds of tasks: any numbers, numbers from 0 to 1, or whole numbers of at least 0."""

TRANSFORMS = ("none", "log2", "log1p", "asinh")
"""Transformations of measured values before training."""
