"""Choices for the strand and the anchored edge of an insert around a variant.

The module imports nothing, so that shell completion stays fast.
"""

__all__ = ["INDEL_ANCHORS", "STRANDS"]

STRANDS = {"forward": (False,), "reverse": (True,), "both": (False, True)}
"""For each choice of strand, the strands that are scored. False is the forward strand, and True is the reverse strand."""

INDEL_ANCHORS = {"mean": (False, True), "left": (False,), "right": (True,)}
"""For each choice of anchor, the edges of the insert that stay at the same genomic position for an insertion or deletion.

False is the left edge, and True is the right edge.
"""
