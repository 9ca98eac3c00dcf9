import contextlib
import http.client
import json
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from running_server import QUICK, running_server, server_process
from toy_models import write_toy_model

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.serving import lifecycle
from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.lifecycle import Tls, bind, make_server

BODY = b'{"inputs":[{"name":"sequences","datatype":"BYTES","shape":[1],"data":["GGGG"]}]}'
INFER = b"POST /v2/models/toy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
GATHERING = "delay_seconds = 2\nbatch_rows = 4096\nconnections = 1100\n"
"""Settings that let requests wait two seconds for a full batch, so that they stay in flight as long as a test needs."""


def ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/v2/health/ready")
    status = connection.getresponse().status
    connection.close()
    return status


def wait_until_not_ready(port):
    """Waits until the server has handled a signal and gives notice."""
    while ready(port) == 200:
        time.sleep(0.01)


def wait_for_rows(port, rows):
    """Waits until the given number of rows is in the queue."""
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            if f'dreamkeras_queue_rows{{model="toy",version="1"}} {rows}\n' in answer.read().decode():
                return
        time.sleep(0.01)


def read_all(connection):
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


class TestBinding:
    def test_port_0_selects_a_free_port(self):
        with bind("127.0.0.1", 0) as listener:
            assert listener.getsockname()[1] > 0

    def test_ipv6_addresses_are_supported(self):
        if not socket.has_ipv6:
            pytest.skip("this machine has no IPv6")
        with bind("::1", 0) as listener:
            assert listener.family == socket.AF_INET6

    def test_tcp_nodelay_is_set_on_connections(self, make_repository):
        with running_server(make_repository()) as running, socket.create_connection(("127.0.0.1", running.port)):
            while not running.server.server_state.connections:
                time.sleep(0.01)
            (connection,) = running.server.server_state.connections
            assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def test_used_port_is_a_one_line_error(self):
        with (
            bind("127.0.0.1", 0) as taken,
            pytest.raises(DreamkerasError, match=r"Cannot listen on 127.0.0.1, port \d+: Address"),
        ):
            bind("127.0.0.1", taken.getsockname()[1])

    def test_unknown_host_is_a_one_line_error(self):
        with pytest.raises(DreamkerasError, match=r"Cannot listen on no\.such\.host\.invalid, port 0: "):
            bind("no.such.host.invalid", 0)


class TestOpenFiles:
    def test_soft_limit_is_increased_as_far_as_needed(self, monkeypatch):
        limits = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
        monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))
        lifecycle._allow_files(1000)
        lifecycle._allow_files(200)
        assert limits == [(1000, 4096)]

    def test_low_hard_limit_is_an_error(self, monkeypatch):
        monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 512))
        with pytest.raises(InputError, match="The setting `connections` requires 1000 open files, but the limit is 512"):
            lifecycle._allow_files(1000)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate, and is not installed")
    folder = tmp_path_factory.mktemp("tls")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run([*request, *names], check=True, capture_output=True)
    return Tls(folder / "cert.pem", folder / "key.pem")


class TestTls:
    def ask(self, port, context):
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
        connection.request("GET", "/v2/health/ready")
        with contextlib.closing(connection):
            return connection.getresponse().status

    def test_serves_https(self, make_repository, tls):
        with running_server(make_repository(), tls=tls) as running:
            assert self.ask(running.port, ssl.create_default_context(cafile=tls.certificate)) == 200
            with pytest.raises(ssl.SSLCertVerificationError):
                self.ask(running.port, ssl.create_default_context())

    def test_client_certificates_are_required(self, make_repository, tls):
        with running_server(make_repository(), tls=tls._replace(client_ca=tls.certificate)) as running:
            context = ssl.create_default_context(cafile=tls.certificate)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                self.ask(running.port, context)
            context.load_cert_chain(tls.certificate, tls.key)
            assert self.ask(running.port, context) == 200

    def test_invalid_certificate_files_are_an_error(self, make_repository, tls):
        with pytest.raises(InputError, match=r"Cannot load the PEM files for TLS \(.*key.pem, .*key.pem\): "):
            make_server(create_app(QUICK, make_repository()), Tls(tls.key, tls.key))


class TestSignals:
    def test_sigterm_loses_none_of_a_thousand_requests_in_flight(self, toy_model, tmp_path):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 1200:
            pytest.skip(f"a thousand connections need more than {hard} open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
        with (
            server_process(tmp_path, "-m", f"toy={toy_model}", "--no-access-log", settings=GATHERING + "notice_seconds = 0\n") as server,
            contextlib.ExitStack() as stack,
        ):
            server.process.send_signal(signal.SIGSTOP)  # all connections wait in the kernel when the signal arrives
            clients = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30)) for _ in range(1000)]
            for client in clients:
                client.sendall(INFER)
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGCONT)
            answers = [read_all(client) for client in clients]
            assert server.process.wait(30) == 0
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
        assert all(json.loads(answer.partition(b"\r\n\r\n")[2])["outputs"][0]["data"] == [4, 0] for answer in answers)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
    def test_port_is_closed_after_the_notice(self, toy_model, tmp_path, number):
        with server_process(tmp_path, "-m", f"toy={toy_model}", settings="notice_seconds = 0.2") as server:
            assert ready(server.port) == 200
            server.process.send_signal(number)
            assert server.process.wait(30) == 0
            with pytest.raises(ConnectionRefusedError):
                ready(server.port)

    def test_second_signal_skips_the_notice(self, toy_model, tmp_path):
        with server_process(tmp_path, "-m", f"toy={toy_model}", settings="notice_seconds = 600") as server:
            server.process.send_signal(signal.SIGTERM)
            wait_until_not_ready(server.port)
            assert ready(server.port) == 503
            assert server.stop() == 0

    def test_sigint_skips_the_notice(self, toy_model, tmp_path):
        with server_process(tmp_path, "-m", f"toy={toy_model}", settings="notice_seconds = 600") as server:
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(30) == 0

    def test_requests_over_the_drain_time_get_503_and_the_server_exits(self, toy_model, tmp_path):
        settings = "notice_seconds = 0\ndrain_seconds = 0.3\ndelay_seconds = 600\n"
        with server_process(tmp_path, "-m", f"toy={toy_model}", settings=settings) as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
                client.sendall(INFER)
                wait_for_rows(server.port, 1)
                server.process.send_signal(signal.SIGTERM)
                answer = read_all(client)
            assert server.process.wait(30) == 0
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"The server is shutting down." in answer
        assert "Traceback" not in server.log.read_text()


class TestUnderLoad:
    def test_hot_reload_fails_no_request(self, toy_model, tmp_path):
        """Reloads a model ten times under load from four clients. Every second reload is of a malformed file."""
        path = shutil.copy(toy_model, tmp_path / "toy.onnx")
        with server_process(tmp_path, "-m", f"toy={path}", "--no-access-log") as server:
            found, stop = [], threading.Event()
            threads = [threading.Thread(target=self.ask_until, args=(server.port, stop, found)) for _ in range(4)]
            for thread in threads:
                thread.start()
            statuses = [self.reload(server.port, path, turn) for turn in range(10)]
            stop.set()
            for thread in threads:
                thread.join()
        assert statuses == [200, 400] * 5
        assert {status for status, _ in found} == {200}
        assert {value for _, value in found} <= {4.0, *(4.0 * (turn + 2) for turn in range(10))}
        assert len({value for _, value in found}) > 2

    def reload(self, port, path, turn):
        if turn % 2:
            path.write_bytes(b"broken")
        else:
            write_toy_model(path, weight=turn + 2)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/v2/repository/models/toy/load")
        with contextlib.closing(connection):
            return connection.getresponse().status

    def ask_until(self, port, stop, found):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            while not stop.is_set():
                connection.request("POST", "/v2/models/toy/infer", BODY)
                answer = connection.getresponse()
                found.append((answer.status, json.loads(answer.read())["outputs"][0]["data"][0]))

    def test_full_queue_refuses_immediately_and_waiting_requests_are_answered(self, toy_model, tmp_path):
        settings = GATHERING.replace("delay_seconds = 2", "delay_seconds = 5") + "rows = 50\nqueue_rows = 50\n"
        with (
            server_process(tmp_path, "-m", f"toy={toy_model}", "--no-access-log", settings=settings) as server,
            contextlib.ExitStack() as stack,
        ):
            waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30)) for _ in range(50)]
            for client in waiting:
                client.sendall(INFER)
            wait_for_rows(server.port, 50)
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
                answers = []
                for _ in range(20):
                    connection.request("POST", "/v2/models/toy/infer", BODY)
                    answer = connection.getresponse()
                    answers.append(
                        (answer.status, answer.headers["Retry-After"], "Exceeds maximum queue size" in json.loads(answer.read())["error"])
                    )
            assert {client.recv(65536)[:15] for client in waiting} == {b"HTTP/1.1 200 OK"}
        assert set(answers) == {(503, "1", True)}


def test_stopping_server_closes_the_connection_after_each_answer(make_repository):
    repository, held, go_on = make_repository(), threading.Event(), threading.Event()
    model = repository.get("toy")
    answer_of = model.answer

    def hold(windows):
        held.set()
        assert go_on.wait(30)
        return answer_of(windows)

    model.answer = hold
    with (
        running_server(repository) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=30) as client,
    ):
        client.sendall(INFER)
        assert held.wait(30)
        running.service.stopping = running.server.should_exit = True
        go_on.set()
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer
