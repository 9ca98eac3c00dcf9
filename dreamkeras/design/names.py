"""Names of the search methods. Imports nothing, so that shell completion stays fast."""

__all__ = ["METHODS"]

METHODS = {"evolution": 50, "greedy": 100, "beam": 50, "gradient": 100}
"""Search methods, and the default maximum number of steps of each."""
