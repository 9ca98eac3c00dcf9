"""The human lentiMPRA in K562 cells: elements of 200 letters between two adapters, integrated at random, in both orientations.

A file holds an id, a sequence, its value, and perhaps a fold, under a header; TSV or CSV, plain or gzip.
"""

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import Columns, oriented_examples, read_measurements
from dreamkeras.data.examples import Examples
from dreamkeras.sequence.construct import Construct

__all__ = ["LENTIMPRA", "LENTIMPRA_ASSAY", "read"]

LENTIMPRA = Construct(
    name="lentimpra",
    length=230,
    left_adapter="AGGACCGGATCAACT",
    right_adapter="CATTGCGTGAACCGA",
    # A window is an element between its adapters; centred, other sequences of up to 230 letters are taken as they are.
    alignment="center",
    shortest=200,
    strands="given",
    flags=("is_reverse",),
)
"""The synthesised oligonucleotide of 230 letters (Agarwal et al. 2025)."""

COLUMNS = Columns(values=(("mean_value", "value", "expression"),), ids=("seq_id", "id", "name"))

REVERSE_MARK = "_Reversed:"


def read(path: str) -> Examples:
    """The measured elements of a file.

    Columns, in any order: `seq_id`, which contains `_Reversed:` where an element was measured in reverse; `seq`, as it was measured,
    with both adapters or the bare element; `mean_value`; and, optionally, `fold`.

    Raises:
        InputError: The file cannot be read, a sequence does not fit, or a value or fold is illegal; names record, file and line.
    """
    return read_measurements(path, COLUMNS, lambda batch: oriented_examples(batch, LENTIMPRA, REVERSE_MARK))


LENTIMPRA_ASSAY = Assay(
    name="lentimpra",
    construct=LENTIMPRA,
    tasks=("expression",),
    units=("log2 of RNA over DNA, mean over replicates",),
    read=read,
)
