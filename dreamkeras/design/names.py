"""Names of the ways to design. Imports nothing, so that shell completion stays fast."""

__all__ = ["METHODS"]

METHODS = {"evolution": 50, "greedy": 100, "beam": 50, "gradient": 100}
"""The ways to design, and the default limit of steps of each."""
