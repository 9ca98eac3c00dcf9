"""The interface for people over HTTP: sequences as JSON or as a file in, predictions as JSON, JSON lines, TSV or CSV out; and the page."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from dreamkeras.sequence.records import Records

from ..errors import ClientDisconnectedError, ProtocolError
from ..protocol.answers import JSON, TSV, Answer, choose_type
from ..protocol.json_text import Fields, member, read_json
from ..protocol.openapi import openapi_document
from ..served import ServedModel
from ..service import Service
from .disconnects import cancel_on_disconnect
from .predictions import describe_model, heading, json_records, mutate, one_ahead, score_batches
from .uploads import ROWS, Uploads

__all__ = ["OPEN_PATHS", "routes"]

PAGE = Path(__file__).parents[1] / "page"

OPEN_PATHS = ("/", "/docs", "/openapi.json", *(f"/page/{file.name}" for file in sorted(PAGE.iterdir())))
"""What may be had without a token: the page asks for it."""

HELD = 1 << 20
"""Bytes of an answer that are held back: what goes wrong before them is told with a status, later it cuts the answer off."""

# Everything the page needs comes from the server itself.
SECURITY = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:", "X-Content-Type-Options": "nosniff"}


class _Question(NamedTuple):
    """What a request for predictions holds.

    Args:
        model: Which model.
        batches: Its records.
        media_type: What the answer is to be.
        is_echoing: Whether JSON rows are to repeat their sequences.
    """

    model: ServedModel
    batches: AsyncIterator[Records]
    media_type: str
    is_echoing: bool


def routes() -> list[BaseRoute]:
    """The interface's routes."""
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
    """The loaded models."""
    return JSONResponse({"models": [describe_model(model) for model in _service(request).models.ready]})


async def predict(uploads: Uploads, request: Request) -> Response:
    """Predictions of the sequences in the body."""
    service = _service(request)
    echo = request.query_params.get("include")
    if echo not in {None, "sequence"}:
        raise ProtocolError(f"Expected include=sequence, got {echo[:40]!r}.")
    if _is_json(request):
        fields = await _json_body(request)
        model = _model(request, fields)
        batches, otherwise = _batches(json_records(fields)), JSON
    else:
        model = _model(request, {})
        columns = (request.query_params.get("id_column"), request.query_params.get("sequence_column"))
        batches, otherwise = uploads.read(_noting_end(request), *columns), TSV
    question = _Question(model, batches, choose_type(request.headers.get("accept", ""), otherwise), echo is not None)
    return await _held_back(request, one_ahead(_written(service, question)), question.media_type)


async def mutagenesis(request: Request) -> Response:
    """What each letter of one sequence is worth."""
    service, fields = _service(request), await _json_body(request)
    model = _model(request, fields)
    sequence = member(fields, "sequence", str, ..., "the request")
    return JSONResponse(await cancel_on_disconnect(request, mutate(service, model, sequence)))


async def document(_: Request) -> Response:
    """The interface's description for programs."""
    return JSONResponse(openapi_document())


async def _file(name: str, _: Request) -> Response:
    return FileResponse(PAGE / name, headers=SECURITY)


async def _written(service: Service, question: _Question) -> AsyncGenerator[bytes, None]:
    """The answer's bytes, a batch at a time."""
    answer = Answer(question.media_type, heading(question.model))
    async with aclosing(one_ahead(score_batches(service, question.model, question.batches))) as scored:
        async for records, values in scored:
            yield answer.rows(records.ids, values, records.sequences if question.is_echoing else None)
    yield answer.end()


async def _held_back(request: Request, pieces: AsyncGenerator[bytes, None], media_type: str) -> Response:
    """A whole answer where it is small; else one that begins, and goes on while the rest is being scored."""
    held: list[bytes] = []
    async for piece in pieces:
        await _check_client(request)
        held.append(piece)
        if sum(map(len, held)) > HELD:
            return _Streamed(request, held, pieces, media_type)
    return Response(b"".join(held), media_type=media_type)


class _Streamed(Response):
    """An answer that goes out in pieces.

    Not Starlette's: that one reads from the connection to see whether the client is there, and would take the upload's bytes.
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


async def _noting_end(request: Request) -> AsyncIterator[bytes]:
    service = _service(request)
    async for chunk in service.bodies.decoded(request, service.settings.upload_bytes):
        yield chunk
    request.state.is_received = True


async def _check_client(request: Request) -> None:
    """Gives up what nobody waits for; while the body still comes, whoever reads it sees the client leave."""
    if getattr(request.state, "is_received", False) and await request.is_disconnected():
        raise ClientDisconnectedError


async def _batches(records: Records) -> AsyncIterator[Records]:
    for batch in records.batches(ROWS):
        yield batch


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _model(request: Request, fields: Fields) -> ServedModel:
    """The model that the body or the query names; the only one where neither does."""
    models, query = _service(request).models, request.query_params
    names = models.names()
    name = member(fields, "model", str, query.get("model", names[0] if len(names) == 1 else None), "the request")
    if name is None:
        raise ProtocolError(f"Expected a model of {', '.join(names) or 'none'}, got none.")
    return models.get(name, member(fields, "version", str, query.get("version", ""), "the request"))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON


async def _json_body(request: Request) -> Fields:
    service = _service(request)
    async with service.bodies.read(request) as body:
        request.state.is_received = True
        return read_json(body, service.settings)
