"""HTTP routes of the Open Inference Protocol with Triton's extensions."""

import asyncio
import zlib
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import ProtocolError
from ..metadata import model_config, model_metadata, model_statistics, server_metadata
from ..metrics import CONTENT_TYPE, write_metrics
from ..protocol.json_text import member
from ..protocol.shared_memory import check_region, refuse_change
from ..protocol.v2 import read_request, write_response
from ..served_model import ServedModel
from ..service import LARGE, Inference
from .requests import cancel_on_disconnect, read_json_body, service_of

__all__ = ["check_json_answer", "routes"]

HEADER_LENGTH = "Inference-Header-Content-Length"
COMPRESSED = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
WORTH_COMPRESSING = 512
FASTEST = 1
PRIORITY = b'"priority"'
NUMBER_BYTES = 20
"""Approximate length of a number in JSON, in bytes."""


def routes() -> list[BaseRoute]:
    """Returns the routes of the protocol, beginning with the most frequently requested route."""
    table: list[BaseRoute] = [
        Route(f"/v2/models/{{name}}{version}/infer", infer, methods=["POST"]) for version in ("", "/versions/{version}")
    ]
    table += [
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        Route("/v2", server),
        Route("/v2/models/stats", statistics),
        Route("/v2/repository/index", index, methods=["POST"]),
        Route("/v2/repository/models/{name}/load", load, methods=["POST"]),
        Route("/v2/repository/models/{name}/unload", unload, methods=["POST"]),
        Route("/metrics", metrics),
    ]
    for kind in ("system", "cuda"):
        for region in ("", "/region/{region}"):
            path = f"/v2/{kind}sharedmemory{region}"
            table += [
                Route(f"{path}/status", partial(shared_memory, kind)),
                Route(f"{path}/register", change_shared_memory, methods=["POST"]),
                Route(f"{path}/unregister", change_shared_memory, methods=["POST"]),
            ]
    for version in ("", "/versions/{version}"):
        table += [
            Route(f"/v2/models/{{name}}{version}", metadata),
            Route(f"/v2/models/{{name}}{version}/ready", model_ready),
            Route(f"/v2/models/{{name}}{version}/config", config),
            Route(f"/v2/models/{{name}}{version}/stats", statistics),
        ]
    return table


async def infer(request: Request) -> Response:
    """Returns predictions for the sequences in the body."""
    service = service_of(request)
    async with service.bodies.read(request) as body:
        model = _model(request)
        header_length = _header_length(request)
        if body.find(PRIORITY, 0, header_length) < 0:
            service.batcher.check_room(model)
        inference = await service.decode(model, len(body), read_request, body, header_length)
    check_json_answer(inference, service.settings.json_bytes)
    request.state.access = inference.log_fields
    answers = await cancel_on_disconnect(request, service.infer(inference))
    content, length = write_response(model.name, model.version, inference.request, answers)
    headers = {} if length is None else {HEADER_LENGTH: str(length)}
    if encoding := _accepted(request.headers.get("accept-encoding", ""), len(content)):
        headers["Content-Encoding"] = encoding
        content = await asyncio.to_thread(_compress, content, encoding) if len(content) > LARGE else _compress(content, encoding)
    return Response(content, headers=headers, media_type="application/json" if length is None else "application/octet-stream")


async def live(request: Request) -> Response:
    """Returns 200 if all scoring threads are running, and 503 if the server has to be restarted."""
    return Response(status_code=200 if service_of(request).batcher.alive else 503)


async def ready(request: Request) -> Response:
    """Returns 200 if requests are accepted, and 503 if no model is loaded or the server is shutting down."""
    return Response(status_code=200 if service_of(request).ready else 503)


async def model_ready(request: Request) -> Response:
    """Returns 200 if the model is loaded, and 404 otherwise."""
    _model(request)
    return Response()


async def server(_: Request) -> Response:
    """Returns the name, version and protocol extensions of the server."""
    return JSONResponse(server_metadata())


async def metadata(request: Request) -> Response:
    """Returns the inputs and outputs of a model."""
    return JSONResponse(model_metadata(_model(request), service_of(request).models))


async def config(request: Request) -> Response:
    """Returns the configuration of a model."""
    return JSONResponse(model_config(_model(request), service_of(request).settings))


async def statistics(request: Request) -> Response:
    """Returns the statistics of one version of a model, of all its versions, or of all models."""
    chosen = service_of(request).models.select(**request.path_params)
    return JSONResponse({"model_stats": [model_statistics(model) for model in chosen]})


async def index(request: Request) -> Response:
    """Returns the index of all models. The body `{"ready": true}` limits the index to loaded models."""
    only_ready = member(await read_json_body(request, optional=True), "ready", bool, False, "the request")
    entries = service_of(request).models.index(only_ready=only_ready)
    return JSONResponse([{key: value for key, value in entry._asdict().items() if value} for entry in entries])


async def load(request: Request) -> Response:
    """Loads or reloads a model."""
    parameters = member(await read_json_body(request, optional=True), "parameters", dict, {}, "the request")
    await service_of(request).load_model(request.path_params["name"], parameters)
    return Response()


async def unload(request: Request) -> Response:
    """Unloads a model. Requests in flight are still answered."""
    await read_json_body(request, optional=True)
    await asyncio.to_thread(service_of(request).models.unload, request.path_params["name"])
    return Response()


async def shared_memory(kind: str, request: Request) -> Response:
    """Returns an empty list, since no shared-memory regions exist."""
    check_region(kind, request.path_params.get("region", ""))
    return JSONResponse([])


async def change_shared_memory(request: Request) -> Response:
    """Refuses to register or unregister a shared-memory region."""
    async for _ in service_of(request).bodies.chunks(request):
        pass
    refuse_change()


async def metrics(request: Request) -> Response:
    """Returns metrics for Prometheus."""
    return Response(write_metrics(service_of(request)), media_type=CONTENT_TYPE)


def _model(request: Request) -> ServedModel:
    return service_of(request).models.get(**request.path_params)


def _header_length(request: Request) -> int | None:
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise ProtocolError(f"Expected {HEADER_LENGTH} to be a number of bytes, got {text[:40]!r}.")
    return int(text)


def check_json_answer(inference: Inference, most: int) -> None:
    """Raises `ProtocolError` if the JSON answer would be too long. The server cannot answer other requests while it writes JSON."""
    widths = {spec.name: spec.shape[1] for spec in inference.model.outputs}
    size = NUMBER_BYTES * len(inference.windows) * sum(widths[name] for name, binary in inference.request.outputs if not binary)
    if size > most:
        raise ProtocolError(f"Expected an answer of at most {most} bytes of JSON, got about {size}. Request binary data or fewer rows.")


def _compress(content: bytes, encoding: str) -> bytes:
    stream = zlib.compressobj(FASTEST, wbits=COMPRESSED[encoding])
    return stream.compress(content) + stream.flush()


def _accepted(text: str, length: int) -> str | None:
    """Returns the first supported encoding in Accept-Encoding, or None for a short answer. Encodings with q=0 are skipped."""
    for part in text.lower().split(",") if length >= WORTH_COMPRESSING else ():
        name, _, quality = part.partition(";")
        if name.strip() in COMPRESSED and quality.replace(" ", "").rstrip("0.") != "q=":
            return name.strip()
    return None
