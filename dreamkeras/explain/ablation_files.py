"""Writes the effects of ablations to tables. Each row is a span, and the positions are 0-based and half-open, as in BED."""

import numpy as np

from dreamkeras.explain.ablation import Ablation
from dreamkeras.explain.effect_files import ROWS, RowSink

__all__ = ["LABELS", "AblationTable"]

LABELS = {"start": int, "end": int}
"""Columns between the name of the sequence and the effects, in a table of ablations.

Positions are relative to the insert, 0-based and half-open.
"""


class AblationTable(RowSink):
    """Table with one row per span, and with the columns `LABELS` and `effect_files.effect_columns`.

    Attributes:
        rows: Number of written rows.
        unshuffled: Number of written rows with the effect NaN, because every shuffle of the span is equal to the span.
    """

    rows = unshuffled = 0

    def write(self, found: Ablation) -> None:
        """Writes the spans of a batch of sequences."""
        names, (owner, starts, ends) = np.array(found.ids, object), found.spans
        self.rows += len(owner)
        self.unshuffled += int(np.isnan(found.effects).all(axis=1).sum())
        columns = [found.effects] if found.sd is None else [found.effects, found.sd]
        for first in range(0, len(owner), ROWS):
            rows = slice(first, first + ROWS)
            values = np.concatenate([column[rows] for column in columns], axis=1)
            self._writer.write(names[owner[rows]].tolist(), values, (starts[rows].tolist(), ends[rows].tolist()))
