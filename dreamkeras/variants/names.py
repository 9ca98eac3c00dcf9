"""Names of the strands and edges of windows. Imports nothing, so that shell completion stays fast."""

__all__ = ["INDEL_ANCHORS", "STRANDS"]

STRANDS = {"forward": (False,), "reverse": (True,), "both": (False, True)}
"""Which strands are read: whether each is the reverse one."""

INDEL_ANCHORS = {"mean": (False, True), "left": (False,), "right": (True,)}
"""Which edges of a window stay where an allele changes its length: whether each is the right one."""
