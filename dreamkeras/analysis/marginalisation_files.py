"""Marginalisations as tables: a row an arrangement, means over the backgrounds with their intervals."""

from collections.abc import Sequence

import numpy as np

from dreamkeras.analysis.marginalise import Marginalisation
from dreamkeras.analysis.motif_sites import STRANDS
from dreamkeras.evaluation.bootstrap import DRAWS
from dreamkeras.sequence.writers import ID, open_writer

__all__ = ["write_marginalisation"]

LABELS = {"position": int, "strand": str}
"""Columns between the motif and the effects; positions count from 1."""

PAIR_LABELS = {"position": int, "spacing": int, "strands": str}

EFFECT = ("effect", "effect_low", "effect_high")
PAIR = (*EFFECT, "first", "second", "interaction", "interaction_low", "interaction_high")


def write_marginalisation(
    path: str, found: Marginalisation, tasks: Sequence[str], format: str | None = None, draws: int = DRAWS, seed: int = 0
) -> None:
    """Writes a table, which appears whole or not at all.

    Args:
        path: The file.
        found: Of one motif, or of two that stand in every arrangement.
        tasks: Names of the tasks.
        format: One of `writers.FORMATS`; by default the file's suffix, and `tsv` for none.
        draws: Resamples of the backgrounds, for the intervals.
        seed: Which.

    Raises:
        InputError: The format is unknown, or the suffix names none.
        DreamkerasError: The file cannot be written.
        MissingPackageError: Parquet is asked for and pyarrow is not installed.
    """
    is_pair = len(found.motifs) > 1
    columns = list(found.summary(found.effects, draws, seed))
    if is_pair:
        alone = found.alone.mean(axis=2, dtype=np.float64)
        columns += [alone[:, 0], alone[:, 1], *found.summary(found.interaction(), draws, seed)]
    names = [f"{task}_{kind}" for task in tasks for kind in (PAIR if is_pair else EFFECT)]
    values = np.stack(columns, axis=2).reshape(len(found.arrangements), -1).astype(np.float32)
    with open_writer(path, names, format, {**ID, **(PAIR_LABELS if is_pair else LABELS)}) as writer:
        writer.write([" ".join(found.motifs)] * len(values), values, _labels(found))


def _labels(found: Marginalisation) -> list[list[object]]:
    first = [arrangement[0].position for arrangement in found.arrangements]
    strands = ["".join(STRANDS[site.reverse] for site in arrangement) for arrangement in found.arrangements]
    positions = [position + 1 for position in first]
    if len(found.motifs) == 1:
        return [list(positions), list(strands)]
    ends = [position + len(found.motifs[0]) for position in first]
    spacings = [arrangement[1].position - end for arrangement, end in zip(found.arrangements, ends, strict=True)]
    return [list(positions), list(spacings), list(strands)]
