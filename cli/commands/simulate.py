"""`dreamkeras simulate`: simulates a promoter library with known expression."""

import click

from ..options.numbers import WholeRange
from ..options.shared import output_option
from ..results import refuse_clashes

__all__ = ["command"]


@click.command("simulate", epilog="\b\nExample:\n  dreamkeras simulate -n 100000 -o library.tsv --truth truth.tsv")
@click.option("-n", "--promoters", type=WholeRange(min=1), default=20_000, show_default=True, metavar="N", help="Number of promoters.")
@click.option("--seed", type=WholeRange(min=0), default=0, show_default=True, help="Random seed for the library.")
@output_option
@click.option(
    "--truth",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Also write the noise-free expression and the occupancy of each factor to FILE.",
)
def command(promoters: int, seed: int, output: str, truth: str | None) -> None:
    """Simulate a library of random yeast promoters with their expression.

    Each line of the library has a sequence and a value, separated by a tab. `dreamkeras train` reads this format with --assay yeast. Values
    are computed from the occupancy of 16 yeast transcription factors, with simulated noise from cell sorting and read sampling.
    """
    refuse_clashes((), output, truth)
    from dreamkeras.data.simulation.files import write_library
    from dreamkeras.data.simulation.library import simulate

    write_library(simulate(promoters, seed), output, truth)
