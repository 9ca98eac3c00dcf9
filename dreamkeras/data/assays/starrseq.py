"""The STARR-seq assay in Drosophila S2 cells: genomic fragments of 249 bases, with a developmental and a housekeeping core promoter.

Data files are TSV or CSV, plain or gzip, with a header and the columns id, sequence and two values.
"""

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import Columns, oriented_examples, read_measurements
from dreamkeras.data.examples import Examples
from dreamkeras.errors import OnError
from dreamkeras.sequence.construct import Construct

__all__ = ["STARRSEQ", "STARRSEQ_ASSAY", "read"]

STARRSEQ = Construct(name="starrseq", length=249, shortest=249, strands="given", flags=("is_reverse",))
"""Construct of the STARR-seq assay, whose window is a genomic fragment without adapters and flanks (de Almeida et al. 2022)."""

COLUMNS = Columns(values=(("dev_log2_enrichment", "dev"), ("hk_log2_enrichment", "hk")), ids=("id", "name"))

REVERSE_MARK = "_-_"


def read(path: str, on_error: OnError = "fail") -> Examples:
    """Reads the measured fragments of a file.

    The file has these columns, in any order: `ID`, which contains `_-_` if a fragment is from the reverse strand; `Sequence`, the
    fragment in the measured orientation; `Dev_log2_enrichment`; `Hk_log2_enrichment`; and, optionally, `fold`.

    See `rows.read_rows` for `on_error`.

    Raises:
        InputError: The file cannot be read, a sequence does not fit the construct, or a value or fold is invalid. The message names
            record, file and line.
    """
    return read_measurements(path, COLUMNS, lambda batch: oriented_examples(batch, STARRSEQ, REVERSE_MARK), on_error)


STARRSEQ_ASSAY = Assay(
    name="starrseq",
    construct=STARRSEQ,
    tasks=("Dev", "Hk"),
    units=(
        "log2 enrichment over input with the developmental core promoter",
        "log2 enrichment over input with the housekeeping core promoter",
    ),
    read=read,
)
