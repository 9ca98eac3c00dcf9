"""Names of devices. The module imports nothing, so that shell completion stays fast."""

__all__ = ["DEVICES"]

DEVICES = ("auto", "cpu", "cuda")
