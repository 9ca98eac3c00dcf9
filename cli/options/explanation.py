"""The options of commands that tell what letters are worth: logos, seqlets, and what other tools read. click only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .shared import add_options

if TYPE_CHECKING:
    from dreamkeras.explain.effect_files import EffectSink
    from dreamkeras.explain.explanation import Explanation

__all__ = ["Outputs", "explanation_options", "explanation_outputs", "open_explanations"]

explanation_options = add_options(
    click.option(
        "--logos", type=click.Path(path_type=Path), metavar="DIR", help="Draw each sequence, letters as tall as important, as SVG."
    ),
    click.option("--png", is_flag=True, help="Draw logos as PNG, too."),
    click.option("--seqlets", type=click.Path(), metavar="FILE", help="Write runs of important letters as a table."),
    click.option("--meme", type=click.Path(), metavar="FILE", help="Write these runs as MEME motifs, for memelite and the MEME suite."),
    click.option("--modisco", type=click.Path(path_type=Path), metavar="DIR", help="Write what tfmodisco-lite reads."),
)


class Outputs(NamedTuple):
    """The files and folders that are written."""

    files: list[str]
    folders: list[Path]


def explanation_outputs(choices: Mapping[str, Any]) -> Outputs:
    """The files and folders that these options name."""
    files, folders = ([choices[name] for name in names if choices[name]] for names in (("seqlets", "meme"), ("logos", "modisco")))
    return Outputs(files, folders)


def open_explanations(choices: Mapping[str, Any]) -> "Callable[[Sequence[str]], AbstractContextManager[list[EffectSink[Explanation]]]]":
    """Checks these options, before anything is computed.

    Returns:
        Opens the outputs, given the names of the tasks; all appear once its `with` block has ended well.

    Raises:
        click.UsageError: Options do not go together.
        InputError: The name of the table of seqlets has no known format.
        DreamkerasError: A folder is not empty.
        MissingPackageError: PNG is asked for and matplotlib is not installed.
    """
    from dreamkeras.files.folders import require_empty
    from dreamkeras.formats.writers import choose_format

    if choices["png"] and not choices["logos"]:
        raise click.UsageError("Expected --logos DIR beside --png.")
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
