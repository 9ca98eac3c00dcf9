"""The assays that dreamkeras reads, by name; a new one is a module of its own and a line here."""

from dreamkeras.data.assay import Assay
from dreamkeras.data.lentimpra import LENTIMPRA_ASSAY
from dreamkeras.data.starrseq import STARRSEQ_ASSAY
from dreamkeras.data.yeast import YEAST_ASSAY
from dreamkeras.errors import InputError

__all__ = ["ASSAYS", "find_assay"]

ASSAYS: dict[str, Assay] = {assay.name: assay for assay in (YEAST_ASSAY, LENTIMPRA_ASSAY, STARRSEQ_ASSAY)}
"""Every assay, by name."""


def find_assay(name: str) -> Assay:
    """The assay of this name.

    Raises:
        InputError: There is none; the message lists those there are.

    Example:
        >>> find_assay("yeast").construct.length
        150
    """
    if name not in ASSAYS:
        raise InputError(f"Expected one of the assays {', '.join(sorted(ASSAYS))}, got {name!r}.")
    return ASSAYS[name]
