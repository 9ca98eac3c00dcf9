"""Settings for a reverse proxy in front of the server, and for pages of other sites that use the server."""

import ipaddress
import re
import urllib.parse
from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from dreamkeras.errors import InputError

__all__ = ["Proxy", "is_local", "parse_origin", "parse_root_path", "parse_trusted"]

ANY = "*"
SAME_ORIGIN = "same-origin"
DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
ROUTES = ("v1", "v2", "page", "docs", "metrics", "openapi.json")
"""First segment of each path of the server. `parse_root_path` refuses a root path that would hide a path of the server."""

LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host")
METHODS = ("GET", "POST")
EXPOSED = ("Inference-Header-Content-Length", "Retry-After", "X-Request-Id")
"""Response headers that pages of allowed sites may read, in addition to the headers that browsers always expose."""


class Proxy(NamedTuple):
    """Settings for a reverse proxy and for pages of other sites.

    Args:
        origins: Origins whose pages may use the server, such as `https://lab.example.org`, or `*` for all pages.
        root_path: Path at which the proxy publishes the server, such as `/dream`. The server removes this prefix from the paths of
            requests.
        trusted: Addresses and networks of trusted proxies, or `*` for all addresses. The server uses the headers `X-Forwarded-For` and
            `X-Forwarded-Proto` from trusted proxies only.
    """

    origins: tuple[str, ...] = ()
    root_path: str = ""
    trusted: tuple[str, ...] = ()

    def allows(self, headers: Headers) -> bool:
        """Whether a request comes from a page of this server, from a page of an allowed site, or from a program that is not a browser.

        If a proxy has replaced the header `Host`, requests from the server's own page are recognised by the header `Sec-Fetch-Site`, which
        pages cannot set.
        """
        origin = headers.get("origin")
        if origin is None or origin in self.origins or ANY in self.origins or headers.get("sec-fetch-site") == SAME_ORIGIN:
            return True
        return origin.partition("://")[2] == headers.get("host")

    def advice(self, origin: str) -> str:
        """Returns advice on how to allow the pages of a refused origin."""
        try:
            return f"Allow pages of that site with --allow-origin {parse_origin(origin)}."
        except InputError:
            return "Only pages from a web server can be allowed. Open the page at the URL of a web server, such as https://lab.example.org."

    def is_preflight(self, method: str, headers: Headers) -> bool:
        """Whether a request is a CORS preflight request. Preflight requests have no token and do not reach the routes."""
        return bool(self.origins) and method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers

    def with_cors(self, app: ASGIApp) -> ASGIApp:
        """Wraps an application to answer preflight requests and to send CORS headers to pages of the allowed origins."""
        if not self.origins:
            return app
        return CORSMiddleware(app, self.origins, METHODS, allow_headers=[ANY], expose_headers=EXPOSED)

    def path(self, path: str) -> str:
        """Removes `root_path` from the start of a path. A path that does not begin with `root_path` is returned unchanged."""
        rest = path.removeprefix(self.root_path)
        return rest if rest != path and rest[:1] in {"", "/"} else path


def is_local(headers: Headers) -> bool:
    """Whether a request is addressed to this machine by a local name, and does not come from a reverse proxy.

    A page of another site whose host name resolves to 127.0.0.1 (DNS rebinding) sends its own name as `Host`.
    """
    is_addressed_locally = LOCAL_HOST.fullmatch(headers.get("host", "")) is not None
    return is_addressed_locally and not any(header in headers for header in FORWARDED)


def parse_origin(text: str) -> str:
    """Returns an origin in the form that browsers send, or `*`.

    Raises:
        InputError: The text is not a URL with only a scheme, a host and an optional port.

    Example:
        >>> parse_origin("https://Lab.example.org:443/"), parse_origin("http://localhost:3000")
        ('https://lab.example.org', 'http://localhost:3000')
    """
    if text == ANY:
        return text
    try:
        url = urllib.parse.urlsplit(text)
        port = url.port
    except ValueError:
        url, port = urllib.parse.SplitResult("", "", "", "", ""), None
    is_address = url.scheme in DEFAULT_PORTS and "@" not in url.netloc and HOST.fullmatch(url.hostname or "") is not None
    if not is_address or url.path not in {"", "/"} or url.query or url.fragment or text != text.strip():
        raise InputError(f"Expected an origin such as https://lab.example.org or http://localhost:3000, or '*', got {text!r}.")
    host = f"[{url.hostname}]" if ":" in str(url.hostname) else url.hostname
    return f"{url.scheme}://{host}" if port in {None, DEFAULT_PORTS[url.scheme]} else f"{url.scheme}://{host}:{port}"


def parse_root_path(text: str) -> str:
    """Returns a root path without a slash at its end.

    Raises:
        InputError: The text is not the path of a URL, or begins like a path of the server.
    """
    path = text.rstrip("/")
    first = path[1:].partition("/")[0]
    if first in ROUTES:
        raise InputError(f"Cannot use {text!r} as the root path: paths of the server begin with /{first}. Choose a path such as /dream.")
    if not ROOT_PATH.fullmatch(path):
        raise InputError(f"Expected a path such as /dream, of letters, digits, '.', '_', '~' and '-', got {text!r}.")
    return path


def parse_trusted(texts: Iterable[str]) -> tuple[str, ...]:
    """Splits texts at commas into addresses and networks.

    Raises:
        InputError: An item is not an IP address, a network or `*`.
    """
    items = [item.strip() for text in texts for item in text.split(",")]
    for item in items:
        try:
            network = item == ANY or ipaddress.ip_network(item)
        except ValueError:
            network = None
        if network is None:
            raise InputError(f"Expected IP addresses, networks such as 10.0.0.0/8, or '*', got {item!r}.")
    return (ANY,) if ANY in items else tuple(items)
