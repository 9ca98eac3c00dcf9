"""Names of the ways to use a column of weights. The module has no imports, so that shell completion stays fast."""

__all__ = ["RAW", "SATURATING", "WEIGHTS"]

SATURATING, RAW = "saturating", "raw"

WEIGHTS = (SATURATING, RAW)
"""How a number w in a column of weights is used: as w / (w + c), or as it is."""
