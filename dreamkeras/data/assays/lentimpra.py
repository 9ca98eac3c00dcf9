"""The human lentiMPRA assay in K562 cells.

Elements of 200 bases between two adapters are integrated into the genome at random positions and measured in both orientations.
Data files are TSV or CSV, plain or gzip, with a header and the columns id, sequence, value and, optionally, fold.
"""

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import Columns, oriented_examples, read_measurements
from dreamkeras.data.examples import Examples
from dreamkeras.errors import OnError
from dreamkeras.sequence.construct import Construct

__all__ = ["LENTIMPRA", "LENTIMPRA_ASSAY", "read"]

LENTIMPRA = Construct(
    name="lentimpra",
    length=230,
    left_adapter="AGGACCGGATCAACT",
    right_adapter="CATTGCGTGAACCGA",
    # An element and its adapters fill the window. Inserts are centred, so that sequences of other lengths up to 230 bases can also be used.
    alignment="center",
    shortest=200,
    strands="given",
    flags=("is_reverse",),
)
"""Construct of the lentiMPRA assay, whose window is the synthesised oligonucleotide of 230 bases (Agarwal et al. 2025)."""

COLUMNS = Columns(values=(("mean_value", "value", "expression"),), ids=("seq_id", "id", "name"))

REVERSE_MARK = "_Reversed:"


def read(path: str, on_error: OnError = "fail") -> Examples:
    """Reads the measured elements of a file.

    The file has these columns, in any order: `seq_id`, which contains `_Reversed:` if an element was measured in reverse orientation;
    `seq`, the element in the measured orientation, with both adapters or without adapters; `mean_value`; and, optionally, `fold`.

    See `rows.read_rows` for `on_error`.

    Raises:
        InputError: The file cannot be read, a sequence does not fit the construct, or a value or fold is invalid. The message names
            record, file and line.
    """
    return read_measurements(path, COLUMNS, lambda batch: oriented_examples(batch, LENTIMPRA, REVERSE_MARK), on_error)


LENTIMPRA_ASSAY = Assay(
    name="lentimpra",
    construct=LENTIMPRA,
    tasks=("expression",),
    units=("log2 of RNA over DNA, mean over replicates",),
    read=read,
)
