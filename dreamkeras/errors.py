"""Exceptions that report errors the user can fix.

The command line prints such an exception as one line and exits with its `exit_code`. Any other exception is a bug and keeps its traceback.
"""

__all__ = ["DreamkerasError", "ExportError", "InputError", "MissingPackageError", "ModelError"]


class DreamkerasError(Exception):
    """Base class of errors that the user can fix. The message is one line: what is wrong, where, and what to do."""

    exit_code = 1


class InputError(DreamkerasError, ValueError):
    """A file, record, sequence or number is invalid."""


class ModelError(DreamkerasError, ValueError):
    """A model or block is unknown, was not made by dreamkeras, or does not support the request."""


class ExportError(ModelError):
    """A trained model was saved, but its ONNX file could not be written. The message names the command that exports the model again."""


class MissingPackageError(DreamkerasError, ImportError):
    """A package that the request needs is not installed. The message gives the pip command."""
