"""What a prediction is written as for people: JSON, JSON lines, TSV or CSV, a batch at a time.

Knows nothing about requests or models.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.writers import FORMATS, Encoder

__all__ = ["JSON", "TSV", "JSONEncoder", "answer_encoder", "choose_type"]

JSON = "application/json"
TSV = "text/tab-separated-values"

TYPES = {JSON: "json", TSV: "tsv", "text/csv": "csv", "application/x-ndjson": "jsonl"}
"""Media types and the formats they are."""


class Prediction(NamedTuple):
    """What stands before the rows of a JSON answer.

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
        accept: The header; quality values do not count, order does.
        otherwise: What a client gets who takes anything, or names none that there is.
    """
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((name for name in wanted if name in TYPES), otherwise)


def answer_encoder(media_type: str, prediction: Prediction) -> Encoder:
    """What writes rows in a media type of `TYPES`."""
    format = TYPES[media_type]
    return JSONEncoder(prediction) if format == "json" else FORMATS[format](prediction.columns)


class JSONEncoder:
    """One object: `model`, `version`, `columns`, `units`, and `predictions`, an object a row; with `sequence` where they were asked for."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction
        self._rows = FORMATS["jsonl"](prediction.columns)
        self._begun = False

    def begin(self) -> bytes:
        head = json.dumps(self._prediction._asdict(), ensure_ascii=False)
        return f'{head[:-1]}, "predictions": ['.encode()

    def rows(self, ids: Sequence[str], values: np.ndarray) -> bytes:
        text = b",".join(self._rows.rows(ids, values).splitlines())
        separator = b"," if self._begun else b""
        self._begun = True
        return separator + text

    def end(self) -> bytes:
        return b"]}\n"
