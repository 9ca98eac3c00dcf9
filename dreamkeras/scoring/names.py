"""Names of devices and of the choices of `--on-error`. The module imports nothing, so that shell completion stays fast."""

__all__ = ["DEVICES", "ON_ERROR"]

DEVICES = ("auto", "cpu", "cuda")

ON_ERROR = ("fail", "skip")
