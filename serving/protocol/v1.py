"""Prediction protocol V1 of KServe and TensorFlow Serving: decodes JSON into requests and encodes answers.

The module contains only pure functions. The answer to `instances` has one prediction per row. If the model has one output, each prediction
is an array with the values of that output. If the model has several outputs, a prediction is an object with an array for each output.
"""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ProtocolError
from ..settings import Settings
from .json_text import Fields, member, read_json
from .tensors import BYTES, InferRequest, TensorSpec, check_input
from .v2 import decode_json

__all__ = ["read_instances", "write_predictions"]

ROWS, COLUMNS = "instances", "inputs"
"""Members of a request: `instances` has one value per row, and `inputs` has one array per input."""

SIGNATURE = "serving_default"
ENCODED = "b64"
"""Key of an object that contains a string in base64, as in TensorFlow Serving."""


def read_instances(body: bytes, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], settings: Settings) -> InferRequest:
    """Decodes the body of a POST to `:predict`.

    Args:
        body: Complete body, decompressed.
        inputs: Inputs of the model. A string is a value of the first input of type BYTES. A list of integers is a value of the first
            numeric input.
        outputs: Outputs of the model, all of which are returned.
        settings: Limits on the number of rows, and on the length and nesting of JSON.

    Raises:
        ProtocolError: The body is malformed or too large, or does not fit the model.
    """
    fields = read_json(body, settings)
    given = [name for name in (ROWS, COLUMNS) if name in fields]
    if len(given) != 1:
        raise ProtocolError(f"Expected either {ROWS!r} or {COLUMNS!r} in the request, got {'both' if given else 'neither'}.")
    if (signature := member(fields, "signature_name", str, SIGNATURE, "the request")) != SIGNATURE:
        raise ProtocolError(f"Expected 'signature_name' {SIGNATURE!r}, got {signature[:80]!r}.")
    name, values = _column(fields) if given == [COLUMNS] else _rows(fields)
    values = [_text(value) for value in _nonempty(values, given[0])]
    texts, numbers = (next(spec for spec in inputs if (spec.datatype == BYTES) is is_text) for is_text in (True, False))
    spec = texts if not isinstance(values[0], list) or isinstance(values[0][0], str) else numbers
    name = spec.name if name is None else name
    shape = [len(values), *([len(values[0])] if isinstance(values[0], list) else [])]
    check_input(name, spec.datatype, shape, {}, inputs, settings.rows)
    tensor = decode_json(spec.datatype, shape, values, f"{given[0]!r} of the request")
    return InferRequest(None, name, tensor, [(output.name, False) for output in outputs], {"columnar": given == [COLUMNS]})


def write_predictions(request: InferRequest, outputs: dict[str, np.ndarray]) -> bytes:
    """Encodes the answer to a request that `read_instances` decoded. NaN and infinities are written as null."""
    values = {name: [[_number(value) for value in row] for row in outputs[name].tolist()] for name, _ in request.outputs}
    only = next(iter(values.values())) if len(values) == 1 else None
    if request.parameters["columnar"]:
        return json.dumps({"outputs": only or values}).encode()
    rows: list[Any] = only or [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return json.dumps({"predictions": rows}).encode()


def _rows(fields: Fields) -> tuple[str | None, list[Any]]:
    """Returns the name of the input and the value of each row. The name is None if the rows are values without an input name."""
    rows = _nonempty(member(fields, ROWS, list, ..., "the request"), ROWS)
    named = [row if isinstance(row, dict) and ENCODED not in row else {None: row} for row in rows]
    names = {name for row in named for name in row}
    if len(names) != 1 or any(len(row) != 1 for row in named):
        found = sorted("an item without an input name" if name is None else repr(name) for name in names)
        raise ProtocolError(f"Expected one input, the same in all items of {ROWS!r}, got {' and '.join(found) or 'none'}.")
    (name,) = names
    return name, [row[name] for row in named]


def _column(fields: Fields) -> tuple[str | None, list[Any]]:
    """Returns the name and the values of the input. The name is None if the request does not name an input."""
    column = fields[COLUMNS]
    if not isinstance(column, dict):
        return None, member(fields, COLUMNS, list, ..., "the request")
    if len(column) != 1:
        raise ProtocolError(f"Expected one input in {COLUMNS!r} of the request, got {' and '.join(map(repr, column)) or 'none'}.")
    (name,) = column
    return name, member(column, name, list, ..., f"{COLUMNS!r}")


def _nonempty(values: list[Any], label: str) -> list[Any]:
    if not values or values[0] == []:
        raise ProtocolError(f"Expected sequences in {label!r} of the request, got an empty list.")
    return values


def _text(value: Any) -> Any:
    """Returns a value after decoding its base64 strings."""
    if isinstance(value, list):
        return [_text(item) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    try:
        return base64.b64decode(member(value, ENCODED, str, ..., "a string"), validate=True).decode("latin-1")
    except ValueError:
        raise ProtocolError(f"Expected base64 in {ENCODED!r}, got {value[ENCODED][:40]!r}.") from None


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
