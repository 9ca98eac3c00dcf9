"""Exceptions that report errors the user can fix.

The command line prints an exception of these classes as one line and exits with its `exit_code`. An exception of another class is a bug
and is printed with its traceback.
"""

from typing import Literal, get_args

__all__ = [
    "DreamkerasError",
    "ExportError",
    "InputError",
    "MissingPackageError",
    "ModelError",
    "OnError",
    "check_on_error",
    "counted",
    "none_of",
    "one_line",
]

OnError = Literal["fail", "skip"]
"""Action for invalid records: `"fail"` raises an error, and `"skip"` skips and counts the records."""

LONGEST = 600
"""Number of characters above which a message of another package is shortened."""


class DreamkerasError(Exception):
    """Base class of errors that the user can fix. The message is one line: what is wrong, where, and what to do."""

    exit_code = 1


class InputError(DreamkerasError, ValueError):
    """Error about an invalid file, record, sequence or number."""


class ModelError(DreamkerasError, ValueError):
    """Error about a model or block that is unknown, was not made by dreamkeras, or does not support the requested operation."""


class ExportError(ModelError):
    """Error about a trained model that was saved, but whose ONNX file could not be written.

    The message contains the command that repeats the export.
    """


class MissingPackageError(DreamkerasError, ImportError):
    """Error about an optional package that is not installed. The message contains the pip command that installs the package."""


def check_on_error(on_error: str) -> None:
    """Checks that a text is one of the choices of `OnError`.

    Raises:
        InputError: The text is not one of the choices.
    """
    if on_error not in get_args(OnError):
        raise InputError(f"Expected on_error to be one of {', '.join(get_args(OnError))}, got {on_error!r}.")


def counted(count: int, noun: str) -> str:
    """Returns a number with a noun in singular or plural.

    Example:
        >>> counted(1, "row"), counted(2000, "row")
        ('1 row', '2,000 rows')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def none_of(count: int, noun: str) -> str:
    """Returns the subject of a sentence about things of which none is valid. The verb that follows is in singular.

    Example:
        >>> none_of(1, "row"), none_of(2000, "row")
        ('No row', 'None of the 2,000 rows')
    """
    return f"No {noun}" if count == 1 else f"None of the {counted(count, noun)}"


def one_line(message: BaseException | str) -> str:
    r"""Returns another package's message as one line.

    The middle of a long message is removed, because the cause is usually stated at the beginning or the end.

    Example:
        >>> one_line(ValueError("expected 3,\n  got 4")), one_line(MemoryError())
        ('expected 3, got 4', 'MemoryError')
    """
    text = " ".join(str(message).split()) or ("" if isinstance(message, str) else type(message).__name__)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 3]} ... {text[-2 * LONGEST // 3 :]}"
