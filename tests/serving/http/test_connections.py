import asyncio
import contextlib
import dataclasses
import json
import re
import socket
import time

import pytest
from running_server import QUICK, running_server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dreamkeras.errors import MissingPackageError
from dreamkeras.scoring.predictor import load
from dreamkeras.serving.http.connections import _check_internals, _HeadAndBody, bounded_protocol
from dreamkeras.serving.repository import ModelRepository

SMALL = dataclasses.replace(QUICK, connections=8, header_bytes=2000, header_seconds=600, idle_seconds=600, body_seconds=600)
HASTY = dataclasses.replace(SMALL, header_seconds=0.4, idle_seconds=0.4, answer_seconds=0.5, body_seconds=0.4, body_rate=1000)
"""Limits that expire during a test."""

READY = b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def serving(toy_model, settings):
    repository = ModelRepository({"toy": toy_model}, None, lambda path: load(path, "cpu", 1), settings)
    repository.load_all()
    with running_server(repository, settings) as running:
        yield running


@pytest.fixture(scope="module")
def patient(toy_model):
    with serving(toy_model, SMALL) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(toy_model):
    with serving(toy_model, HASTY) as running:
        yield running


@contextlib.contextmanager
def connections(server):
    """Yields a function that opens a socket to the server. All sockets are closed afterwards, and the server must have removed them."""
    with contextlib.ExitStack() as stack:

        def open_socket():
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection

        yield open_socket
    while server.server.server_state.connections:
        time.sleep(0.01)
    assert not server.server.config.http.idle
    assert not server.server.config.http.silent


@pytest.fixture
def connect(patient):
    """Opens sockets to a server whose time limits do not expire during a test."""
    with connections(patient) as open_socket:
        yield open_socket


@pytest.fixture
def connect_hasty(hasty):
    """Opens sockets to a server whose time limits expire."""
    with connections(hasty) as open_socket:
        yield open_socket


def read_to_end(connection):
    """Returns all bytes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


def wait_for(server, number):
    """Waits until the server has the given number of connections."""
    while len(server.server.server_state.connections) < number:
        time.sleep(0.01)


def answer(connection):
    """Returns the status of one response."""
    return int(connection.recv(65536).split()[1])


def status_and_error(received):
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


class TestHeaders:
    def test_headers_may_arrive_in_pieces(self, patient, connect):
        connection = connect()
        for end in (10, 30):
            connection.sendall(READY[:10] if end == 10 else READY[10:30])
            while [one._head_bytes for one in patient.server.config.http.silent] != [end]:
                time.sleep(0.01)
        connection.sendall(READY[30:])
        assert answer(connection) == 200

    @pytest.mark.parametrize("dribble", [False, True])
    def test_headers_that_never_end_time_out(self, connect_hasty, dribble):
        connection = connect_hasty()
        connection.sendall(b"GET /v2 HTTP/1.1\r\n")
        connection.settimeout(0.1)
        received = b""
        while not received:
            with contextlib.suppress(TimeoutError):
                received = read_to_end(connection)
            if dribble and not received:
                with contextlib.suppress(OSError):
                    connection.sendall(b"X-A: b\r\n")
        assert status_and_error(received) == (408, "Request headers were incomplete after 0.4 seconds.")

    def test_too_large_headers_are_refused_before_they_end(self, connect):
        connection = connect()
        connection.sendall(b"GET /v2 HTTP/1.1\r\nX-Long: " + b"x" * 3000)
        assert status_and_error(read_to_end(connection)) == (431, "Expected headers of at most 2000 bytes, got more.")

    def test_too_large_complete_headers_are_refused(self, connect):
        connection = connect()
        connection.sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 3000 + b"\r\n\r\n")
        assert status_and_error(read_to_end(connection))[0] == 431

    @pytest.mark.parametrize(
        "sent", [b"GARBAGE\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"CONNECT a:1 HTTP/1.1\r\n\r\n"]
    )
    def test_malformed_requests_are_400(self, connect, sent):
        connection = connect()
        connection.sendall(sent)
        status, error = status_and_error(read_to_end(connection))
        assert (status, error[:24]) == (400, "Malformed HTTP request: ")

    def test_websockets_are_not_supported(self, connect):
        connection = connect()
        connection.sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert answer(connection) == 200


class TestIdleConnections:
    def test_silent_connections_are_closed(self, connect_hasty):
        assert read_to_end(connect_hasty()) == b""

    def test_connections_stay_open_between_requests(self, connect):
        connection = connect()
        for _ in range(3):
            connection.sendall(READY)
            assert answer(connection) == 200

    def test_idle_connections_are_closed(self, connect_hasty):
        connection = connect_hasty()
        connection.sendall(READY)
        assert answer(connection) == 200
        assert read_to_end(connection) == b""

    def test_oldest_silent_connection_is_closed_for_a_new_one(self, patient, connect):
        silent = [connect() for _ in range(8)]
        wait_for(patient, 8)
        newest = connect()
        newest.sendall(READY)
        assert answer(newest) == 200
        assert status_and_error(read_to_end(silent[0]))[0] == 503
        silent[1].sendall(READY)
        assert answer(silent[1]) == 200

    def test_longest_idle_connection_is_closed_if_none_is_silent(self, patient, connect):
        idle = []
        for _ in range(8):
            idle.append(connect())
            idle[-1].sendall(READY)
            assert answer(idle[-1]) == 200
        idle[0].sendall(READY)
        assert answer(idle[0]) == 200
        newest = connect()
        newest.sendall(READY)
        assert answer(newest) == 200
        assert status_and_error(read_to_end(idle[1]))[0] == 503
        idle[0].sendall(READY)
        assert answer(idle[0]) == 200

    def test_silent_connections_do_not_displace_idle_ones(self, patient, connect):
        client = connect()
        for _ in range(3):
            client.sendall(READY)
            assert answer(client) == 200
            for _ in range(30):
                connect()

    def test_many_idle_connections_do_not_block_new_clients(self, connect):
        for _ in range(20):
            many = [connect() for _ in range(20)]
            client = connect()
            client.sendall(READY)
            assert answer(client) == 200
            for connection in many:
                connection.close()

    def test_busy_connections_are_not_closed_for_new_ones(self, patient, connect):
        busy = []
        for _ in range(8):
            busy.append(connection := connect())
            connection.sendall(b"POST /v2/repository/index HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        wait_for(patient, 8)
        while patient.server.config.http.silent:
            time.sleep(0.01)
        assert status_and_error(read_to_end(connect())) == (503, "Too many connections: at most 8 are allowed. Try again later.")
        for connection in busy:
            connection.sendall(b"}")
            assert answer(connection) == 200


class TestSlowClients:
    def test_slow_body_is_408_and_closes_the_connection(self, connect_hasty):
        connection = connect_hasty()
        connection.sendall(b"POST /v2/repository/index HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        status, error = status_and_error(read_to_end(connection))
        assert (status, error) == (408, "Request body too slow: 1 bytes received in 0.4 seconds, expected at least 1000 bytes per second.")

    def test_too_large_declared_body_is_refused_immediately(self, connect):
        connection = connect()
        connection.sendall(b"POST /v2/repository/index HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483648\r\n\r\n")
        status, error = status_and_error(read_to_end(connection))
        assert (status, error) == (413, f"Expected a body of at most {SMALL.body_bytes} bytes, got 2147483648.")

    def test_client_that_does_not_read_is_disconnected(self, hasty, connect_hasty):
        connection = connect_hasty()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        rows = 8192
        head = f"POST /v2/models/toy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {rows * 12 + 200}\r\n"
        head += "Inference-Header-Content-Length: 200\r\n\r\n"
        tensor = {"name": "letters", "datatype": "UINT8", "shape": [rows, 12], "parameters": {"binary_data_size": rows * 12}}
        text = json.dumps({"inputs": [tensor]}).ljust(200)
        for _ in range(40):
            with contextlib.suppress(OSError, TimeoutError):
                connection.settimeout(0.2)
                connection.sendall((head + text).encode() + b"ACGT" * 3 * rows)
        while hasty.server.server_state.connections:
            time.sleep(0.01)


class TestInternals:
    def test_installed_uvicorn_has_them(self):
        _check_internals(HttpToolsProtocol)

    @pytest.mark.parametrize("name", ["cycle", "send_400_response"])
    def test_other_uvicorn_is_refused_at_the_start(self, monkeypatch, name):
        monkeypatch.setattr("dreamkeras.serving.http.connections.INTERNALS", (f"{name}_of_the_future", "loop"))
        message = rf"lacks the internal names {name}_of_the_future\. Install a tested version: pip install 'uvicorn==\d"
        with pytest.raises(MissingPackageError, match=message):
            bounded_protocol(SMALL)


def test_pipelined_requests_are_answered_in_order(connect):
    connection = connect()
    connection.sendall(READY + b"GET /v2/models/no HTTP/1.1\r\nHost: x\r\n\r\n" + READY)
    received = b""
    while len(found := re.findall(rb"HTTP/1.1 (\d+)", received)) < 3:
        received += connection.recv(65536)
    assert found == [b"200", b"404", b"200"]


GONE = object()


class TestHeadAndBody:
    def written(self, *steps):
        """Returns the bytes that reach the transport.

        A step is bytes to write, a number of iterations of the event loop, None to close the wrapper, or GONE to close the transport.
        """

        class Transport(list):
            write = list.append

            def close(self):
                self.append("closed")

            def is_closing(self):
                return "closed" in self

        async def take_steps():
            transport = Transport()
            joined = _HeadAndBody(transport, asyncio.get_running_loop())
            for step in steps:
                if step is None:
                    joined.close()
                elif step is GONE:
                    transport.close()
                elif isinstance(step, int):
                    for _ in range(step):
                        await asyncio.sleep(0)
                else:
                    joined.write(step)
            return list(transport)

        return asyncio.run(take_steps())

    def test_head_and_body_are_sent_together(self):
        assert self.written(b"HTTP/1.1 200 OK\r\n\r\n", b"body", 2, b"more") == [b"HTTP/1.1 200 OK\r\n\r\nbody", b"more"]

    def test_head_is_sent_without_waiting_for_a_body(self):
        assert self.written(b"HTTP/1.1 200 OK\r\n\r\n", 2, b"body") == [b"HTTP/1.1 200 OK\r\n\r\n", b"body"]

    def test_head_is_sent_before_closing(self):
        assert self.written(b"HTTP/1.1 204 No Content\r\n\r\n", None) == [b"HTTP/1.1 204 No Content\r\n\r\n", "closed"]

    def test_head_is_not_sent_to_a_disconnected_client(self):
        assert self.written(b"HTTP/1.1 200 OK\r\n\r\n", GONE, 2) == ["closed"]

    def test_large_body_is_not_copied(self):
        body = bytes(1 << 17)
        head, sent = self.written(b"HTTP/1.1 200 OK\r\n\r\n", body)
        assert head == b"HTTP/1.1 200 OK\r\n\r\n"
        assert sent is body

    def test_memoryviews_are_accepted(self):
        assert self.written(b"HTTP/1.1 200 OK\r\n\r\n", memoryview(b"body"), memoryview(b"more")) == [
            b"HTTP/1.1 200 OK\r\n\r\nbody",
            b"more",
        ]

    def test_body_that_looks_like_a_head_is_sent(self):
        assert b"".join(self.written(b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/", b"HTTP/", 2)) == b"HTTP/1.1 200 OK\r\n\r\nHTTP/HTTP/"
