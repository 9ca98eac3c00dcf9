"""Names of devices, and of what happens to records that do not fit. Imports nothing, so that shell completion stays fast."""

__all__ = ["DEVICES", "ON_ERROR"]

DEVICES = ("auto", "cpu", "cuda")

ON_ERROR = ("fail", "skip")
