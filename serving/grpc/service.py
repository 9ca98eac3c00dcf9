"""Handles all gRPC calls: checks tokens and limits, maps errors to status codes, and writes the access log."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from tritonclient.grpc import service_pb2 as messages

from dreamkeras.errors import DreamkerasError

from ..errors import OverloadedError, ProtocolError, status_and_message
from ..logs import FAILURES, log_request, request_id_of
from ..service import Service
from .calls import CALLS, decode, infer

__all__ = ["SLOTS", "grpc_handler"]

SERVICE = "inference.GRPCInferenceService"
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""gRPC status codes by HTTP status."""

OPEN_CALLS = ("ServerLive", "ServerReady")
"""Calls that need no token, so that load balancers can check the server."""

OPERATORS_CALLS = ("RepositoryModelLoad", "RepositoryModelUnload")

SLOTS = 64
"""Maximum number of messages that are received or decoded at the same time. The total size of all messages that occupy a slot is at most
`held_bytes`.
"""

STREAMS = 16
"""Maximum number of open streams. Each stream may hold one message in memory."""

FINAL = "triton_final_response"
ASKS_FOR_FINAL = "triton_enable_empty_final_response"


def grpc_handler(service: Service) -> grpc.GenericRpcHandler:
    """Returns the handler for all gRPC calls.

    Every call is declared as a call with a stream of requests. A stream with one request has the same wire format as a single request. With
    a stream, the server can check the token before it receives a message, limit the time for receiving a message, and limit the number of
    concurrent messages.
    """
    endpoint = _Endpoint(service)
    table = {name: grpc.stream_unary_rpc_method_handler(endpoint.unary(name)) for name in (*CALLS, "ModelInfer")}
    table["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(endpoint.stream)
    handler: grpc.GenericRpcHandler = grpc.method_handlers_generic_handler(SERVICE, table)
    return handler


class _Endpoint:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._slots = asyncio.Semaphore(SLOTS)
        self._streams = 0

    def unary(self, name: str) -> Callable[[Any, Any], Awaitable[bytes]]:
        """Returns the handler of a call with one request and one response."""

        async def handle(_: Any, context: Any) -> bytes:
            async with self._exchange(name, context) as fields:
                if call := CALLS.get(name):
                    async with self._message(context, call.request) as message:
                        pass
                    answer = await call.answer(self._service, message)
                else:
                    async with self._message(context, messages.ModelInferRequest) as message:
                        inference = await decode(self._service, message)
                    fields |= inference.log_fields
                    answer = await infer(self._service, inference)
                return answer.SerializeToString()

        return handle

    async def stream(self, _: Any, context: Any) -> None:
        """Handles `ModelStreamInfer`. Answers the messages of a stream in order. A malformed message is answered with an error."""
        async with self._exchange("ModelStreamInfer", context):
            if self._streams >= STREAMS:
                raise ProtocolError(f"Too many streams: at most {STREAMS} are allowed. Try again later.", 503)
            self._streams += 1
            try:
                while (received := await self._next(context)) is not None:
                    await context.write(await self._answer_of_stream(received))
            finally:
                self._streams -= 1

    async def _next(self, context: Any) -> bytes | None:
        """Returns the next message of a stream, or None at the end of the stream or after `idle_seconds` without a message."""
        try:
            async with asyncio.timeout(self._service.settings.idle_seconds):
                received = await context.read()
        except TimeoutError:
            return None
        return None if received is grpc.aio.EOF else received

    async def _answer_of_stream(self, received: bytes) -> bytes:
        request_id = ""
        try:
            message = _parse(messages.ModelInferRequest, received)
            request_id, final = message.id, message.parameters.pop(ASKS_FOR_FINAL, None)
            answer = await infer(self._service, await decode(self._service, message))
            if final is not None and final.bool_param:
                answer.parameters[FINAL].bool_param = True
            response = messages.ModelStreamInferResponse(infer_response=answer)
        except DreamkerasError as error:
            response = messages.ModelStreamInferResponse(error_message=status_and_message(error)[1])
            response.infer_response.id = request_id
        content: bytes = response.SerializeToString()
        return content

    @contextlib.asynccontextmanager
    async def _message(self, context: Any, kind: type) -> AsyncIterator[Any]:
        """Receives the single message of a call. The message occupies a slot until the context ends."""
        seconds = self._service.settings.body_seconds
        try:
            async with asyncio.timeout(seconds) as timeout, self._slots:
                received = await context.read()
                timeout.reschedule(None)
                if received is grpc.aio.EOF:
                    raise ProtocolError("Expected a message, got none.")
                yield _parse(kind, received)
        except TimeoutError:
            raise ProtocolError(f"No message within {seconds:g} seconds.", 408) from None

    @contextlib.asynccontextmanager
    async def _exchange(self, name: str, context: Any) -> AsyncIterator[dict[str, Any]]:
        """Context manager around a call. Checks the token, maps errors to status codes, and writes the access log.

        Fields that the call adds to the yielded dictionary are included in the log.
        """
        begun, code = time.perf_counter(), grpc.StatusCode.OK
        metadata = dict(context.invocation_metadata() or ())
        fields: dict[str, Any] = {}
        try:
            if name in OPERATORS_CALLS:
                self._service.guard.check_operator(metadata.get("authorization"))
            elif name not in OPEN_CALLS:
                self._service.guard.check_user(metadata.get("authorization"))
            yield fields
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 - every error is reported with a status code
            status, message = status_and_message(error)
            code = CODES.get(status, grpc.StatusCode.INTERNAL)
            if code == grpc.StatusCode.INTERNAL:
                FAILURES.error("call %s failed", name, exc_info=error)
            pushback = (("grpc-retry-pushback-ms", str(1000 * error.retry_after)),) if isinstance(error, OverloadedError) else ()
            await context.abort(code, message, pushback)
        finally:
            own = {
                "request_id": request_id_of(str(metadata.get("x-request-id", ""))),
                "client": context.peer(),
                "method": "GRPC",
                "path": f"/{SERVICE}/{name}",
                "status": code.name,
                "milliseconds": round((time.perf_counter() - begun) * 1000, 3),
            }
            log_request(own | fields)


def _parse(kind: Any, received: bytes) -> Any:
    try:
        return kind.FromString(received)
    except DecodeError as error:
        raise ProtocolError(f"Malformed {kind.DESCRIPTOR.name}: {error}.") from None
