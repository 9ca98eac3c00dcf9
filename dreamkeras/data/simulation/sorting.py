"""A sort-seq measurement of a promoter's true expression: cells spread over bins, a few reads sampled from them."""

import numpy as np

from dreamkeras.data.assays.yeast import BINS

__all__ = ["measure"]

SPREAD = 1.4
"""Standard deviation of one promoter's cells, in bins; the bins are equally wide on the logarithm of fluorescence."""

ONE_READ = 0.52
"""Share of promoters with one read only; the number of reads is geometric. With the promoters whose reads fall into one
bin, 58 % of the values are integers, as in the published training set."""

# Cells sorted for each read sequenced, by bin: what one read of the bin weighs. Made up; in 64ths, so that the weighted mean of
# reads from one bin is exactly the bin's number.
CELLS_PER_READ = np.array([45, 83, 58, 71, 97, 62, 52, 77, 66, 59, 73, 54, 69, 88, 61, 79, 49, 92]) / 64


def measure(expression: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sorts and sequences a library once; `expression` is float (n,), the centre of each promoter's cells, in bins from 0 to 17.

    Returns:
        float64 (n,), the mean bin of each promoter's reads, weighted by the cells of a read. A single read gives an integer.
    """
    reads = generator.geometric(ONE_READ, len(expression))
    first = np.cumsum(reads) - reads
    cells = generator.normal(np.repeat(expression, reads), SPREAD)
    bins = np.clip(np.rint(cells), 0, BINS - 1).astype(np.intp)
    weights = CELLS_PER_READ[bins]
    if not len(expression):
        return np.empty(0)
    return np.add.reduceat(bins * weights, first) / np.add.reduceat(weights, first)
