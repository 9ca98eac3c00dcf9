"""Definition of an assay: its construct, the measured values with their units, and the function that reads its files."""

from collections.abc import Callable
from typing import NamedTuple

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.construct import Construct

__all__ = ["Assay"]


class Assay(NamedTuple):
    """An experiment type whose measurements a model is trained on.

    Args:
        name: Name that users choose the assay by.
        construct: Construct that turns the assay's sequences into windows.
        tasks: Name of each measured value.
        units: Unit of each measured value.
        read: Function that reads a file of the assay: takes a path, returns examples.
        bins: Number of sorting bins, numbered from 0, over which the values are means. If None, the values are not means over bins.
        read_test: Function that reads a test file, whose values may have other units. If None, `read` reads test files too.
        profile: Number of positions of the predicted profile. If None, the model predicts no profile.
        insert_length: Length of most inserts, if the window has room for a longer one. If None, most inserts fill the window.
        read_ids: Function that reads the ids of genomic windows but not their sequences. If None, the assay does not use genomic windows.
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
