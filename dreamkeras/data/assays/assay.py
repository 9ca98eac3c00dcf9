"""An assay: a construct, the measured values with their units, and how its files are read."""

from collections.abc import Callable
from typing import NamedTuple

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.construct import Construct

__all__ = ["Assay"]


class Assay(NamedTuple):
    """A kind of measurement that models train on.

    Args:
        name: For users.
        construct: How its sequences become windows.
        tasks: Name of each measured value.
        units: The unit of each value.
        read: Reads a file of it: path to examples.
        bins: Number of sorting bins that the values are means over, from bin 0; None where values are no means of bins.
        read_test: Reads a file to test on, whose values may be in other units; None where `read` does.
        profile: Positions of the profile that is predicted beside the values; None where there is none.
        insert_length: Letters of most inserts, where the window would hold more of them beside its flanks; None where it does not.
        read_ids: As `read`, with ids and without letters, for a genome's windows; None for other sequences.
    """

    name: str
    construct: Construct
    tasks: tuple[str, ...]
    units: tuple[str, ...]
    read: Callable[[str], Examples]
    bins: int | None = None
    read_test: Callable[[str], Examples] | None = None
    profile: int | None = None
    insert_length: int | None = None
    read_ids: Callable[[str], Examples] | None = None
