import asyncio
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from virtual_time import run

from dreamkeras.serving.bodies import STEP, Bodies, unzip
from dreamkeras.serving.errors import BodyError, ClientDisconnectedError, ProtocolError
from dreamkeras.serving.settings import Settings

SMALL = Settings(body_bytes=1000, held_bytes=1500, json_bytes=1000, body_seconds=0.1, body_rate=1000)
SLOW = object()
"""Marker among the chunks of a body: the client sends nothing for 0.2 seconds of virtual time."""


def request(chunks, headers=None, *, gone=False):
    """Returns a request whose body arrives in chunks. With `gone`, the client disconnects after the last chunk."""
    parts = list(chunks)

    async def receive():
        while parts and parts[0] is SLOW:
            parts.pop(0)
            await asyncio.sleep(0.2)
        if not parts:
            return {"type": "http.disconnect"}
        body = parts.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(parts) or gone}

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "headers": raw}, receive)


def read(chunks, headers=None, settings=SMALL, **options):
    async def scenario():
        bodies = Bodies(settings)
        try:
            async with bodies.read(request(chunks, headers, **options)) as body:
                assert bodies.held == len(body)
                return body
        finally:
            assert bodies.held == 0

    return run(scenario())


def refusal(*args, **options):
    with pytest.raises(ProtocolError) as caught:
        read(*args, **options)
    return caught.value.status, str(caught.value), isinstance(caught.value, BodyError)


class TestPlainBodies:
    @pytest.mark.parametrize("chunks", [[b""], [b"abc"], [b"a", b"", b"bc"], [b"x" * 1000]])
    def test_bodies_are_read_unchanged(self, chunks):
        assert read(chunks) == b"".join(chunks)

    def test_too_large_declared_length_is_refused_before_reading(self):
        assert refusal([], {"content-length": "1001"}) == (413, "Expected a body of at most 1000 bytes, got 1001.", True)

    def test_body_without_declared_length_is_refused_at_the_limit(self):
        assert refusal([b"x" * 600] * 1000) == (413, "Expected a body of at most 1000 bytes, got more.", True)

    def test_disconnected_client_raises_an_error(self):
        with pytest.raises(ClientDisconnectedError):
            read([b"abc"], gone=True)


class TestSlowBodies:
    def test_slow_body_times_out(self):
        status, message, _ = refusal([b"abc", SLOW, b"d"])
        assert (status, message) == (
            408,
            "Request body too slow: 3 bytes received in 0.1 seconds, expected at least 1000 bytes per second.",
        )

    def test_larger_bodies_may_take_longer(self):
        assert len(read([b"x" * 900, SLOW, b"y"])) == 901

    def test_tiny_chunks_do_not_extend_the_timeout(self):
        assert refusal([b"a", SLOW] * 5)[0] == 408


class TestCompressedBodies:
    @pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP ", gzip.compress)])
    def test_compressed_bodies_are_decompressed(self, encoding, compress):
        packed = compress(b"ACGT" * 200)
        assert read([packed[:10], packed[10:]], {"content-encoding": encoding}) == b"ACGT" * 200

    def test_decompression_bomb_is_refused_at_the_limit(self):
        bomb = gzip.compress(bytes(50 << 20))
        settings = Settings(body_bytes=2 << 20, held_bytes=4 << 20, json_bytes=1)
        status, message, _ = refusal([bomb], {"content-encoding": "gzip"}, settings)
        assert (status, message) == (413, f"Expected a body of at most {2 << 20} bytes, got more after decompression.")

    @pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"abc")[:-3], gzip.compress(b"abc") + b"more", b""])
    def test_malformed_streams_are_400(self, body):
        assert refusal([body], {"content-encoding": "gzip"})[0] == 400

    def test_other_encodings_are_415(self):
        assert refusal([b"x"], {"content-encoding": "br"}) == (
            415,
            "Expected Content-Encoding to be one of identity, gzip, deflate, got 'br'.",
            True,
        )


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "Multipart/Form-Data", "multipart/mixed"])
def test_multipart_forms_are_415(kind):
    status, message, closes = refusal([b"--x"], {"content-type": kind})
    assert (status, closes) == (415, False)
    assert message == "Expected a file or JSON as the body, got a multipart form. Use curl --data-binary @FILE, not -F."


def test_all_bodies_share_one_memory_limit():
    async def scenario():
        bodies = Bodies(SMALL)
        async with bodies.read(request([b"x" * 900])):
            with pytest.raises(ProtocolError, match="Server busy: 1600 bytes of request bodies are in memory") as caught:
                async with bodies.read(request([b"y" * 700, b"z"])):
                    pass
            held = bodies.held
        async with bodies.read(request([b"y" * 700])) as body:
            return caught.value.status, held, len(body)

    assert run(scenario()) == (503, 900, 700)


@given(data=st.binary(max_size=5000), repeat=st.integers(1, 2000), cut=st.integers(0, 100))
def test_unzip_gives_the_same_bytes_in_parts_of_bounded_size(data, repeat, cut):
    data *= repeat
    packed, stream = zlib.compress(data), zlib.decompressobj()
    parts = [*unzip(stream, packed[:cut]), *unzip(stream, packed[cut:])]
    assert b"".join(parts) == data
    assert all(0 < len(part) <= STEP for part in parts)
    assert stream.eof
