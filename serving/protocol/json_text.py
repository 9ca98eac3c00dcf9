"""JSON of clients, in bounds of length and nesting, and its members, which have to be of the expected type."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from ..errors import ProtocolError
from ..settings import Settings

__all__ = ["Fields", "member", "members", "objects", "read_json"]

Fields = dict[str, Any]

STEPS = np.zeros(256, np.int8)
STEPS[list(b"[{")], STEPS[list(b"]}")] = 1, -1
ESCAPED = re.compile(rb"\\.", re.DOTALL)
KINDS = {str: "string", list: "array", dict: "object", int: "whole number", bool: "truth value"}


def read_json(text: bytes, settings: Settings) -> Fields:
    """Parses a JSON object; raises `ProtocolError` for others, and for objects longer or deeper than the settings allow."""
    if len(text) > settings.json_bytes:
        raise ProtocolError(f"Expected at most {settings.json_bytes} bytes of JSON, got {len(text)}: send binary data.", 413)
    if text.count(b"[") + text.count(b"{") > settings.json_depth and _depth(text) > settings.json_depth:
        raise ProtocolError(f"Expected JSON of at most {settings.json_depth} brackets inside each other, got more.")
    try:
        fields = DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"Expected a JSON object, got {_shown(text)} ({error}).") from None
    if not isinstance(fields, dict):
        raise ProtocolError(f"Expected a JSON object, got {_shown(text)}.")
    return fields


def member(fields: Fields, name: str, kind: type, default: Any, label: str) -> Any:
    """A member of a JSON object.

    Args:
        fields: The object.
        name: The member's name.
        kind: Its type, one of `KINDS`; a truth value is no whole number.
        default: Its value where it is missing; `...` if it is required.
        label: Names the object in messages.

    Raises:
        ProtocolError: It is missing or of another kind.
    """
    value = fields.get(name, default)
    if value is ... or (value is not default and type(value) is not kind):
        came = "none" if value is ... else type(value).__name__
        raise ProtocolError(f"Expected {name!r} of {label} to be a JSON {KINDS[kind]}, got {came}.")
    return value


def members(fields: Fields, kinds: Mapping[str, tuple[type, Any]], label: str) -> list[Any]:
    """Several members of a JSON object, by their names with kind and default; as `member`."""
    return [member(fields, name, kind, default, label) for name, (kind, default) in kinds.items()]


def objects(fields: Fields, name: str, default: Any, label: str) -> list[Fields]:
    """A member that is an array of JSON objects; as `member`."""
    items: list[Fields] = member(fields, name, list, default, label)
    if not all(isinstance(item, dict) for item in items):
        raise ProtocolError(f"Expected {name!r} of {label} to hold JSON objects, got others.")
    return items


def _depth(text: bytes) -> int:
    """The depth of nested brackets in JSON; of other texts, at least the depth that a parser reaches before it gives up."""
    codes = np.frombuffer(ESCAPED.sub(b"", text), np.uint8)
    outside = np.cumsum(codes == ord('"'), dtype=np.uint8) & 1 == 0  # of strings; whether the count is odd survives its overflow
    return int(np.cumsum(STEPS[codes] * outside, dtype=np.int32).max(initial=0))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_no_constant)
"""Reads JSON without NaN and infinities; `json.loads` with an argument would make one for each text."""


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("latin-1")) + "..." * (len(text) > 40)
