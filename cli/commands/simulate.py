"""`dreamkeras simulate`: a promoter library whose truth is known."""

import click

from ..options.numbers import WholeRange
from ..options.shared import output_option
from ..results import refuse_clashes

__all__ = ["command"]


@click.command("simulate")
@click.option("-n", "--promoters", type=WholeRange(min=1), default=20_000, show_default=True, metavar="N", help="Promoters to make.")
@click.option("--seed", type=WholeRange(min=0), default=0, show_default=True, help="Which library; the same seed gives the same one.")
@output_option
@click.option(
    "--truth",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Also write the expression without noise and each factor's occupancy.",
)
def command(promoters: int, seed: int, output: str, truth: str | None) -> None:
    """Write a library of random yeast promoters with simulated expression.

    Rows are sequence, tab, value, as in the training data of the yeast assay, so that `dreamkeras train` reads them.
    Values follow from the occupancy of 16 yeast factors and the noise of sorting cells and sampling reads.
    """
    refuse_clashes((), output, truth)
    from dreamkeras.data.simulation.files import write_library
    from dreamkeras.data.simulation.library import simulate

    write_library(simulate(promoters, seed), output, truth)
