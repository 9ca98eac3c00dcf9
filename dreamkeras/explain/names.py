"""Names of formats and methods. Imports no NumPy, so that shell completion stays fast."""

from dreamkeras.formats.names import TABLES

__all__ = ["ABLATION_METHODS", "ARRAYS", "EFFECT_FORMATS"]

ABLATION_METHODS = ("dinucleotides", "letters", "unknown")
"""Replacements of a span: shuffled with dinucleotide counts preserved, shuffled by single letters, or replaced by N."""

ARRAYS = "npz"
"""Name of the NumPy array format, the only one in `EFFECT_FORMATS` that is not a table."""

EFFECT_FORMATS = (*TABLES, ARRAYS)
