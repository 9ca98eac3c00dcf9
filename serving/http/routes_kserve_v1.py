"""HTTP routes of the protocol V1 of KServe, which is the same as the REST API of TensorFlow Serving."""

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..protocol.v1 import read_instances, write_predictions
from .requests import cancel_on_disconnect, service_of
from .routes_v2 import check_json_answer

__all__ = ["routes"]

UNSUPPORTED = ("explain", "classify", "regress")
"""Methods of KServe or TensorFlow Serving that are not supported."""

OK = {"error_code": "OK", "error_message": ""}


def routes() -> list[BaseRoute]:
    """Returns the routes of KServe's protocol V1, except for `GET /v1/models`, which lists the models in dreamkeras's own format."""
    table: list[BaseRoute] = []
    for version in ("", "/versions/{version}"):
        table += [
            Route(f"/v1/models/{{name}}{version}:predict", predict, methods=["POST"]),
            *(Route(f"/v1/models/{{name}}{version}:{method}", partial(refuse, method), methods=()) for method in ("predict", *UNSUPPORTED)),
            Route(f"/v1/models/{{name}}{version}", status),
        ]
    return table


async def predict(request: Request) -> Response:
    """Returns predictions for the sequences in `instances` or `inputs`."""
    service = service_of(request)
    async with service.bodies.read(request) as body:
        model = service.models.get(**request.path_params)
        service.batcher.check_room(model)
        inference = await service.decode(model, len(body), read_instances, body)
    check_json_answer(inference, service.settings.json_bytes)
    request.state.access = inference.log_fields
    answers = await cancel_on_disconnect(request, service.infer(inference))
    return Response(write_predictions(inference.request, answers), media_type="application/json")


async def refuse(method: str, _: Request) -> Response:
    """Refuses methods that are not supported, and requests to `:predict` other than `POST`. Without this route, `status` would match."""
    if method in UNSUPPORTED:
        raise HTTPException(405, f"The method :{method} is not supported. Use :predict.", {"allow": ""})
    raise HTTPException(405, f"The method :{method} requires POST.", {"allow": "POST"})


async def status(request: Request) -> Response:
    """Returns the status of a loaded model, with the fields that KServe returns and the fields that TensorFlow Serving returns."""
    chosen = service_of(request).models.select(**request.path_params)
    versions = [{"version": model.version, "state": "AVAILABLE", "status": OK} for model in chosen]
    return JSONResponse({"name": chosen[0].name, "ready": True, "model_version_status": versions})
