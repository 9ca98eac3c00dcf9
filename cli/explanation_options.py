"""The options of commands that tell what letters are worth: logos, seqlets, and what other tools read. click only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from dreamkeras.analysis.explanation import Explanation

__all__ = ["Sink", "explanation_options", "open_explanations"]

OPTIONS = (
    click.option(
        "--logos", type=click.Path(path_type=Path), metavar="DIR", help="Draw each sequence, letters as tall as important, as SVG."
    ),
    click.option("--png", is_flag=True, help="Draw logos as PNG, too."),
    click.option("--seqlets", type=click.Path(), metavar="FILE", help="Write runs of important letters as a table."),
    click.option("--meme", type=click.Path(), metavar="FILE", help="Write these runs as MEME motifs, for memelite and the MEME suite."),
    click.option("--modisco", type=click.Path(path_type=Path), metavar="DIR", help="Write what tfmodisco-lite reads."),
)


class Sink(Protocol):
    """What takes what is known of some sequences."""

    def write(self, found: "Explanation") -> None:
        """Takes it."""


def explanation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: gives a command these options, in this order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@contextmanager
def open_explanations(tasks: Sequence[str], choices: Mapping[str, Any]) -> Iterator[list[Sink]]:
    """What was asked for by these options, opened; all appear once the `with` block has ended well.

    Args:
        tasks: Names of the tasks.
        choices: The values of these options.

    Raises:
        click.UsageError: Options do not go together.
        InputError: A folder holds something.
        DreamkerasError: Something cannot be written.
        MissingPackageError: PNG is asked for and matplotlib is not installed.
    """
    logos, png, seqlets, meme, modisco = (choices[name] for name in ("logos", "png", "seqlets", "meme", "modisco"))
    if png and not logos:
        raise click.UsageError("Expected --logos DIR beside --png.")
    with ExitStack() as stack:
        sinks: list[Sink] = []
        if logos:
            from dreamkeras.analysis.logos import open_logos

            sinks.append(stack.enter_context(open_logos(logos, tasks, png=png)))
        if seqlets:
            from dreamkeras.analysis.seqlets import LABELS, SeqletTable
            from dreamkeras.sequence.writers import open_writer

            sinks.append(SeqletTable(stack.enter_context(open_writer(seqlets, ("score",), None, LABELS)), tasks))
        if meme:
            from dreamkeras.analysis.motif_files import open_meme

            sinks.append(stack.enter_context(open_meme(meme)))
        if modisco:
            from dreamkeras.analysis.motif_files import open_modisco

            sinks.append(stack.enter_context(open_modisco(modisco, tasks)))
        yield sinks
