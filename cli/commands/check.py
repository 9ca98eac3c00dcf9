"""`dreamkeras check`: checks that a block fulfils the contract of its slot (first, core or final) on every installed backend."""

import click

from dreamkeras.models.names import SLOTS
from dreamkeras.training.names import BACKENDS

from ..results import echo_result

__all__ = ["command"]


@click.command("check", epilog="\b\nExample:\n  dreamkeras check my_blocks:GRUCore")
@click.argument("block", metavar="BLOCK")
@click.option("--slot", type=click.Choice(SLOTS), help="Slot of the block.  [default: the slot of module:Class]")
@click.option(
    "--backend", "backends", multiple=True, type=click.Choice(BACKENDS), help="Keras backend. Repeatable.  [default: all installed]"
)
def command(block: str, slot: str | None, backends: tuple[str, ...]) -> None:
    """Check that a block fulfils the contract of its slot (first, core or final) on every installed backend.

    BLOCK is module:Class, or the name of a registered block, which requires --slot. The module may be in the working directory. The
    command prints a table of the checks, and its exit code is 1 if a check fails.
    """
    from dreamkeras.training.check.report import report_block

    if slot is None and ":" not in block:
        slots = ", ".join(SLOTS)
        raise click.UsageError(f"The registered block {block!r} requires --slot ({slots}).")
    report = report_block(slot, block, backends or BACKENDS)
    echo_result(str(report))
    if not report.holds:
        raise SystemExit(1)
