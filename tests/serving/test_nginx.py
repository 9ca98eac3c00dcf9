"""The server behind a real nginx: the page, predictions and uploads, with nginx's defaults and with the configuration of the docs."""

import contextlib
import http.client
import json
import re
from pathlib import Path

import pytest
from running_nginx import running_nginx
from running_server import QUICK, running_server

from dreamkeras.serving.http.proxy import Proxy

DEFAULTS = "server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass http://{address}; }} }}"
STRIPPING = "server {{ listen 127.0.0.1:PORT; location /dream/ {{ proxy_pass http://{address}/; }} }}"
KEEPING = "server {{ listen 127.0.0.1:PORT; location /dream {{ proxy_pass http://{address}; }} }}"
DOCUMENTATION = Path(__file__).parents[2] / "docs/how-to/deploy.md"
JSON = {"Content-Type": "application/json"}
SEQUENCES = json.dumps({"model": "toy", "sequences": ["ACGT"]})


@contextlib.contextmanager
def behind(repository, folder, block, proxy=None):
    """Yields a function that sends a request through nginx, and the port of nginx."""
    with running_server(repository, QUICK, proxy=proxy) as server, running_nginx(folder, block.format(address=server.address)) as port:

        def send(method, path, body=None, headers=None):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request(method, path, body, headers or {})
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()

        yield send, port


def documented():
    """The server block in the documentation, with the addresses of a test."""
    (block,) = re.findall(r"```nginx\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    block = block.replace("{", "{{").replace("}", "}}").replace("http://127.0.0.1:8000", "http://{address}")
    return re.sub(r"listen [^;]*;", "listen 127.0.0.1:PORT;", block)


class TestDefaults:
    """nginx replaces Host by the address of the server."""

    @pytest.mark.parametrize("path", ["/", "/docs", "/page/page.js", "/openapi.json", "/v1/models", "/v2/health/ready"])
    def test_page_and_metadata_are_served(self, make_repository, tmp_path, path):
        with behind(make_repository(), tmp_path, DEFAULTS) as (send, _):
            assert send("GET", path)[0] == 200

    def test_requests_of_the_page_are_recognised_by_the_browser(self, make_repository, tmp_path):
        with behind(make_repository(), tmp_path, DEFAULTS) as (send, _):
            own = {**JSON, "Origin": "https://dream.example.org", "Sec-Fetch-Site": "same-origin"}
            assert send("POST", "/v1/predict", SEQUENCES, own)[0] == 200
            other = {**JSON, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
            status, _, body = send("POST", "/v1/predict", SEQUENCES, other)
            assert (status, "sent by a page of another site" in json.loads(body)["error"]) == (403, True)

    def test_requests_of_the_page_over_plain_http_need_the_option(self, make_repository, tmp_path):
        own = {**JSON, "Origin": "http://dream.example.org"}
        with behind(make_repository(), tmp_path, DEFAULTS) as (send, _):
            status, _, body = send("POST", "/v1/predict", SEQUENCES, own)
            assert (status, "--allow-origin http://dream.example.org" in json.loads(body)["error"]) == (403, True)
        with behind(make_repository(), tmp_path, DEFAULTS, Proxy(("http://dream.example.org",))) as (send, _):
            status, _, body = send("POST", "/v1/predict", SEQUENCES, own)
            assert (status, json.loads(body)["predictions"]) == (200, [{"id": "1", "gc": 2, "a": 1}])
            assert send("POST", "/v1/mutagenesis", json.dumps({"model": "toy", "sequence": "ACGT"}), own)[0] == 200

    def test_other_sites_get_cors_answers_if_they_are_allowed(self, make_repository, tmp_path):
        with behind(make_repository(), tmp_path, DEFAULTS, Proxy(("https://lab.example.org",))) as (send, _):
            asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
            status, headers, _ = send("OPTIONS", "/v1/predict", headers={"Origin": "https://lab.example.org", **asked})
            assert (status, headers["access-control-allow-origin"]) == (200, "https://lab.example.org")
            status, headers, _ = send("POST", "/v1/predict", SEQUENCES, {"Origin": "https://lab.example.org", **JSON})
            assert (status, headers["access-control-allow-origin"]) == (200, "https://lab.example.org")
            status, headers, _ = send("OPTIONS", "/v1/predict", headers={"Origin": "https://evil.example", **asked})
            assert (status, "access-control-allow-origin" in headers) == (403, False)


class TestRootPath:
    @pytest.mark.parametrize("block", [STRIPPING, KEEPING])
    def test_paths_with_and_without_the_root_path_are_served(self, make_repository, tmp_path, block):
        with behind(make_repository(), tmp_path, block, Proxy(root_path="/dream")) as (send, _):
            assert b"page/page.js" in send("GET", "/dream/")[2]
            assert send("GET", "/dream/page/page.js")[0] == 200
            assert send("POST", "/dream/v1/predict", SEQUENCES, JSON)[0] == 200

    def test_root_path_without_a_slash_redirects_to_the_page(self, make_repository, tmp_path):
        with behind(make_repository(), tmp_path, KEEPING, Proxy(root_path="/dream")) as (send, _):
            status, headers, _ = send("GET", "/dream")
            assert (status, headers["location"].endswith("/dream/")) == (308, True)


class TestDocumentedConfiguration:
    def test_page_may_send_requests_without_an_option(self, make_repository, tmp_path):
        with behind(make_repository(), tmp_path, documented()) as (send, port):
            assert send("POST", "/v1/predict", SEQUENCES, {**JSON, "Origin": f"http://127.0.0.1:{port}"})[0] == 200

    def test_large_file_is_answered_completely(self, make_repository, tmp_path):
        rows = 150_000
        body = b"".join(b">r%d\nACGT%s\n" % (number, b"GA"[number % 2 :][:1]) for number in range(rows))
        assert len(body) > 2 << 20
        with behind(make_repository(), tmp_path, documented()) as (send, _):
            status, _, answer = send("POST", "/v1/predict?model=toy", body)
        lines = answer.decode().splitlines()
        assert (status, len(lines), lines[-1]) == (200, rows + 1, f"r{rows - 1}\t2\t2")

    def test_access_log_has_the_address_of_the_client(self, make_repository, tmp_path, caplog):
        with (
            caplog.at_level("INFO", "dreamkeras.serving.access"),
            behind(make_repository(), tmp_path, documented(), Proxy(trusted=("127.0.0.1",))) as (send, _),
        ):
            send("GET", "/v2")
        lines = [json.loads(record.getMessage()) for record in caplog.records if record.name.endswith("access")]
        assert [line["client"] for line in lines if line["path"] == "/v2"] == ["127.0.0.1"]
