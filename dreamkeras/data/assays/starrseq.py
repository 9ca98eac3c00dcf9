"""The STARR-seq of Drosophila S2 cells: fragments of 249 letters as enhancers of a developmental and of a housekeeping promoter.

A file holds an id, a sequence and its two values under a header; TSV or CSV, plain or gzip.
"""

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import Columns, oriented_examples, read_measurements
from dreamkeras.data.examples import Examples
from dreamkeras.sequence.construct import Construct

__all__ = ["STARRSEQ", "STARRSEQ_ASSAY", "read"]

STARRSEQ = Construct(name="starrseq", length=249, shortest=249, strands="given", flags=("is_reverse",))
"""A genomic fragment without its surroundings (de Almeida et al. 2022)."""

COLUMNS = Columns(values=(("dev_log2_enrichment", "dev"), ("hk_log2_enrichment", "hk")), ids=("id", "name"))

REVERSE_MARK = "_-_"


def read(path: str) -> Examples:
    """The measured fragments of a file.

    Columns, in any order: `ID`, which contains `_-_` where a fragment is of the reverse strand; `Sequence`, as it was measured;
    `Dev_log2_enrichment`; `Hk_log2_enrichment`; and, optionally, `fold`.

    Raises:
        InputError: The file cannot be read, a sequence does not fit, or a value or fold is illegal; names record, file and line.
    """
    return read_measurements(path, COLUMNS, lambda batch: oriented_examples(batch, STARRSEQ, REVERSE_MARK))


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
