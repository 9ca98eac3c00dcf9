"""Ablations as tables: a row a span, places as in BED."""

from collections.abc import Iterable

import numpy as np

from dreamkeras.analysis.ablation import Ablation
from dreamkeras.sequence.writers import Writer

__all__ = ["LABELS", "AblationTable", "ablation_columns"]

LABELS = {"start": int, "end": int}
"""Columns between the sequence's name and the effects: `start` counts from 0 at the insert's first letter, `end` is the first behind."""


def ablation_columns(tasks: Iterable[str], *, has_sd: bool) -> tuple[str, ...]:
    """Names of the columns of effects, then of their standard deviations over the shuffles."""
    names = [f"{task}_effect" for task in tasks]
    return (*names, *(f"{name}_sd" for name in names if has_sd))


class AblationTable:
    """A table of ablations: name, start, end, effects, standard deviations.

    Args:
        writer: Of a table with `LABELS` and `ablation_columns`.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write(self, found: Ablation) -> None:
        """Adds the spans of some sequences."""
        values = found.effects if found.sd is None else np.concatenate([found.effects, found.sd], axis=1)
        names = np.array(found.ids, object)[found.spans.sequences].tolist()
        self._writer.write(names, values, (found.spans.starts.tolist(), found.spans.ends.tolist()))
