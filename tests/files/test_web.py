import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from file_server import Answer, file_server

from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError
from dreamkeras.files import web
from dreamkeras.files.web import check_url, open_url, read_url


@pytest.fixture
def naps(monkeypatch):
    """Records the requested waiting times, in seconds, without waiting."""
    seconds = []
    monkeypatch.setattr(web.time, "sleep", seconds.append)
    monkeypatch.setattr(web, "PAUSE", 1.0)
    return seconds


@pytest.fixture
def text_url(server):
    server.add(text=b"hello")
    return f"{server.url}/text"


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_response_is_read(text_url):
    assert read_url(text_url, 5) == b"hello"


@pytest.mark.parametrize("url", ["http://a/b/", "https://a.org:80/b"])
def test_urls_of_web_servers_are_accepted(url):
    assert check_url(url) == url.rstrip("/")


@pytest.mark.parametrize("url", ["", "data/yeast", "ftp://a/b", "file:///etc", "http://", "https:///x"])
def test_other_urls_are_rejected(url):
    with pytest.raises(InputError, match=r"^Expected a URL that begins with http"):
        check_url(url)


def test_headers_are_sent(text_url, server):
    with open_url(text_url, {"Range": "bytes=2-"}) as response:
        assert (response.status, response.read()) == (206, b"llo")
    assert server.ranges("text") == ["bytes=2-"]


def test_a_response_that_is_too_long_is_rejected(text_url):
    with pytest.raises(DreamkerasError, match=r"Expected at most 4 bytes from http://.*/text, got more"):
        read_url(text_url, 4)


def test_a_compressed_response_is_read_and_limited(text_url, server):
    import gzip

    server.spoil("text", *[Answer(body=gzip.compress(b"0" * 1_000_000), headers={"Content-Encoding": "gzip"})] * 2)
    assert read_url(text_url, 1_000_000) == b"0" * 1_000_000
    with pytest.raises(DreamkerasError, match="Expected at most 999 bytes"):
        read_url(text_url, 999)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 501])
def test_other_errors_are_not_retried(text_url, server, status):
    server.spoil("text", Answer(status))
    with pytest.raises(DreamkerasError, match=rf"^Cannot get http://.*/text: {status} [A-Z].*\.$"):
        read_url(text_url, 5)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_requests_to_busy_servers_are_repeated(text_url, server, naps, status):
    said = []
    server.spoil("text", Answer(status), Answer(status))
    assert read_url(text_url, 5, say=said.append) == b"hello"
    assert naps == [1, 2]
    assert [line.rsplit(". ", 1)[1] for line in said] == ["Retrying in 1 s.", "Retrying in 2 s."]
    assert str(status) in said[0]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_respected(text_url, server, naps, status):
    server.spoil("text", Answer(status, {"Retry-After": "7"}))
    assert read_url(text_url, 5) == b"hello"
    assert naps == [7]


def test_retry_after_as_a_date_is_respected(text_url, server, naps):
    server.spoil("text", Answer(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)}))
    assert read_url(text_url, 5) == b"hello"
    assert 50 < naps[0] <= 60


@pytest.mark.parametrize("value", ["soon", "", "-"])
def test_an_invalid_retry_after_is_ignored(text_url, server, naps, value):
    server.spoil("text", Answer(503, {"Retry-After": value}))
    assert read_url(text_url, 5) == b"hello"
    assert naps == [1]


def test_long_waits_are_rejected(text_url, server, naps):
    server.spoil("text", Answer(429, {"Retry-After": "7200"}))
    with pytest.raises(DreamkerasError, match=r"429 Too Many Requests\. Try again in 7,200 s\."):
        read_url(text_url, 5)
    assert naps == []


def test_the_number_of_attempts_is_limited(text_url, server, naps):
    server.spoil("text", *[Answer(503)] * 9)
    with pytest.raises(DreamkerasError, match=r"/text: 503 Service Unavailable, 5 times in a row\.$"):
        read_url(text_url, 5)
    assert naps == [1, 2, 4, 8]


@pytest.mark.parametrize("spoilt", [Answer(cut=2), Answer(announced=9, cut=5)])
def test_closed_connections_are_retried(text_url, server, naps, spoilt):
    server.spoil("text", spoilt)
    assert read_url(text_url, 9) == b"hello"
    assert naps == [1]


def test_a_server_without_response_is_a_timeout(text_url, server, monkeypatch):
    monkeypatch.setattr(web, "READ_SECONDS", 0.1)
    server.spoil("text", Answer(stall=2), Answer(stall=0))
    said = []
    assert read_url(text_url, 5, say=said.append) == b"hello"
    assert all(": timeout. " in line for line in said)
    assert len(said) == 2


def test_redirects_are_followed_immediately_despite_retry_after(text_url, server, naps):
    server.spoil("moved", Answer(302, {"Location": "/text", "Retry-After": "59"}, body=b""))
    assert read_url(f"{server.url}/moved", 5) == b"hello"
    assert naps == []


def test_circular_redirects_are_an_error(server):
    server.spoil("moved", *[Answer(302, {"Location": "/moved"}, body=b"")] * 20)
    with pytest.raises(DreamkerasError, match="too many redirects"):
        read_url(f"{server.url}/moved", 5, attempts=1)


def test_a_refused_connection_is_a_one_line_error(closed_port, server):
    with pytest.raises(DreamkerasError, match=rf"^Cannot get http://127.0.0.1:{closed_port}/x: .*Connection refused, 5 times in a row\.$"):
        read_url(f"http://127.0.0.1:{closed_port}/x", 5)


def test_an_unknown_host_is_a_one_line_error(server):
    with pytest.raises(DreamkerasError, match=r"Failed to resolve 'no-such-host\.invalid'"):
        read_url("http://no-such-host.invalid/x", 5, attempts=1)


def test_the_proxy_of_the_environment_is_used(text_url, server, monkeypatch):
    with file_server() as proxy:
        proxy.files[text_url] = b"from the proxy"  # a proxy receives complete URLs
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        assert read_url(text_url, 20) == b"from the proxy"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert read_url(text_url, 20) == b"hello"
    assert len(server.requests) == 1


def test_an_invalid_proxy_is_named_in_the_error(text_url, monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DreamkerasError, match=r"Expected the URL of a proxy in http_proxy, got 'socks5://127\.0\.0\.1:1'"):
        read_url(text_url, 5)


def test_a_missing_package_is_named_in_the_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "urllib3", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[train\]'"):
        read_url("http://127.0.0.1/x", 5)


def test_importing_it_imports_no_urllib3():
    code = "import sys, dreamkeras.data.published.download; print('urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
