"""Definition of an assay: its construct, the measured values with their units, and the function that reads its files."""

from typing import NamedTuple, Protocol

from dreamkeras.data.examples import Examples
from dreamkeras.errors import OnError
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["Assay"]


class Reader(Protocol):
    """Function that takes the path of a data file and returns its examples. `on_error` is the action for invalid rows."""

    def __call__(self, path: str, on_error: OnError = "fail") -> Examples: ...


class Assay(NamedTuple):
    """An experiment type whose measurements a model is trained on.

    Args:
        name: Name of the assay, as a user gives it to the option `--assay`.
        construct: Construct that turns the sequences of the assay into windows.
        tasks: Name of each measured value.
        units: Unit of each measured value.
        read: Function that reads a data file.
        bins: Number of sorting bins, numbered from 0, if each measured value is a mean of bin numbers. If None, the measured values are
            not bin numbers.
        read_test: Function that reads a test file, in which values may have other units than in training files. If None, `read` is
            used for test files.
        profile: Number of positions of the predicted profile. If None, the model predicts no profile.
        insert_length: Usual length of an insert, if it is shorter than the longest insert that fits the window. If None, most inserts fill
            the window.
        read_ids: Function that reads the ids of genomic windows but not their sequences. If None, the assay does not use genomic windows.
        scales: Kind and transformation of each task. Empty if no task has a transformation or another kind than `"value"`.
    """

    name: str
    construct: Construct
    tasks: tuple[str, ...]
    units: tuple[str, ...]
    read: Reader
    bins: int | None = None
    read_test: Reader | None = None
    profile: int | None = None
    insert_length: int | None = None
    read_ids: Reader | None = None
    scales: tuple[TaskScale, ...] = ()
