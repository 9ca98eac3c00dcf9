"""Attributions as files: a long table, a row a letter, or an array file; and how well each sequence's contributions add up."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from dreamkeras.explain.attribution import Attribution
from dreamkeras.explain.effect_files import EffectSink, RowSink, choose_effect_format, open_arrays
from dreamkeras.explain.names import ARRAYS
from dreamkeras.formats.writers import ID, open_writer
from dreamkeras.sequence.alphabet import BASES

__all__ = ["LABELS", "CompletenessTable", "ContributionTable", "completeness_columns", "contribution_columns", "open_attributions"]

LABELS = {"position": int, "letter": str}
"""Columns of the long table between the name and the contributions; positions count from 1, at the insert's first letter."""


def contribution_columns(tasks: Iterable[str]) -> tuple[str, ...]:
    """Names of the columns of contributions."""
    return tuple(f"{task}_contribution" for task in tasks)


def completeness_columns(tasks: Iterable[str]) -> tuple[str, ...]:
    """Names of the columns of a sequence's prediction, its baselines' and the error, for each task."""
    return tuple(f"{task}_{kind}" for task in tasks for kind in ("prediction", "baseline", "error"))


class ContributionTable(RowSink):
    """The long table, with the columns `LABELS` and `contribution_columns`."""

    def write(self, found: Attribution) -> None:
        """Adds a row for each letter."""
        owner = found.inserts.owners()
        position = np.arange(len(owner)) - found.inserts.offsets[owner] + 1
        letters = found.inserts.flat.tobytes().decode("latin-1")
        self._writer.write(np.array(found.ids, object)[owner].tolist(), found.importance(), (position.tolist(), list(letters)))


class CompletenessTable(RowSink):
    """A row a sequence, with `completeness_columns`: the error is how far contributions are from adding up to the difference."""

    def write(self, found: Attribution) -> None:
        """Adds some sequences."""
        columns = np.stack([found.reference, found.baseline, found.completeness_error().astype(np.float32)], axis=2)
        self._writer.write(found.ids, columns.reshape(len(columns), -1))


@contextmanager
def open_attributions(path: str, tasks: Sequence[str], format: str | None = None) -> Iterator[EffectSink[Attribution]]:
    """A file of attributions; format and errors are those of `effect_files.open_effects`.

    As arrays, it holds `ids` (n,), `offsets` (n + 1,), `letters` S1 (letters,), `scores` (letters, 4, tasks), which are hypothetical,
    `contributions` (letters, tasks), `reference`, `baseline` and `completeness_error` (n, tasks), `tasks` and `bases`; insert i has the
    rows from `offsets[i]` to `offsets[i + 1]`.
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
