"""Hypothesis strategies for requests to every path of the server that takes a body, valid or with random changes."""

import copy
import functools
import gzip
import json
import struct
import urllib.parse
import zlib
from typing import NamedTuple

from hypothesis import strategies as st
from starlette.routing import Route

from dreamkeras.serving.http import routes_kserve_v1, routes_v1, routes_v2

WINDOW = b"ACGTACGTACNN"
STRINGS = b"".join(struct.pack("<I", len(text)) + text for text in (b"ACGT", b"GGGGC"))
LETTERS = {"name": "letters", "shape": [2, 12], "datatype": "UINT8"}
NAMED = {"name": "sequences", "shape": [2, 1], "datatype": "BYTES"}
EXPRESSION = {"name": "expression", "parameters": {"binary_data": True}}


class Form(NamedTuple):
    """A valid request, which is answered with status 200.

    Args:
        fields: JSON part of the body. None if the body is not JSON.
        data: Bytes that follow the JSON.
        media_type: Value of the Content-Type header.
    """

    fields: dict | None
    data: bytes = b""
    media_type: str = "application/json"


FORMS = {
    "predict": [
        Form({"model": "toy", "sequences": ["ACGT", {"id": "x", "sequence": "ACGTNN"}]}),
        Form(None, b">a b\nACGT\nAC\n>c\nGGGGG\n", "text/x-fasta"),
        Form(None, b"@a\nACGTA\n+\nIIIII\n", "text/x-fastq"),
        Form(None, b"id\tsequence\na\tACGT\nb\tGGGGG\n", "text/tab-separated-values"),
    ],
    "mutagenesis": [Form({"model": "toy", "version": "1", "sequence": "ACGTAC"})],
    "infer": [
        Form({"id": "7", "inputs": [{**NAMED, "data": ["ACGT", "GGGGC"]}], "outputs": [EXPRESSION], "parameters": {"timeout": 9_000_000}}),
        Form({"inputs": [{**LETTERS, "data": [list(WINDOW), list(WINDOW)]}]}),
        Form({"inputs": [{**LETTERS, "parameters": {"binary_data_size": 24}}], "outputs": [EXPRESSION]}, WINDOW * 2),
        Form({"inputs": [{**NAMED, "parameters": {"binary_data_size": len(STRINGS)}}]}, STRINGS),
        Form(None, WINDOW, "application/octet-stream"),
    ],
    "index": [Form({"ready": True})],
    "load": [Form({"parameters": {}})],
    "unload": [Form({"parameters": {"unload_dependents": False}})],
    ":predict": [
        Form({"instances": ["ACGT", {"b64": "R0dHR0M="}]}),
        Form({"signature_name": "serving_default", "instances": [{"letters": list(WINDOW)}, {"letters": list(WINDOW)}]}),
        Form({"inputs": {"sequences": ["ACGT", "GGGGC"]}}),
    ],
}
"""Valid requests by the action of the path, see `action`."""

ROUTES = (*routes_v1.routes(), *routes_v2.routes(), *routes_kserve_v1.routes())
PATHS = [route.path for route in ROUTES if isinstance(route, Route) and "POST" in route.methods and "sharedmemory" not in route.path]
WORDS = st.sampled_from(["toy", "twice", "1", "2", "", "..", "../toy", "a\0b", "é", "-1", "letters", "BYTES", "ACGT", "Infinity", "\ud800"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8)
PRINTED = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20)
LENGTHS = st.integers(-3, 300).map(str) | st.sampled_from(["", "1e2", "0x10", "²", "9" * 30])
TYPES = st.sampled_from(["application/json", "Application/JSON; charset=utf-16", "text/x-fasta", "text/csv", "application/x-ndjson", "*/*"])
HEADERS = {
    "Accept": TYPES | PRINTED,
    "Accept-Encoding": st.sampled_from(["gzip", "deflate;q=0", "gzip;q=x, *"]) | PRINTED,
    "Authorization": st.sampled_from(["Bearer x", "Basic eDp5"]) | PRINTED,
    "Content-Encoding": st.sampled_from(["gzip", "deflate", "identity", "br", "gzip, gzip"]) | PRINTED,
    "Content-Type": TYPES | PRINTED,
    "Expect": st.just("100-continue"),
    "Inference-Header-Content-Length": LENGTHS | PRINTED,
    "Origin": st.just("http://example.org"),
    "X-Request-Id": PRINTED,
}
PARAMETERS = st.sampled_from(["model", "version", "include", "id_column", "sequence_column"])
PACKERS = {"gzip": functools.partial(gzip.compress, mtime=0), "deflate": zlib.compress}


class Sent(NamedTuple):
    """A request to send. With `parts`, the body is sent in chunks."""

    path: str
    headers: dict[str, str]
    body: bytes
    parts: list[bytes] | None


def one_in(number):
    """Draws True with low probability."""
    return st.sampled_from([False] * (number - 1) + [True])


def action(path):
    """Returns the last part of a path without the name of the model or version, which is a key of `FORMS`."""
    return path.rsplit("/", 1)[1].rpartition("}")[2]


@st.composite
def requests(draw):
    """Draws a valid or randomly changed request to any path that takes a body."""
    template = draw(st.sampled_from(PATHS))
    form = draw(st.sampled_from(FORMS[action(template)]))
    if draw(one_in(10)):
        form = Form(None, draw(st.binary(max_size=300)), form.media_type)
    head = b"" if form.fields is None else draw(changed_json(form.fields))
    body, headers = head + form.data, {"Content-Type": form.media_type}
    if template.endswith("infer") and form.data:
        headers["Inference-Header-Content-Length"] = str(len(head))
    if draw(one_in(4)):
        body = draw(damaged(body)) * draw(st.sampled_from([1, 1, 2, 100]))
    if draw(one_in(4)):
        encoding = draw(st.sampled_from(sorted(PACKERS)))
        body, headers["Content-Encoding"] = PACKERS[encoding](body), encoding
        body = draw(damaged(body)) if draw(one_in(2)) else body
    if draw(one_in(3)):
        headers |= {name: draw(HEADERS[name]) for name in draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=2))}
    cut = draw(st.none() | st.integers(0, len(body)))
    return Sent(draw(path_of(template)), headers, body, None if cut is None else [part for part in (body[:cut], body[cut:]) if part])


@st.composite
def path_of(draw, template):
    """Draws a path, mostly with names of existing models. `toy` is never loaded or unloaded."""
    known = "twice" if "repository" in template else "toy"
    name, version = (draw(WORDS) if draw(one_in(8)) else usual for usual in (known, "1"))
    name = known if name == "toy" else name
    path = template.format(name=_quoted(name), version=_quoted(version))
    query = {"model": "toy"} if template.endswith("/predict") else {}
    if draw(one_in(6)):
        query |= draw(st.dictionaries(PARAMETERS, WORDS | st.text(max_size=8), max_size=2))
    return f"{path}?{'&'.join(f'{key}={_quoted(value)}' for key, value in query.items())}" if query else path


def _quoted(text):
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


@st.composite
def changed_json(draw, fields):
    """Draws JSON of an object with up to two members replaced or removed, at any depth."""
    fields = copy.deepcopy(fields)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        places = list(members(fields))
        if places:
            holder, key = draw(st.sampled_from(places))
            if draw(st.booleans()):
                holder[key] = draw(VALUES)
            else:
                del holder[key]
    return json.dumps(fields).encode()


def members(holder):
    """Yields container and key of every member of an object or list, recursively."""
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        yield holder, key
        if isinstance(value, dict | list):
            yield from members(value)


@st.composite
def damaged(draw, body):
    """Draws bytes with a part replaced or removed."""
    start, end = sorted([draw(st.integers(0, len(body))), draw(st.integers(0, len(body)))])
    return body[:start] + draw(st.binary(max_size=8)) + body[end:]
