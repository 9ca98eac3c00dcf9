"""Routes of `/v1` and of the web page. Requests contain JSON or a file of sequences. Answers are JSON, JSON lines, TSV or CSV."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from dreamkeras.sequence.records import Records

from ..errors import ClientDisconnectedError, ProtocolError
from ..protocol.answers import JSON, TSV, AnswerWriter, choose_type
from ..protocol.json_text import Fields, member
from ..protocol.openapi import openapi_document
from ..served_model import ServedModel
from .content_type import check_start, is_json
from .predictions import describe_model, heading, json_records, mutate, one_ahead, score_batches
from .requests import cancel_on_disconnect, read_json_body, service_of
from .uploads import ROWS, Uploads

__all__ = ["OPEN_PATHS", "routes"]

PAGE = Path(__file__).parents[1] / "page"

OPEN_PATHS = ("/", "/docs", "/openapi.json", *(f"/page/{file.name}" for file in sorted(PAGE.iterdir())))
"""Paths that need no token, so that browsers can open the page, which has a field for the token."""

PARAMETERS = ("model", "version", "include", "id_column", "sequence_column")
"""Query parameters of `/v1/predict`."""

HELD = 1 << 20
"""The server collects this number of bytes of an answer before it sends the first byte.

An error that occurs before the first byte is sent is reported with a status. A later error truncates the answer.
"""

# The web page loads nothing from other servers.
SECURITY = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:", "X-Content-Type-Options": "nosniff"}


def routes() -> list[BaseRoute]:
    """Returns the routes of `/v1` and of the web page."""
    return [
        Route("/v1/predict", partial(predict, Uploads()), methods=["POST"]),
        Route("/v1/mutagenesis", mutagenesis, methods=["POST"]),
        Route("/v1/models", models),
        Route("/openapi.json", document),
        Route("/docs", partial(_file, "docs.html")),
        Route("/", partial(_file, "index.html")),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]


async def models(request: Request) -> Response:
    """Lists the loaded models."""
    return JSONResponse({"models": [describe_model(model) for model in service_of(request).models.ready]})


async def predict(uploads: Uploads, request: Request) -> Response:
    """Returns predictions for the sequences in the body."""
    if unknown := sorted(set(request.query_params) - set(PARAMETERS)):
        raise ProtocolError(f"Unknown parameter {unknown[0][:40]!r}. Parameters of /v1/predict: {', '.join(PARAMETERS)}.")
    include = request.query_params.get("include")
    if include not in {None, "sequence"}:
        raise ProtocolError(f"Expected include=sequence, got {include[:40]!r}.")
    if is_json(request):
        fields = await read_json_body(request)
        model = _model(request, fields)
        batches, otherwise = _batches(json_records(fields)), JSON
    else:
        model = _model(request, {})
        columns = (request.query_params.get("id_column"), request.query_params.get("sequence_column"))
        batches, otherwise = uploads.read(check_start(request, _upload(request)), *columns), TSV
    media_type = choose_type(request.headers.get("accept", ""), otherwise)
    scored = _counted(request, one_ahead(score_batches(service_of(request), model, batches)))
    answer = AnswerWriter(media_type, heading(model))
    return await _held_back(request, one_ahead(_written(answer, scored, with_sequences=include is not None)), media_type)


async def mutagenesis(request: Request) -> Response:
    """Computes the saturation mutagenesis of one sequence."""
    service, fields = service_of(request), await read_json_body(request)
    model = _model(request, fields)
    sequence = member(fields, "sequence", str, ..., "the request")
    return JSONResponse(await cancel_on_disconnect(request, mutate(service, model, sequence)))


async def document(request: Request) -> Response:
    """Returns the OpenAPI document."""
    return JSONResponse(openapi_document(request.app.state.proxy.root_path))


async def _file(name: str, _: Request) -> Response:
    return FileResponse(PAGE / name, headers=SECURITY)


async def _counted(
    request: Request, scored: AsyncGenerator[tuple[Records, np.ndarray], None]
) -> AsyncGenerator[tuple[Records, np.ndarray], None]:
    """Yields records and predictions, and adds the number of predicted sequences to the access log."""
    request.state.access["rows"] = 0
    async with aclosing(scored):
        async for records, values in scored:
            request.state.access["rows"] += len(values)
            yield records, values


async def _written(
    answer: AnswerWriter, scored: AsyncGenerator[tuple[Records, np.ndarray], None], *, with_sequences: bool
) -> AsyncGenerator[bytes, None]:
    """Yields the encoded answer, batch by batch."""
    async with aclosing(scored):
        async for records, values in scored:
            yield answer.rows(records.ids, values, records.sequences if with_sequences else None)
    yield answer.end()


async def _held_back(request: Request, pieces: AsyncGenerator[bytes, None], media_type: str) -> Response:
    """Returns an answer of up to `HELD` bytes complete. Streams a longer answer while the remaining sequences are being scored."""
    held: list[bytes] = []
    async for piece in pieces:
        await _check_client(request)
        held.append(piece)
        if sum(map(len, held)) > HELD:
            return _Streamed(request, held, pieces, media_type)
    return Response(b"".join(held), media_type=media_type)


class _Streamed(Response):
    """Response that is sent in pieces.

    Unlike Starlette's streaming response, this class does not read from the connection to detect that the client has disconnected, since
    the upload may still be arriving.
    """

    def __init__(self, request: Request, held: list[bytes], pieces: AsyncGenerator[bytes, None], media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._request = request
        del self.headers["content-length"]
        self._held = held
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b"".join(self._held), "more_body": True})
            async for piece in pieces:
                await _check_client(self._request)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _upload(request: Request) -> AsyncIterator[bytes]:
    """Yields the bytes of an uploaded file. Sets `request.state.is_received` after the last byte."""
    service = service_of(request)
    async for chunk in service.bodies.decoded(request, service.settings.upload_bytes):
        yield chunk
    request.state.is_received = True


async def _check_client(request: Request) -> None:
    """Raises `ClientDisconnectedError` if the client has disconnected after the body was received.

    While the body is being received, `ClientDisconnectedError` is raised by the code that reads the body.
    """
    if getattr(request.state, "is_received", False) and await request.is_disconnected():
        raise ClientDisconnectedError


async def _batches(records: Records) -> AsyncIterator[Records]:
    for batch in records.batches(ROWS):
        yield batch


def _model(request: Request, fields: Fields) -> ServedModel:
    """Returns the model named in the body or query, or by default the only loaded model.

    The name and version of the model are added to the access log.
    """
    models, query = service_of(request).models, request.query_params
    names = models.ready_names()
    name = member(fields, "model", str, query.get("model", names[0] if len(names) == 1 else None), "the request")
    if name is None:
        raise ProtocolError(f"Add the name of a model as 'model' to the request. Models: {', '.join(names) or 'none'}.")
    model = models.get(name, member(fields, "version", str, query.get("version", ""), "the request"))
    request.state.access = {"model": model.name, "version": model.version}
    return model
