"""The assays that dreamkeras reads, by name; a new one is a module of its own and a line here."""

from dreamkeras.data.assay import Assay
from dreamkeras.data.lentimpra import LENTIMPRA_ASSAY
from dreamkeras.data.starrseq import STARRSEQ_ASSAY
from dreamkeras.data.table import table_assay
from dreamkeras.data.table_layout import TableLayout
from dreamkeras.data.yeast import YEAST_ASSAY
from dreamkeras.errors import InputError

__all__ = ["ASSAYS", "TABLE", "find_assay"]

ASSAYS: dict[str, Assay] = {assay.name: assay for assay in (YEAST_ASSAY, LENTIMPRA_ASSAY, STARRSEQ_ASSAY)}
"""Every assay that has a construct of its own, by name."""

TABLE = "table"
"""The name of the assay that is made of a user's own table."""


def find_assay(name: str, layout: TableLayout | None = None) -> Assay:
    """The assay of this name.

    Args:
        name: A key of `ASSAYS`, or `TABLE`.
        layout: Of the user's own table; for `TABLE`, and for nothing else.

    Raises:
        InputError: There is none, and the message lists those there are; or the layout makes no assay.

    Example:
        >>> find_assay("yeast").construct.length
        150
    """
    if name == TABLE and layout is not None:
        return table_assay(layout)
    if name == TABLE:
        raise InputError(f"Expected the columns of a table for assay {TABLE!r}, got none: name its values by --target-column.")
    if name not in ASSAYS:
        raise InputError(f"Expected one of the assays {', '.join(sorted([*ASSAYS, TABLE]))}, got {name!r}.")
    return ASSAYS[name]
