"""Names of the output formats for explanations, and names of the ablation methods.

The module does not import NumPy, so that shell completion stays fast.
"""

from dreamkeras.formats.names import TABLES

__all__ = ["ABLATION_METHODS", "ARRAYS", "EFFECT_FORMATS"]

ABLATION_METHODS = ("dinucleotides", "letters", "unknown")
"""Methods to ablate a span: shuffling with dinucleotide counts preserved, shuffling of single letters, or replacement by N."""

ARRAYS = "npz"
"""Name of the NumPy array format, the only format in `EFFECT_FORMATS` that is not a table."""

EFFECT_FORMATS = (*TABLES, ARRAYS)
