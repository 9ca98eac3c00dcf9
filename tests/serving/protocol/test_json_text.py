import json
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.json_text import KINDS, member, members, objects, read_json
from dreamkeras.serving.settings import Settings

LIMITS = Settings(json_bytes=2000, json_depth=5)
NESTED = st.recursive(
    st.none() | st.booleans() | st.text(alphabet='[]{}"\\ax', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[{"\\', max_size=3), inner, max_size=3),
    max_leaves=20,
)


def refused(function, *args):
    with pytest.raises(ProtocolError) as caught:
        function(*args)
    assert "\n" not in str(caught.value)
    return caught.value.status, str(caught.value)


def depth_of(value):
    """Returns the nesting depth of a value."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


class TestRead:
    def test_objects_are_parsed(self):
        assert read_json(b'{"id": "\\u00e9\xc3\xa9", "inputs": [[1.5, null]]}', LIMITS) == {"id": "éé", "inputs": [[1.5, None]]}

    @given(NESTED, st.booleans())
    def test_depth_ignores_brackets_in_strings(self, value, ascii_only):
        value = {"value": value}
        text = json.dumps(value, ensure_ascii=ascii_only).encode()
        limits = Settings(json_depth=max(1, depth_of(value) - 1))
        if depth_of(value) > limits.json_depth:
            assert "JSON is nested too deeply" in refused(read_json, text, limits)[1]
        assert read_json(text, Settings(json_depth=depth_of(value))) == value

    @pytest.mark.parametrize("text", [b"[" * 1999, b'{"a":' * 399, b'["' + b"\\" * 1500, b'{"a": [[[[[]]]]]}', b'[[[[[["'])
    def test_too_deep_json_is_refused_before_parsing(self, text):
        status, message = refused(read_json, text, LIMITS)
        assert (status, "JSON is nested too deeply: at most 5 levels" in message or "Expected a JSON object" in message) == (400, True)

    def test_too_long_json_is_413(self):
        assert refused(read_json, b" " * 2001, LIMITS) == (413, "Expected at most 2000 bytes of JSON, got 2001. Send binary data.")

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"[]",
            b"7",
            b"null",
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b"{}{}",
            b"{'a': 1}",
        ],
    )
    def test_text_that_is_not_an_object_is_refused(self, text):
        status, message = refused(read_json, text, LIMITS)
        assert (status, message.startswith("Expected a JSON object, got ")) == (400, True)

    def test_numbers_of_thousands_of_digits_are_refused(self):
        assert refused(read_json, b'{"a": ' + b"9" * 5000 + b"}", Settings())[0] == 400

    @pytest.mark.parametrize("text", [b"\xff", b'{"a": "\xff"}', '{"a": "é"}'.encode("utf-16"), '{"a": "é"}'.encode("latin-1")])
    def test_other_encodings_are_refused(self, text):
        status, message = refused(read_json, text, LIMITS)
        assert (status, message.startswith("Expected JSON in UTF-8, got ")) == (400, True)

    def test_byte_order_mark_is_ignored(self):
        assert read_json('{"a": 1}'.encode("utf-8-sig"), LIMITS) == {"a": 1}


class TestMember:
    FIELDS: ClassVar = {"text": "a", "count": 1, "sure": True, "list": [{}], "object": {}, "half": 0.5, "nothing": None}

    @pytest.mark.parametrize(("name", "kind"), [("text", str), ("count", int), ("sure", bool), ("list", list), ("object", dict)])
    def test_members_of_the_right_type_are_returned(self, name, kind):
        assert member(self.FIELDS, name, kind, ..., "it") == self.FIELDS[name]
        assert kind in KINDS

    @pytest.mark.parametrize("default", [None, [], {}, False])
    def test_missing_members_have_the_default(self, default):
        assert member(self.FIELDS, "no", str, default, "it") is default

    @pytest.mark.parametrize(
        ("name", "kind", "came"),
        [("sure", int, "bool"), ("count", bool, "int"), ("half", int, "float"), ("text", list, "str"), ("no", str, "none")],
    )
    def test_wrong_type_or_missing_member_is_refused(self, name, kind, came):
        status, message = refused(member, self.FIELDS, name, kind, ..., "the request")
        assert (status, message) == (400, f"Expected {name!r} of the request to be a JSON {KINDS[kind]}, got {came}.")

    def test_null_is_accepted_only_if_the_default_is_none(self):
        assert member(self.FIELDS, "nothing", str, None, "it") is None
        assert refused(member, self.FIELDS, "nothing", str, "x", "it")[0] == 400

    def test_members_are_returned_in_the_given_order(self):
        assert members(self.FIELDS, {"count": (int, ...), "text": (str, ...), "no": (list, [])}, "it") == [1, "a", []]
        message = refused(members, self.FIELDS, {"count": (int, ...), "text": (int, ...)}, "it")[1]
        assert message == "Expected 'text' of it to be a JSON integer, got str."

    def test_objects_accepts_only_lists_of_objects(self):
        assert objects(self.FIELDS, "list", ..., "it") == [{}]
        assert objects(self.FIELDS, "no", [], "it") == []
        assert refused(objects, {"a": [{}, 1]}, "a", [], "it") == (400, "Expected 'a' of it to contain JSON objects only.")
