"""Determines the default insert length for the constructs of a model.

The default applies to variants, random inserts and designs.
"""

from collections.abc import Sequence

from dreamkeras.data.assays.registry import ASSAYS
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

__all__ = ["default_insert_length"]


def default_insert_length(constructs: Sequence[Construct]) -> int:
    """Returns the default length of an insert, in bases.

    Without adapters and flanks, the default is the window length of the construct. With adapters or flanks, the default is the insert
    length of the assay. If the assay has no known insert length, the default insert fills the
    window between adapters and flanks.

    Raises:
        InputError: The constructs have different defaults, or the adapters and flanks leave no room for an insert.
    """
    lengths = [_insert_length(construct) for construct in constructs]
    if len(set(lengths)) > 1:
        names = " and ".join(f"{length} for {construct.name!r}" for length, construct in zip(lengths, constructs, strict=True))
        raise InputError(f"The models have different insert lengths: {names}. Give the length of the insert.")
    return lengths[0]


def _insert_length(construct: Construct) -> int:
    if not construct.has_surroundings:
        return construct.length
    if construct.name in ASSAYS and (known := ASSAYS[construct.name].insert_length):
        return known
    beside = len(construct.left + construct.right)
    if construct.length - beside < construct.shortest:
        raise InputError(
            f"The {beside} constant bases of construct {construct.name!r} leave no room for an insert in a window of "
            f"{construct.length} bases. Give the length of the insert."
        )
    return construct.length - beside
