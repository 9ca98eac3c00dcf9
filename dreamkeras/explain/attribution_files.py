"""Writes attributions to a NumPy array file, or to a long table with one row per letter.

Completeness errors are written to a separate table.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from dreamkeras.explain.attribution import Attribution
from dreamkeras.explain.effect_files import EffectSink, RowSink, choose_effect_format, open_arrays
from dreamkeras.explain.explanation import first_positions
from dreamkeras.explain.names import ARRAYS
from dreamkeras.formats.writers import ID, open_writer
from dreamkeras.sequence.alphabet import BASES

__all__ = ["LABELS", "CompletenessTable", "ContributionTable", "completeness_columns", "contribution_columns", "open_attributions"]

LABELS = {"position": int, "letter": str}
"""Columns between the name of the sequence and the contributions, in the long table.

Positions are counted from 1 at the first letter of the insert.
"""


def contribution_columns(tasks: Iterable[str]) -> tuple[str, ...]:
    """Returns the names of the columns with contributions."""
    return tuple(f"{task}_contribution" for task in tasks)


def completeness_columns(tasks: Iterable[str]) -> tuple[str, ...]:
    """Returns the names of the columns for each task: prediction, baseline and completeness error."""
    return tuple(f"{task}_{kind}" for task in tasks for kind in ("prediction", "baseline", "error"))


class ContributionTable(RowSink):
    """Long table of contributions, with the columns `LABELS` and `contribution_columns`."""

    def write(self, found: Attribution) -> None:
        """Writes a row for each letter."""
        owner = found.inserts.owners()
        position = np.arange(len(owner)) + (first_positions(found) - found.inserts.offsets[:-1])[owner] + 1
        letters = found.inserts.flat.tobytes().decode("latin-1")
        self._writer.write(np.array(found.ids, object)[owner].tolist(), found.importance(), (position.tolist(), list(letters)))


class CompletenessTable(RowSink):
    """Table of completeness errors with one row per sequence and the columns `completeness_columns`.

    For the definition of the error, see `Attribution.completeness_error`.
    """

    def write(self, found: Attribution) -> None:
        """Writes a row for each sequence."""
        columns = np.stack([found.reference, found.baseline, found.completeness_error().astype(np.float32)], axis=2)
        self._writer.write(found.ids, columns.reshape(len(columns), -1))


@contextmanager
def open_attributions(path: str, tasks: Sequence[str], format: str | None = None) -> Iterator[EffectSink[Attribution]]:
    """Opens a file for attributions. For the formats and errors, see `effect_files.open_effects`.

    An array file contains `ids` (n,), `offsets` (n + 1,), `positions` (n,), `letters` S1 (letters,), `tasks` and `bases`. The hypothetical
    contributions `scores` have the shape (letters, 4, tasks). The `contributions` have the shape (letters, tasks). The arrays `reference`,
    `baseline` and `completeness_error` have the shape (n, tasks). The letters of insert i are in the rows from `offsets[i]` to
    `offsets[i + 1]`.
    """
    if choose_effect_format(path, format) == ARRAYS:
        with open_arrays(path, tasks, _arrays, lambda _: {"bases": np.array(list(BASES))}) as sink:
            yield sink
        return
    with open_writer(path, contribution_columns(tasks), format, {**ID, **LABELS}) as writer:
        yield ContributionTable(writer)


def _arrays(found: Attribution) -> dict[str, np.ndarray]:
    return {
        "scores": found.scores,
        "contributions": found.importance(),
        "reference": found.reference,
        "baseline": found.baseline,
        "completeness_error": found.completeness_error(),
    }
