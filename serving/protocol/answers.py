"""Writes answers of `/v1` as JSON, JSON lines, TSV or CSV, one batch at a time. The module does not depend on requests or models."""

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
"""Output formats by media type."""


def choose_type(accept: str, otherwise: str) -> str:
    """Returns the first supported media type of the `Accept` header, or `otherwise` if none is supported. Quality values are ignored.

    Example:
        >>> choose_type("text/html, text/csv;q=0.9", JSON), choose_type("*/*", JSON)
        ('text/csv', 'application/json')
    """
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((name for name in wanted if name in TYPES), otherwise)


class AnswerWriter:
    """Writes an answer, one batch at a time.

    Args:
        media_type: One of `TYPES`. A JSON answer is one object with the members of `heading` and an array `predictions`, which has one
            object per row.
        heading: Members of a JSON answer that precede `predictions`. In every format, the value columns have the names in
            `heading["columns"]`.
    """

    def __init__(self, media_type: str, heading: dict[str, Any]) -> None:
        self._heading = heading
        self._is_json = media_type == JSON
        self._encoder = FORMATS["jsonl" if self._is_json else TYPES[media_type]](heading["columns"], ID)
        self._begun = False

    def rows(self, ids: Sequence[str], values: np.ndarray, sequences: Ragged | None = None) -> bytes:
        """Returns the next n rows, encoded as bytes.

        Args:
            ids: Names of the rows.
            values: float32 (n, columns).
            sequences: Sequences to include in a JSON answer. If None, JSON rows have no sequence.
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
        """Returns the bytes that follow the last row."""
        return b"]}\n" if self._is_json else self._encoder.end()

    def _head(self) -> bytes:
        if not self._is_json:
            return self._encoder.begin()
        return f'{json.dumps(self._heading, ensure_ascii=False)[:-1]}, "predictions": ['.encode()
