"""Requests to a file server that may be busy, slow or far away: proxies, redirects, Retry-After, and errors of one line.

urllib3 is imported only when something is requested. Knows nothing about files; `transfer` does.
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
"""Requests in a row that may bring nothing new."""

PAUSE = 1.0
"""Seconds before the second attempt; doubled before each further one."""

LONGEST_WAIT = 300.0
"""Seconds that a server may ask us to wait."""

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0

BUSY = (429, 500, 502, 503, 504)

Say = Callable[[str], None]
"""Takes a line for the user."""


class Interrupted(Exception):  # noqa: N818  # it is no error yet: the request is repeated
    """A request to be repeated, after the seconds of the server's Retry-After, if there is one."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def check_url(url: str) -> str:
    """The URL without a slash at its end.

    Raises:
        InputError: It is not one of a web server.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"Expected a URL that begins with http:// or https:// and names a server, got {url!r}.")
    return url.rstrip("/")


@contextmanager
def open_url(url: str, headers: Mapping[str, str] | None = None) -> "Iterator[BaseHTTPResponse]":
    """An answer whose body is still to be read; the connection is closed with the `with` block.

    Raises:
        Interrupted: There is no connection, it was cut, or the server is busy.
        DreamkerasError: The server has no such file, or the proxy's URL is malformed.
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
                decode_content=False,  # some servers call a .tar.gz file an encoded .tar file
                # Redirects only: `retry` repeats, and Zenodo sends a Retry-After with every answer.
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
    """Repeats an attempt until it ends well.

    Args:
        url: For messages.
        attempt: Raises `Interrupted` to be repeated.
        progress: How far it has come; attempts are counted anew when it is further than ever.
        attempts: How many in a row may come no further.
        say: Told why and for how long there is a pause.

    Raises:
        DreamkerasError: So many attempts in a row made no progress, or the wait would be longer than `LONGEST_WAIT`.
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
                raise DreamkerasError(f"Expected {url}, got {interruption} and the request to wait {wait:,.0f} s.") from None
            if failures >= attempts:
                times = f", {failures} times in a row" if failures > 1 else ""
                raise DreamkerasError(f"Expected {url}, got {interruption}{times}.") from None
            if say:
                say(f"{url}: {interruption}; going on in {wait:.0f} s")
            time.sleep(wait)
        else:
            return


def read_url(url: str, most: int, *, attempts: int = ATTEMPTS, say: Say | None = None) -> bytes:
    """All of a short answer, of at most so many bytes; for `attempts` and `say` see `retry`.

    Raises:
        DreamkerasError: There is no answer, or it is longer.
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
    """Connections through the proxy that the environment or the system names for this URL, or straight ones."""
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
    if status not in (200, 206, 416):
        raise DreamkerasError(f"Expected {url}, got {came}.")


def _retry_after(urllib3: Any, response: "BaseHTTPResponse") -> float | None:
    """Seconds, of a number or a date."""
    text = response.headers.get("Retry-After")
    try:
        return None if text is None else float(urllib3.Retry().parse_retry_after(text))
    except urllib3.exceptions.InvalidHeader:
        return None


def _reason(urllib3: Any, error: Exception) -> str:
    """An error's message without urllib3's objects and addresses."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    timeout, refused = urllib3.exceptions.TimeoutError, urllib3.exceptions.NewConnectionError  # the second is one of the first
    if isinstance(error, timeout) and not isinstance(error, refused):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "a connection that was cut"
    return str(error).rsplit(": ", 1)[-1]
