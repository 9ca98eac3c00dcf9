"""Sends HTTP requests to a file server, with proxies, redirects, repeated attempts and one-line error messages.

urllib3 is imported when the first request is sent. The module `data.published.transfer` downloads to files.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dreamkeras.environment import import_extra
from dreamkeras.errors import DreamkerasError, InputError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["ATTEMPTS", "Interrupted", "Say", "check_url", "open_url", "read_url", "retry"]

ATTEMPTS = 5
"""Default maximum number of consecutive attempts without progress."""

PAUSE = 1.0
"""Seconds before the second attempt. The pause doubles with each further attempt."""

LONGEST_WAIT = 300.0
"""Maximum number of seconds to wait for a server. If a Retry-After header requests a longer wait, the request fails."""

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0

BUSY = (429, 500, 502, 503, 504)

Say = Callable[[str], None]
"""Function that is called with a one-line message for the user."""


class Interrupted(Exception):  # noqa: N818  # the name does not end in Error, because the request is repeated
    """Exception about a request that was interrupted and should be repeated.

    Args:
        reason: Reason for the interruption, for messages.
        wait: Seconds to wait before the next attempt, from the server's Retry-After header. None if the server sent no
            Retry-After header.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def check_url(url: str) -> str:
    """Checks that a URL begins with http or https, and returns the URL without trailing slashes.

    Raises:
        InputError: The URL does not begin with http or https, or names no server.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"Expected a URL that begins with http:// or https:// and names a server, got {url!r}.")
    return url.rstrip("/")


@contextmanager
def open_url(url: str, headers: Mapping[str, str] | None = None) -> "Iterator[BaseHTTPResponse]":
    """Sends a GET request and yields the response, whose body is not read yet. The connection is closed after the `with` block.

    Raises:
        Interrupted: The connection failed or was closed, or the server is busy.
        DreamkerasError: The server responds with an error such as 404 (not found), or the URL of the proxy is malformed.
        MissingPackageError: urllib3 is not installed.
    """
    urllib3 = import_extra("urllib3", "urllib3 for downloads", "train")
    try:
        with _pool(urllib3, url) as pool:
            response = pool.request(
                "GET",
                url,
                headers={"User-Agent": "dreamkeras", "Accept-Encoding": "identity", **(headers or {})},
                preload_content=False,
                decode_content=False,  # Some servers declare a .tar.gz file as a .tar file with gzip encoding.
                # `urllib3` only follows redirects, and `retry` repeats requests. `urllib3` ignores Retry-After, which Zenodo always sends.
                retries=urllib3.Retry(None, connect=0, read=0, redirect=5, status=0, other=0, respect_retry_after_header=False),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            )
            try:
                _check_status(urllib3, response, url)
                yield response
            finally:
                response.close()
    except urllib3.exceptions.HTTPError as error:
        raise Interrupted(_reason(urllib3, error)) from None


def retry(url: str, attempt: Callable[[], None], progress: Callable[[], int], *, attempts: int = ATTEMPTS, say: Say | None = None) -> None:
    """Repeats a request until it succeeds.

    Args:
        url: URL of the request, for messages.
        attempt: Function that sends the request. The function is called again if it raises `Interrupted`.
        progress: Function that returns the progress as a number, such as received bytes. After progress, the count of attempts restarts
            at 1.
        attempts: Maximum number of consecutive attempts without progress.
        say: Function that is called with a message about the reason and the duration of each pause.

    Raises:
        DreamkerasError: Too many attempts made no progress, or the server requests a wait longer than `LONGEST_WAIT`.
    """
    failures, furthest = 0, progress()
    while True:
        try:
            attempt()
        except Interrupted as interruption:
            failures = 1 if progress() > furthest else failures + 1
            furthest = max(furthest, progress())
            wait = PAUSE * 2 ** (failures - 1) if interruption.wait is None else interruption.wait
            if wait > LONGEST_WAIT:
                raise DreamkerasError(f"Cannot get {url}: {interruption}. Try again in {wait:,.0f} s.") from None
            if failures >= attempts:
                times = f", {failures} times in a row" if failures > 1 else ""
                raise DreamkerasError(f"Cannot get {url}: {interruption}{times}.") from None
            if say:
                say(f"{url}: {interruption}. Retrying in {wait:.0f} s.")
            time.sleep(wait)
        else:
            return


def read_url(url: str, most: int, *, attempts: int = ATTEMPTS, say: Say | None = None) -> bytes:
    """Reads a complete response, which may have up to `most` bytes.

    Args:
        url: URL to read.
        most: Maximum number of bytes.
        attempts: Maximum number of attempts, see `retry`.
        say: Function that is called with a message about each pause, see `retry`.

    Raises:
        DreamkerasError: The request failed, or the response has more than `most` bytes.
    """
    got: list[bytes] = []

    def attempt() -> None:
        with open_url(url) as response:
            text = response.read(most + 1, decode_content=True)
        if len(text) > most:
            raise DreamkerasError(f"Expected at most {most:,} bytes from {url}, got more.")
        got.append(text)

    retry(url, attempt, lambda: len(got), attempts=attempts, say=say)
    return got[0]


def _pool(urllib3: Any, url: str) -> Any:
    """Returns a pool of connections, which use a proxy if an environment variable or the system defines a proxy for the URL."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager()
    try:
        return urllib3.ProxyManager(proxy)
    except (urllib3.exceptions.HTTPError, ValueError):
        raise DreamkerasError(f"Expected the URL of a proxy in {parts.scheme}_proxy, got {proxy!r}.") from None


def _check_status(urllib3: Any, response: "BaseHTTPResponse", url: str) -> None:
    status, came = response.status, f"{response.status} {response.reason or ''}".strip()
    if status in BUSY:
        raise Interrupted(came, _retry_after(urllib3, response))
    if status not in (200, 206):
        raise DreamkerasError(f"Cannot get {url}: {came}.")


def _retry_after(urllib3: Any, response: "BaseHTTPResponse") -> float | None:
    """Returns the number of seconds to wait according to the Retry-After header, or None if the header is missing or malformed."""
    text = response.headers.get("Retry-After")
    try:
        return None if text is None else float(urllib3.Retry().parse_retry_after(text))
    except urllib3.exceptions.InvalidHeader:
        return None


def _reason(urllib3: Any, error: Exception) -> str:
    """Returns a short reason for an error, without the object names and memory addresses in urllib3's message."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    timeout, refused = urllib3.exceptions.TimeoutError, urllib3.exceptions.NewConnectionError  # NewConnectionError is a TimeoutError
    if isinstance(error, timeout) and not isinstance(error, refused):
        return "timeout"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "connection closed"
    return str(error).rsplit(": ", 1)[-1]
