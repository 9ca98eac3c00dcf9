"""Parser for JSON from clients, with limits on length and nesting, and type checks of the members."""

import codecs
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
KINDS = {str: "string", list: "array", dict: "object", int: "integer", bool: "boolean"}


def read_json(text: bytes, settings: Settings) -> Fields:
    """Parses a JSON object. Raises `ProtocolError` if the text is not a JSON object, or exceeds the limits on length or nesting."""
    if len(text) > settings.json_bytes:
        raise ProtocolError(f"Expected at most {settings.json_bytes} bytes of JSON, got {len(text)}. Send binary data.", 413)
    if text.count(b"[") + text.count(b"{") > settings.json_depth and _depth(text) > settings.json_depth:
        raise ProtocolError(f"JSON is nested too deeply: at most {settings.json_depth} levels are allowed.")
    try:
        fields = DECODER.decode(text.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError:
        raise ProtocolError(f"Expected JSON in UTF-8, got {_shown(text)}.") from None
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"Expected a JSON object, got {_shown(text)} ({error}).") from None
    if not isinstance(fields, dict):
        raise ProtocolError(f"Expected a JSON object, got {_shown(text)}.")
    return fields


def member(fields: Fields, name: str, kind: type, default: Any, label: str) -> Any:
    """Returns a member of a JSON object.

    Args:
        fields: The JSON object.
        name: Name of the member.
        kind: Type of the member, one of `KINDS`. A boolean does not count as an integer.
        default: Value to return if the member is missing. `...` means that the member is required.
        label: Name of the object for error messages.

    Raises:
        ProtocolError: A required member is missing, or the member has another type.
    """
    value = fields.get(name, default)
    if value is ... or (value is not default and type(value) is not kind):
        came = "none" if value is ... else type(value).__name__
        raise ProtocolError(f"Expected {name!r} of {label} to be a JSON {KINDS[kind]}, got {came}.")
    return value


def members(fields: Fields, kinds: Mapping[str, tuple[type, Any]], label: str) -> list[Any]:
    """Returns several members of a JSON object. `kinds` maps member names to a type and a default (see `member`)."""
    return [member(fields, name, kind, default, label) for name, (kind, default) in kinds.items()]


def objects(fields: Fields, name: str, default: Any, label: str) -> list[Fields]:
    """Returns a member that is an array of JSON objects. For the arguments and errors, see `member`."""
    items: list[Fields] = member(fields, name, list, default, label)
    if not all(isinstance(item, dict) for item in items):
        raise ProtocolError(f"Expected {name!r} of {label} to contain JSON objects only.")
    return items


def _depth(text: bytes) -> int:
    """Returns the nesting depth of JSON. For text that is not JSON, returns at least the depth that a parser reaches before it fails."""
    codes = np.frombuffer(ESCAPED.sub(b"", text), np.uint8)
    # A bracket is outside of strings if the number of quotation marks before it is even, also if the uint8 count overflows.
    outside = np.cumsum(codes == ord('"'), dtype=np.uint8) & 1 == 0
    return int(np.cumsum(STEPS[codes] * outside, dtype=np.int32).max(initial=0))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


DECODER = json.JSONDecoder(parse_constant=_no_constant)
"""JSON decoder that rejects NaN and infinities. `json.loads` with an argument would create a decoder for each call."""


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("latin-1")) + "..." * (len(text) > 40)
