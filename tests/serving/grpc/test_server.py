import asyncio
import concurrent.futures
import socket
import subprocess
import threading

import numpy as np
import pytest
from running_server import QUICK

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.lifecycle import Tls

triton = pytest.importorskip("tritonclient.grpc")

from running_grpc import running_grpc  # noqa: E402

from dreamkeras.serving.grpc.server import add_grpc  # noqa: E402


def strings(*texts):
    tensor = triton.InferInput("sequences", [len(texts)], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode() for text in texts], object))
    return tensor


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Self-signed certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*command, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    return Tls(folder / "cert.pem", folder / "key.pem")


class TestPort:
    def test_used_port_is_an_error_before_the_server_starts(self, make_repository):
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            pytest.raises(DreamkerasError, match=r"Cannot listen on 127\.0\.0\.1, port"),
        ):
            add_grpc(create_app(QUICK, make_repository()), "127.0.0.1", taken.getsockname()[1])

    def test_port_is_free_again_after_the_application_has_ended(self, make_repository):
        with running_grpc(make_repository()) as running:
            port = int(running.address.rsplit(":", 1)[1])
        socket.create_server(("127.0.0.1", port)).close()


class TestTls:
    def test_clients_that_trust_the_certificate_are_served(self, make_repository, certificate):
        with running_grpc(make_repository(), tls=certificate) as running:
            options = {"ssl": True, "root_certificates": str(certificate.certificate)}
            with triton.InferenceServerClient(running.address, **options) as client:
                assert client.is_server_ready()
            with triton.InferenceServerClient(running.address) as client, pytest.raises(triton.InferenceServerException):
                client.is_server_ready(client_timeout=5)

    def test_clients_without_a_required_certificate_are_refused(self, make_repository, certificate):
        mutual = certificate._replace(client_ca=certificate.certificate)
        authority = {"ssl": True, "root_certificates": str(certificate.certificate)}
        with running_grpc(make_repository(), tls=mutual) as running:
            with triton.InferenceServerClient(running.address, **authority) as client, pytest.raises(triton.InferenceServerException):
                client.is_server_ready(client_timeout=5)
            own = {"private_key": str(certificate.key), "certificate_chain": str(certificate.certificate)}
            with triton.InferenceServerClient(running.address, **authority, **own) as client:
                assert client.is_server_ready()

    def test_unreadable_certificate_is_a_one_line_error(self, make_repository, tmp_path):
        with pytest.raises(InputError, match="Cannot load the certificate or key from"):
            add_grpc(create_app(QUICK, make_repository()), "127.0.0.1", 0, Tls(tmp_path / "no.pem", tmp_path / "no.key"))


def test_calls_in_flight_are_answered_when_the_server_stops(make_repository):
    with running_grpc(make_repository()) as running:
        score, inside, go_on = running.service.batcher.score, threading.Semaphore(0), threading.Event()

        async def slowly(*args):
            inside.release()
            assert await asyncio.to_thread(go_on.wait, 30)
            return await score(*args)

        running.service.batcher.score = slowly
        with triton.InferenceServerClient(running.address) as client, concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(client.infer, "toy", [strings("ACGT")]) for _ in range(8)]
            assert all(inside.acquire(timeout=30) for _ in answers)
            running.stop()
            go_on.set()
            assert [answer.result(30).as_numpy("expression").tolist() for answer in answers] == [[[2, 1]]] * 8
