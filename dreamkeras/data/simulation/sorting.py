"""Simulates a sort-seq measurement of true expression: cells are sorted into bins, and a few reads per promoter are sampled."""

import numpy as np

from dreamkeras.data.assays.yeast import BINS

__all__ = ["measure"]

SPREAD = 1.4
"""Standard deviation of the fluorescence of cells with the same promoter, in bins. Bins have equal widths on the log scale."""

ONE_READ = 0.52
"""Share of promoters with a single read. The number of reads has a geometric distribution. Promoters whose reads all fall into the
same bin have integer values too, so 58 % of the values are integers, as in the published training set."""

# Number of sorted cells per sequenced read in each bin, which is the weight of a read. The values are invented. Multiples of 1/64 ensure
# that the weighted mean of reads from a single bin is exactly the number of that bin.
CELLS_PER_READ = np.array([45, 83, 58, 71, 97, 62, 52, 77, 66, 59, 73, 54, 69, 88, 61, 79, 49, 92]) / 64


def measure(expression: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Simulates sorting and sequencing of a library.

    Args:
        expression: Mean bin number, 0 to 17, of the cells with each promoter, float (n,).
        generator: Random generator.

    Returns:
        Mean bin of the reads of each promoter, weighted by the number of cells per read, float64 (n,). The value of a promoter with a
        single read is an integer.
    """
    reads = generator.geometric(ONE_READ, len(expression))
    first = np.cumsum(reads) - reads
    cells = generator.normal(np.repeat(expression, reads), SPREAD)
    bins = np.clip(np.rint(cells), 0, BINS - 1).astype(np.intp)
    weights = CELLS_PER_READ[bins]
    if not len(expression):
        return np.empty(0)
    return np.add.reduceat(bins * weights, first) / np.add.reduceat(weights, first)
