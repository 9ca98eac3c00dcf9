"""Answers of `/v1`: JSON, JSON lines, TSV or CSV, written a batch at a time.

Knows nothing about requests or models.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from dreamkeras.formats.writers import FORMATS, ID
from dreamkeras.sequence.ragged import Ragged

__all__ = ["JSON", "TSV", "AnswerWriter", "choose_type"]

JSON = "application/json"
TSV = "text/tab-separated-values"

TYPES = {JSON: "json", TSV: "tsv", "text/csv": "csv", "application/x-ndjson": "jsonl"}
"""Media types and the formats they are."""


def choose_type(accept: str, otherwise: str) -> str:
    """The media type of an answer: the first one of the `Accept` header that is known, else `otherwise`; quality values do not count.

    Example:
        >>> choose_type("text/html, text/csv;q=0.9", JSON), choose_type("*/*", JSON)
        ('text/csv', 'application/json')
    """
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((name for name in wanted if name in TYPES), otherwise)


class AnswerWriter:
    """Writes an answer, a batch at a time.

    Args:
        media_type: One of `TYPES`. JSON is one object: the heading's members and `predictions`, an object a row.
        heading: Members that precede the rows of a JSON answer; `columns` are the names of the values of all answers.
    """

    def __init__(self, media_type: str, heading: dict[str, Any]) -> None:
        self._heading = heading
        self._is_json = media_type == JSON
        self._encoder = FORMATS["jsonl" if self._is_json else TYPES[media_type]](heading["columns"], ID)
        self._begun = False

    def rows(self, ids: Sequence[str], values: np.ndarray, sequences: Ragged | None = None) -> bytes:
        """The bytes of n further rows: names, values float32 (n, columns), and the sequences where JSON repeats them."""
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
        """The bytes after the last row."""
        return b"]}\n" if self._is_json else self._encoder.end()

    def _head(self) -> bytes:
        if not self._is_json:
            return self._encoder.begin()
        return f'{json.dumps(self._heading, ensure_ascii=False)[:-1]}, "predictions": ['.encode()
