"""How long an insert usually is, by the constructs of a model: of variants' windows, of random inserts, of designs."""

from collections.abc import Sequence

from dreamkeras.data.assays.registry import ASSAYS
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

__all__ = ["default_insert_length"]


def default_insert_length(constructs: Sequence[Construct]) -> int:
    """Letters of an insert, unless another length is asked for.

    The whole window where nothing stands around an insert, else what its assay's inserts have, or what all constant letters leave free.

    Raises:
        InputError: The constructs do not agree, or constant letters leave nothing free.
    """
    lengths = [_insert_length(construct) for construct in constructs]
    if len(set(lengths)) > 1:
        names = " and ".join(f"{length} for {construct.name!r}" for length, construct in zip(lengths, constructs, strict=True))
        raise InputError(f"Expected a length of the insert to be asked for, as the models' inserts have different lengths: {names}.")
    return lengths[0]


def _insert_length(construct: Construct) -> int:
    if not construct.has_surroundings:
        return construct.length
    if construct.name in ASSAYS and (known := ASSAYS[construct.name].insert_length):
        return known
    beside = len(construct.left + construct.right)
    if construct.length - beside < construct.shortest:
        raise InputError(
            f"Expected a length of the insert to be asked for, as the {beside} constant letters of construct {construct.name!r} leave no "
            f"room in a window of {construct.length}."
        )
    return construct.length - beside
