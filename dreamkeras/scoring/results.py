"""Writes predictions to a table, and replaces the numeric codes in some columns with the texts that they represent."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dreamkeras.formats.writers import ID, Writer, open_writer
from dreamkeras.scoring.pipeline import PredictionSink

__all__ = ["open_predictions"]


@contextlib.contextmanager
def open_predictions(
    path: str, columns: Sequence[str], format: str | None, texts: Mapping[str, tuple[str, ...]], keys: Sequence[str] = ()
) -> Iterator[PredictionSink]:
    """Opens a writer for the predictions of a scorer; see `open_writer`.

    In the columns that are keys of `texts`, each numeric code is replaced with the text that it represents; see `Scorer.texts`.
    `keys` are the names of further columns, which follow the ids.
    """
    numbers = [name for name in columns if name not in texts]
    with open_writer(path, numbers, format, {**ID, **dict.fromkeys((*keys, *texts), str)}) as writer:
        yield _TextColumns(writer, columns, texts) if texts else writer


class _TextColumns:
    """Passes rows to a writer and replaces the numeric codes in some columns with texts."""

    def __init__(self, writer: Writer, columns: Sequence[str], texts: Mapping[str, tuple[str, ...]]) -> None:
        self._writer = writer
        self._texts = {place: texts[name] for place, name in enumerate(columns) if name in texts}

    def write(self, ids: Sequence[str], values: np.ndarray, labels: Sequence[Sequence[str]] = ()) -> None:
        """Writes the ids of n records, their predictions, float32 (n, columns), and further columns of n texts."""
        told = [[names[code] for code in values[:, place].astype(np.int64).tolist()] for place, names in self._texts.items()]
        self._writer.write(ids, np.delete(values, list(self._texts), axis=1), [*labels, *told])
