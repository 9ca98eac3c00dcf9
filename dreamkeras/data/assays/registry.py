"""Registry of the assays by name. A new assay needs a separate module and an entry in this module."""

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.atac import atac_assay
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.lentimpra import LENTIMPRA_ASSAY
from dreamkeras.data.assays.starrseq import STARRSEQ_ASSAY
from dreamkeras.data.assays.table import table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.assays.yeast import YEAST_ASSAY
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

__all__ = ["ASSAYS", "ATAC", "TABLE", "find_assay"]

ASSAYS: dict[str, Assay] = {assay.name: assay for assay in (YEAST_ASSAY, LENTIMPRA_ASSAY, STARRSEQ_ASSAY)}
"""Assays with a fixed construct, by name."""

TABLE = "table"
"""Name of the assay for a user's own table."""

ATAC = "atac"
"""Name of the ATAC-seq assay, which uses genomic windows."""

WANTED = {
    TABLE: "Assay 'table' needs a column of measured values: name it with --target-column.",
    ATAC: "Assay 'atac' needs a genome and a bigWig file of read counts: name them with --genome and --signal.",
}
"""Error messages that are shown if an assay needs a layout and no layout is given."""


def find_assay(name: str, layout: TableLayout | AtacLayout | None = None, construct: Construct | None = None) -> Assay:
    """Returns the assay with a given name.

    Args:
        name: A key of `ASSAYS`, `TABLE` or `ATAC`.
        layout: Layout of the user's own table, or layout of the ATAC-seq data. The layout is required for `TABLE` and `ATAC`, and ignored
            for other assays.
        construct: Construct of an existing model or run. For a user's own table, this construct replaces the construct of the layout.
            If None, the layout defines the construct.

    Raises:
        InputError: The assay is unknown (the message lists the known assays), or the layout is missing or defines no construct.

    Example:
        >>> find_assay("yeast").construct.length
        150
    """
    if name == TABLE and isinstance(layout, TableLayout):
        return table_assay(layout, construct)
    if name == ATAC and isinstance(layout, AtacLayout):
        return atac_assay(layout)
    if name in WANTED:
        raise InputError(WANTED[name])
    if name not in ASSAYS:
        raise InputError(f"Expected one of the assays {', '.join(sorted([*ASSAYS, *WANTED]))}, got {name!r}.")
    return ASSAYS[name]
