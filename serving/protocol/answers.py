"""Answers of `/v1`: JSON, JSON lines, TSV or CSV, written a batch at a time.

Knows nothing about requests or models.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.formats.writers import FORMATS, ID
from dreamkeras.sequence.ragged import Ragged

__all__ = ["JSON", "TSV", "AnswerWriter", "Heading", "choose_type"]

JSON = "application/json"
TSV = "text/tab-separated-values"

TYPES = {JSON: "json", TSV: "tsv", "text/csv": "csv", "application/x-ndjson": "jsonl"}
"""Media types and the formats they are."""


class Heading(NamedTuple):
    """What stands before the rows of a JSON answer; of the others, the columns do.

    Args:
        model: The model's name.
        version: Its version.
        columns: Names of the predictions' columns.
        units: The tasks' units.
    """

    model: str
    version: str
    columns: tuple[str, ...]
    units: tuple[str, ...]


def choose_type(accept: str, otherwise: str) -> str:
    """The media type of an answer: the first of a client's `Accept` that there is.

    Args:
        accept: The header; order counts, quality values do not.
        otherwise: What a client gets who takes anything, or names none that there is.

    Example:
        >>> choose_type("text/html, text/csv;q=0.9", JSON), choose_type("*/*", JSON)
        ('text/csv', 'application/json')
    """
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((name for name in wanted if name in TYPES), otherwise)


class AnswerWriter:
    """Writes an answer, a batch at a time.

    Args:
        media_type: One of `TYPES`. JSON is one object: the heading's fields and `predictions`, an object a row.
        heading: What the rows are.
    """

    def __init__(self, media_type: str, heading: Heading) -> None:
        self._heading = heading
        self._is_json = media_type == JSON
        self._encoder = FORMATS["jsonl" if self._is_json else TYPES[media_type]](heading.columns, ID)
        self._begun = False

    def rows(self, ids: Sequence[str], values: np.ndarray, sequences: Ragged | None = None) -> bytes:
        """The bytes of further rows, and what stands before the first.

        Args:
            ids: n names.
            values: float32 (n, columns).
            sequences: The n sequences, where JSON is to repeat them.
        """
        head = b"" if self._begun else self._head()
        text = self._encoder.rows([ids], values)
        if self._is_json:
            lines = text.splitlines()
            if sequences is not None:
                lines = [b'%s, "sequence": %s}' % (line[:-1], json.dumps(sequences[row]).encode()) for row, line in enumerate(lines)]
            text = (b"," if self._begun else b"") + b",".join(lines)
        self._begun = True
        return head + text

    def end(self) -> bytes:
        """What stands behind the last row."""
        return b"]}\n" if self._is_json else self._encoder.end()

    def _head(self) -> bytes:
        if not self._is_json:
            return self._encoder.begin()
        return f'{json.dumps(self._heading._asdict(), ensure_ascii=False)[:-1]}, "predictions": ['.encode()
