"""Writes marginalisations to tables. Each row contains the mean effects of an arrangement of motifs, with intervals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from dreamkeras.explain.marginalise import Marginalisation
from dreamkeras.explain.motif_sites import STRANDS
from dreamkeras.formats.writers import ID, Writer, open_writer
from dreamkeras.statistics.bootstrap import DRAWS

__all__ = ["MarginalisationTable", "open_marginalisation"]

LABELS = {"position": int, "strand": str}
"""Columns between the name of the motif and the effects, in a table for a single motif. Positions are counted from 1."""

PAIR_LABELS = {"position": int, "spacing": int, "strands": str}

EFFECT = ("effect", "effect_low", "effect_high")
PAIR = (*EFFECT, "first", "second", "interaction", "interaction_low", "interaction_high")


@contextmanager
def open_marginalisation(
    path: str, motifs: Sequence[str], tasks: Sequence[str], format: str | None = None, draws: int = DRAWS, seed: int = 0
) -> Iterator["MarginalisationTable"]:
    """Opens a table for marginalisations of one or two motifs. The table appears when the `with` block ends without an error.

    Args:
        path: Path of the table.
        motifs: One or two motifs.
        tasks: Names of the tasks.
        format: One of `formats.names.TABLES`. If None, the suffix of `path` determines the format. A path without a suffix means `tsv`.
        draws: Number of bootstrap resamples for the intervals.
        seed: Random seed for the resamples.

    Raises:
        InputError: The format or the suffix is unknown.
        DreamkerasError: The file cannot be written.
        MissingPackageError: The format is Parquet and pyarrow is not installed.
    """
    is_pair = len(motifs) > 1
    names = [f"{task}_{kind}" for task in tasks for kind in (PAIR if is_pair else EFFECT)]
    with open_writer(path, names, format, {**ID, **(PAIR_LABELS if is_pair else LABELS)}) as writer:
        yield MarginalisationTable(writer, draws, seed)


class MarginalisationTable:
    """Writes marginalisations of one or two motifs to a table. Instances are created by `open_marginalisation`."""

    def __init__(self, writer: Writer, draws: int, seed: int) -> None:
        self._writer, self._draws, self._seed = writer, draws, seed

    def write(self, found: Marginalisation) -> None:
        """Writes a row for each arrangement of the motifs."""
        columns = list(found.summary(found.effects, self._draws, self._seed))
        if len(found.motifs) > 1:
            alone = found.alone.mean(axis=2, dtype=np.float64)
            columns += [alone[:, 0], alone[:, 1], *found.summary(found.interaction(), self._draws, self._seed)]
        values = np.stack(columns, axis=2).reshape(len(found.arrangements), -1).astype(np.float32)
        self._writer.write([" ".join(found.motifs)] * len(values), values, _labels(found))


def _labels(found: Marginalisation) -> list[list[object]]:
    first = [arrangement[0].position for arrangement in found.arrangements]
    strands = ["".join(STRANDS[site.reverse] for site in arrangement) for arrangement in found.arrangements]
    positions = [position + 1 for position in first]
    if len(found.motifs) == 1:
        return [list(positions), list(strands)]
    ends = [position + len(found.motifs[0]) for position in first]
    spacings = [arrangement[1].position - end for arrangement, end in zip(found.arrangements, ends, strict=True)]
    return [list(positions), list(spacings), list(strands)]
