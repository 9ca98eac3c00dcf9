import json

import pytest
from running_server import QUICK, ask
from starlette.routing import Route

from dreamkeras.scoring.predictor import PACKAGED_MODEL
from dreamkeras.serving.http import routes_v1
from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.http.proxy import Proxy
from dreamkeras.serving.protocol.openapi import SCHEMAS, openapi_document

DOCUMENT = openapi_document()
EXAMPLES = [
    (path, kind, media["example"])
    for path, operations in DOCUMENT["paths"].items()
    for operation in operations.values()
    for kind, media in operation.get("requestBody", {}).get("content", {}).items()
    if "example" in media
]


def references(part):
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(inner)


def test_documented_paths_match_the_routes():
    found = {(route.path, method) for route in routes_v1.routes() if isinstance(route, Route) for method in route.methods - {"HEAD"}}
    named = {(path, kind.upper()) for path, operations in DOCUMENT["paths"].items() for kind in operations}
    assert named == {(path, method) for path, method in found if path.startswith("/v1/")}


def test_every_referenced_schema_is_defined():
    assert {f"#/components/schemas/{name}" for name in SCHEMAS} == set(references(DOCUMENT))


@pytest.mark.parametrize(("path", "kind", "example"), EXAMPLES)
def test_examples_are_answered(make_repository, path, kind, example):
    app = create_app(QUICK, make_repository({"yeast": PACKAGED_MODEL}))
    body = example if isinstance(example, str) else json.dumps(example)
    assert ask(app, "POST", path, body.encode(), {"content-type": kind}).status == 200


def test_document_is_served_as_json(make_repository):
    answer = ask(create_app(QUICK, make_repository()), "GET", "/openapi.json")
    assert json.loads(answer.body) == json.loads(json.dumps(DOCUMENT))
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_document_of_a_published_server_has_the_root_path(make_repository):
    answer = ask(create_app(QUICK, make_repository(), proxy=Proxy(root_path="/dream")), "GET", "/dream/openapi.json")
    assert json.loads(answer.body)["servers"] == [{"url": "/dream"}]


@pytest.mark.parametrize("name", ["Predictions", "Mutagenesis"])
def test_answers_match_their_schemas(make_repository, name):
    path, body = {"Predictions": ("/v1/predict", {"sequences": ["ACGT"]}), "Mutagenesis": ("/v1/mutagenesis", {"sequence": "ACGT"})}[name]
    answer = ask(create_app(QUICK, make_repository()), "POST", path, json.dumps(body).encode(), {"content-type": "application/json"})
    assert set(json.loads(answer.body)) == set(SCHEMAS[name]["required"]) == set(SCHEMAS[name]["properties"])
