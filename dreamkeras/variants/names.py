"""Names of the strands and edges of inserts around a variant. The module imports nothing, so that shell completion stays fast."""

__all__ = ["INDEL_ANCHORS", "STRANDS"]

STRANDS = {"forward": (False,), "reverse": (True,), "both": (False, True)}
"""Strands that are scored, by name. False is the forward strand, and True is the reverse strand."""

INDEL_ANCHORS = {"mean": (False, True), "left": (False,), "right": (True,)}
"""Edges of the insert that stay fixed if an allele changes its length, by name. False is the left edge, and True is the right edge."""
