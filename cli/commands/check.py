"""`dreamkeras check`: whether a block honours its slot's contract on every installed backend."""

import click

from dreamkeras.models.names import SLOTS
from dreamkeras.training.names import BACKENDS

__all__ = ["command"]


@click.command("check")
@click.argument("block", metavar="BLOCK")
@click.option("--slot", type=click.Choice(SLOTS), help="Where it goes.  [default: where module:Class belongs]")
@click.option("--backend", "backends", multiple=True, type=click.Choice(BACKENDS), help="May be given twice.  [default: all installed]")
def command(block: str, slot: str | None, backends: tuple[str, ...]) -> None:
    """Try a block in its slot, on every installed backend.

    BLOCK is module:Class, the module looked for in the working folder too, or the name of a registered block with --slot.
    Prints a table of what holds; ends with exit code 1 if anything does not.
    """
    from dreamkeras.training.check.report import report_block

    if slot is None and ":" not in block:
        slots = ", ".join(SLOTS)
        raise click.UsageError(f"Expected --slot ({slots}) beside the name of a registered block, got {block!r} alone.")
    report = report_block(slot, block, backends or BACKENDS)
    click.echo(str(report))
    if not report.holds:
        raise SystemExit(1)
