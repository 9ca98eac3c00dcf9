"""Options of commands that compute contributions of bases: logos, seqlets and files for other tools. The module imports only click."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .shared import add_options, wrong_values

if TYPE_CHECKING:
    from dreamkeras.explain.effect_files import EffectSink
    from dreamkeras.explain.explanation import Explanation
    from dreamkeras.explain.parts import Span

__all__ = ["Outputs", "explanation_options", "explanation_outputs", "open_explanations", "span_option"]

span_option = click.option(
    "--span",
    metavar="START:END",
    callback=lambda _context, _option, text: _parsed_span(text),
    help="Explain only positions START to END of each insert. Positions are counted from 1, and END is included.",
)

explanation_options = add_options(
    click.option(
        "--logos",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Draw an SVG logo of each sequence into DIR. The height of a letter shows the contribution of the base.",
    ),
    click.option("--png", is_flag=True, help="Also draw the logos as PNG files."),
    click.option(
        "--seqlets", type=click.Path(), metavar="FILE", help="Write seqlets, short stretches with high contributions, to the table FILE."
    ),
    click.option("--meme", type=click.Path(), metavar="FILE", help="Write seqlets as motifs in MEME format to FILE."),
    click.option("--modisco", type=click.Path(path_type=Path), metavar="DIR", help="Write the input files of tfmodisco-lite into DIR."),
)


def _parsed_span(text: str | None) -> "Span | None":
    """Converts the text of `--span`.

    Raises:
        click.BadParameter: The text is malformed.
    """
    if text is None:
        return None
    from dreamkeras.explain.parts import Span

    with wrong_values("--span"):
        return Span.parse(text)


class Outputs(NamedTuple):
    """Files and folders that the explanation options name as outputs."""

    files: list[str]
    folders: list[Path]


def explanation_outputs(choices: Mapping[str, Any]) -> Outputs:
    """Returns the files and folders that the explanation options name."""
    files, folders = ([choices[name] for name in names if choices[name]] for names in (("seqlets", "meme"), ("logos", "modisco")))
    return Outputs(files, folders)


def open_explanations(choices: Mapping[str, Any]) -> "Callable[[Sequence[str]], AbstractContextManager[list[EffectSink[Explanation]]]]":
    """Checks the explanation options before anything is computed.

    Returns:
        A function that takes the names of the tasks and returns a context manager, which opens the outputs. The outputs appear when the
        `with` block ends without an error.

    Raises:
        click.UsageError: `--png` is given without `--logos`.
        InputError: The file name of the seqlet table has no known format.
        DreamkerasError: A folder is not empty.
        MissingPackageError: `--png` is given and matplotlib is not installed.
    """
    from dreamkeras.files.folders import require_empty
    from dreamkeras.formats.writers import choose_format

    if choices["png"] and not choices["logos"]:
        raise click.UsageError("--png requires --logos DIR.")
    for folder in explanation_outputs(choices).folders:
        require_empty(folder)
    if choices["seqlets"]:
        choose_format(choices["seqlets"])
    if choices["png"]:
        from dreamkeras.plots.style import new_figure

        new_figure(1, 1)
    return lambda tasks: _opened(tasks, **choices)


@contextmanager
def _opened(
    tasks: Sequence[str], *, logos: Path | None, png: bool, seqlets: str | None, meme: str | None, modisco: Path | None
) -> "Iterator[list[EffectSink[Explanation]]]":
    with ExitStack() as stack:
        sinks: list[EffectSink[Explanation]] = []
        if logos:
            from dreamkeras.explain.logos import open_logos

            sinks.append(stack.enter_context(open_logos(logos, tasks, png=png)))
        if seqlets:
            from dreamkeras.explain.seqlets import LABELS, SeqletTable
            from dreamkeras.formats.writers import ID, open_writer

            sinks.append(SeqletTable(stack.enter_context(open_writer(seqlets, ("score",), None, {**ID, **LABELS})), tasks))
        if meme:
            from dreamkeras.explain.motif_files import open_meme

            sinks.append(stack.enter_context(open_meme(meme)))
        if modisco:
            from dreamkeras.explain.motif_files import open_modisco

            sinks.append(stack.enter_context(open_modisco(modisco, tasks)))
        yield sinks
