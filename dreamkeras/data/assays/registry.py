"""The assays that dreamkeras reads, by name; a new one is a module of its own and a line here."""

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
"""Every assay that has a construct of its own, by name."""

TABLE = "table"
"""The name of the assay that is made of a user's own table."""

ATAC = "atac"
"""The name of the assay of a genome's windows."""

WANTED = {
    TABLE: "the columns of a table for assay 'table', its values named by --target-column",
    ATAC: "a genome and its reads for assay 'atac', named by --genome and --signal",
}
"""The layout that an assay without a construct of its own needs."""


def find_assay(name: str, layout: TableLayout | AtacLayout | None = None, construct: Construct | None = None) -> Assay:
    """The assay of this name.

    Args:
        name: A key of `ASSAYS`, `TABLE` or `ATAC`.
        layout: Of the user's own table or genome; for `TABLE` and `ATAC`, and for nothing else.
        construct: The construct of a model or a run, for the sequences of a user's own table; None takes the layout's.

    Raises:
        InputError: There is none, and the message lists those there are; or the layout makes no assay.

    Example:
        >>> find_assay("yeast").construct.length
        150
    """
    if name == TABLE and isinstance(layout, TableLayout):
        return table_assay(layout, construct)
    if name == ATAC and isinstance(layout, AtacLayout):
        return atac_assay(layout)
    if name in WANTED:
        raise InputError(f"Expected {WANTED[name]}, got none.")
    if name not in ASSAYS:
        raise InputError(f"Expected one of the assays {', '.join(sorted([*ASSAYS, *WANTED]))}, got {name!r}.")
    return ASSAYS[name]
