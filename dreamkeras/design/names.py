"""Names of the search methods for designs. The module imports nothing, so that shell completion stays fast."""

__all__ = ["METHODS"]

METHODS = {"evolution": 50, "greedy": 100, "beam": 50, "gradient": 100}
"""Default maximum number of steps by search method."""
