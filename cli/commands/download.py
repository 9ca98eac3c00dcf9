"""`dreamkeras download`: downloads published data sets and weights."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dreamkeras.data.published.record import DATA_SETS

from ..results import echo_result

if TYPE_CHECKING:
    from dreamkeras.data.published.download import Download

__all__ = ["command"]

_say = partial(click.echo, err=True)


@click.command("download", epilog="\b\nExample:\n  dreamkeras download human --to data/human")
@click.argument("data_set", metavar="|".join(DATA_SETS), type=click.Choice(DATA_SETS), required=False)
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the files.  [default: data/NAME for the data set NAME]"
)
@click.option("--mirror", metavar="URL", help="Download the files from the folder at URL instead of from Zenodo.")
@click.option("--list", "listing", is_flag=True, help="List the files and their sizes without downloading.")
def command(data_set: str | None, to: Path | None, mirror: str | None, listing: bool) -> None:
    """Download a published data set or the published weights from Zenodo record 10633252.

    Interrupted downloads are resumed, and complete files are not downloaded again. Sizes and checksums are verified, and archives are
    unpacked. The paths of the files are printed to standard output. The publications to cite and a command that reads the files are
    printed to standard error.
    """
    if listing:
        _list_files(data_set)
        return
    if data_set is None:
        raise click.UsageError(f"Name a data set ({', '.join(DATA_SETS)}), or use --list.")
    from dreamkeras.data.published.download import download

    from ..progress import show_bytes

    with show_bytes() as watch:
        done = download(data_set, to or Path("data") / data_set, mirror, progress=watch, say=_say)
    for path in done.paths:
        echo_result(path)
    _report(data_set, done)


def _report(name: str, done: "Download") -> None:
    from dreamkeras.data.published.record import DATA_CITATION, find_data_set

    if done.unchecked:
        _say(f"Could not verify {', '.join(done.unchecked)}, because no checksum is known.")
    if done.command:
        _say(f"To use it: {done.command}")
    cited = filter(None, (find_data_set(name).citation, DATA_CITATION))
    _say(f"Please cite {' and '.join(cited)}.")


def _list_files(only: str | None) -> None:
    from dreamkeras.data.published.download import list_files
    from dreamkeras.data.published.record import find_data_set

    echo_result("data set\tfile\tbytes\tchecksum\tdescription")
    for name, file in list_files(_say):
        if only in (None, name):
            size = "-" if file.size is None else file.size
            echo_result(f"{name}\t{file.name}\t{size}\t{file.checksum or '-'}\t{find_data_set(name).description}")
