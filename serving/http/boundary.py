"""Boundary: middleware for request ids, tokens, errors as JSON and the access log.

Every request and response passes through this middleware. The middleware handles all exceptions, since uvicorn would close the connection
after an unhandled exception.
"""

import asyncio
import contextlib
import json
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import BodyError, ClientDisconnectedError, OverloadedError, ProtocolError, status_and_message
from ..http import routes_v1
from ..logs import FAILURES, log_request, request_id_of
from ..service import Service
from .proxy import Proxy, is_local

__all__ = ["Boundary", "error_response"]

OPEN_PATHS = {"/v2/health/live", "/v2/health/ready", *routes_v1.OPEN_PATHS}
"""Paths that need no token, so that load balancers can check the server and browsers can open the prediction page, which has a
field for the token.
"""

OPERATORS_PATHS = "/v2/repository/models/"

CLIENT_CLOSED_REQUEST = 499
"""Status in the access log for a client that disconnected before it received an answer. This status is never sent."""


class Boundary:
    """ASGI middleware that wraps all routes."""

    def __init__(self, app: ASGIApp, service: Service, proxy: Proxy) -> None:
        self._app = proxy.with_cors(app)
        self._service = service
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "path": self._proxy.path(scope["path"])}
        exchange = _Exchange(scope, receive, send, self._service)
        try:
            self._check(scope)
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnectedError:
            exchange.status = CLIENT_CLOSED_REQUEST
        except asyncio.CancelledError:  # the time limit for requests in flight at shutdown has expired
            if exchange.status:
                raise
            response = error_response(ProtocolError("The server is shutting down.", 503))
            await self._send(exchange, response)
        except Exception as error:  # noqa: BLE001 - uvicorn would close the connection
            await self._answer_error(exchange, error)
        finally:
            exchange.log()

    def _check(self, scope: Scope) -> None:
        """Raises an error for headers that are too large, requests from pages of other sites, and requests without permission."""
        size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["raw_path"]) + len(scope["query_string"])
        if size > self._service.settings.header_bytes:
            raise BodyError(f"Expected headers of at most {self._service.settings.header_bytes} bytes, got {size}.", 431)
        path, headers = scope["path"], Headers(scope=scope)
        if not path:
            raise HTTPException(
                308, "The prediction page is at this path with a slash at the end.", {"location": f"{self._proxy.root_path}/"}
            )
        if not self._proxy.allows(headers):  # stops pages of other sites from reaching a local server through a visitor's browser
            raise ProtocolError(f"Request refused: it was sent by a page of another site. {self._proxy.advice(headers['origin'])}", 403)
        if self._proxy.is_preflight(scope["method"], headers):
            return
        authorization = headers.get("authorization")
        if path.startswith(OPERATORS_PATHS):
            self._service.guard.check_operator(authorization, is_local=is_local(headers))
        elif path not in OPEN_PATHS:
            self._service.guard.check_user(authorization)

    async def _answer_error(self, exchange: "_Exchange", error: Exception) -> None:
        if exchange.status:  # the response has started and can only be truncated
            FAILURES.error("request %s failed while its response was being sent", exchange.request_id, exc_info=error)
            raise error
        response = error_response(error)
        if response.status_code == 500:
            FAILURES.error("request %s failed", exchange.request_id, exc_info=error)
        if isinstance(error, BodyError) or not await exchange.skip_body():
            response.headers["connection"] = "close"
        with contextlib.suppress(ClientDisconnectedError):
            await self._send(exchange, response)

    async def _send(self, exchange: "_Exchange", response: Response) -> None:
        """Sends an error response. A browser shows this response to a page of another site only if the page may use the server."""
        is_allowed = self._proxy.allows(Headers(scope=exchange.scope))
        app = self._proxy.with_cors(response) if is_allowed else response
        await app(exchange.scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its response, with the status, byte counts and time for the access log."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, service: Service) -> None:
        self.scope = scope
        self.request_id = request_id_of(next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), ""))
        self.status = 0
        self._receive = receive
        self._send = send
        self._service = service
        self._begun = time.perf_counter()
        self._came = self._went = 0
        self._more = True

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            self._more = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._service.responses[self.status] += 1
            own = [(b"x-request-id", self.request_id.encode())]
            if self._service.stopping:
                own.append((b"connection", b"close"))
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        else:
            self._went += len(message.get("body", b""))
        await self._send(message)

    async def skip_body(self) -> bool:
        """Reads and discards the remaining part of the body, since a client that is still sending does not read the response.

        Returns:
            Whether the body was read to its end.
        """
        with contextlib.suppress(BodyError, ClientDisconnectedError):
            if self._more:
                async for _ in self._service.bodies.chunks(Request(self.scope, self.receive)):
                    pass
        return not self._more

    def log(self) -> None:
        client = self.scope.get("client")
        fields = {
            "request_id": self.request_id,
            "client": ":".join(str(part) for part in client if part) if client else None,  # an address reported by a proxy has no port
            "method": self.scope["method"],
            "path": self.scope["path"],
            "status": self.status,
            "bytes_in": self._came,
            "bytes_out": self._went,
            "milliseconds": round((time.perf_counter() - self._begun) * 1000, 3),
            **self.scope.get("state", {}).get("access", {}),
        }
        log_request(fields)


def error_response(error: Exception) -> Response:
    """Returns a JSON response `{"error": MESSAGE}` with the status of an exception."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        status, message, headers = error.status_code, error.detail, dict(error.headers or {})
    else:
        status, message = status_and_message(error)
    if status == 503:
        headers["retry-after"] = str(error.retry_after if isinstance(error, OverloadedError) else 1)
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    body = json.dumps({"error": " ".join(message.split())})
    return Response(body, status, headers, media_type="application/json")
