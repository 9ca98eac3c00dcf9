"""Names of formats and methods. Imports no NumPy, so that shell completion stays fast."""

from dreamkeras.formats.names import TABLES

__all__ = ["ABLATION_METHODS", "ARRAYS", "EFFECT_FORMATS"]

ABLATION_METHODS = ("dinucleotides", "letters", "unknown")
"""How a span is replaced: shuffled, with its dinucleotide counts kept or not, or by N."""

ARRAYS = "npz"
"""The one of `EFFECT_FORMATS` that is no table."""

EFFECT_FORMATS = (*TABLES, ARRAYS)
