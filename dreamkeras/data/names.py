"""Names of the ways to use a column of weights and to align sequences. The module has no imports, so that shell completion stays fast."""

__all__ = ["ALIGNMENTS", "RAW", "SATURATING", "WEIGHTS"]

SATURATING, RAW = "saturating", "raw"

WEIGHTS = (SATURATING, RAW)
"""How a number w in a column of weights is used: as w / (w + c), or as it is."""

ALIGNMENTS = ("left", "right", "center")
"""Where a short sequence of a table is in its window."""
