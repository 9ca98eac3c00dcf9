"""The exceptions that dreamkeras raises on purpose.

The command line prints each as one line and exits with its `exit_code`; anything else is a bug and keeps its traceback.
"""

__all__ = ["DreamkerasError", "ExportError", "InputError", "MissingPackageError", "ModelError"]


class DreamkerasError(Exception):
    """Something the user can mend; the message is one line saying what was wanted and what came."""

    exit_code = 1


class InputError(DreamkerasError, ValueError):
    """A file, record, letter or number is not what it has to be."""


class ModelError(DreamkerasError, ValueError):
    """A model or block is unknown, not ours, or does not go with what is asked of it."""


class ExportError(ModelError):
    """A trained model is saved, but its ONNX file could not be written; the message names the command that tries again."""


class MissingPackageError(DreamkerasError, ImportError):
    """An extra that the request needs is not installed; the message gives the pip command."""
