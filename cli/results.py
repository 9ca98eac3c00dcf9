"""Where a command's results go: a file that appears only when it is whole, or standard output after success."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dreamkeras.sequence.writers import Writer

__all__ = ["open_results"]


@contextlib.contextmanager
def open_results(output: str, columns: Sequence[str], format: str | None = None) -> "Iterator[Writer]":
    """A writer of predictions; leaving it without an error publishes them, an error leaves nothing.

    Args:
        output: A file, or `-` for standard output, which is held back in a temporary file until all is well.
        columns: Their names, without the one of the ids.
        format: One of `options.FORMATS`; by default the file's suffix, else `tsv`.

    Raises:
        DreamkerasError: The output cannot be written; the message names it.
    """
    from dreamkeras.sequence.writers import open_writer

    if output != "-":
        with open_writer(output, columns, format) as writer:
            yield writer
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="dreamkeras-") as folder:
        spool = f"{folder}/results"
        with open_writer(spool, columns, format) as writer:
            yield writer
        _copy_to_standard_output(spool)


def _copy_to_standard_output(path: str) -> None:
    from shutil import copyfileobj

    from dreamkeras.sequence.outputs import naming_output, open_output

    with open(path, "rb") as results, open_output("-") as stdout, naming_output("-"):
        copyfileobj(results, stdout)
