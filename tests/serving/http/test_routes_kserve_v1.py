"""Tests of KServe's protocol V1 with requests as its documentation and that of TensorFlow Serving show them."""

import contextlib
import http.client
import json

import pytest
from running_server import QUICK, ask
from toy_models import count

from dreamkeras.serving.errors import OverloadedError
from dreamkeras.serving.http.app import create_app

SEQUENCES = ["ACGTACGT", "GGGG", "acgtn"]


@pytest.fixture
def app(make_repository):
    return create_app(QUICK, make_repository())


def post(app, path, fields):
    answer = ask(app, "POST", path, json.dumps(fields).encode())
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("path", ["/v1/models/toy:predict", "/v1/models/toy/versions/1:predict"])
def test_instances_are_predicted(app, path):
    assert post(app, path, {"instances": SEQUENCES}) == (200, {"predictions": [count(text.upper()) for text in SEQUENCES]})


def test_versions_are_selected_on_a_running_server(running):
    with contextlib.closing(http.client.HTTPConnection(running.address, timeout=30)) as connection:
        found = []
        for version in ("/versions/1", "/versions/2", ""):
            connection.request("POST", f"/v1/models/twice{version}:predict", json.dumps({"instances": ["GGGG"]}))
            found.append(json.loads(connection.getresponse().read())["predictions"])
    assert found == [[[8]], [[16]], [[80]]]


@pytest.mark.parametrize("path", ["/v1/models/toy", "/v1/models/toy/versions/1"])
def test_status_has_the_members_of_kserve_and_of_tensorflow_serving(app, path):
    answer = ask(app, "GET", path)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "name": "toy",
        "ready": True,
        "model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}],
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/no", 404),
        ("GET", "/v1/models/toy/versions/7", 404),
        ("POST", "/v1/models/no:predict", 404),
        ("POST", "/v1/models/toy/versions/7:predict", 404),
        ("GET", "/v1/models/toy:other", 404),
        ("POST", "/v1/models/toy", 405),
    ],
)
def test_unknown_models_and_methods_are_refused(app, method, path, status):
    assert ask(app, method, path, b'{"instances": ["ACGT"]}' if method == "POST" else b"").status == status


@pytest.mark.parametrize("version", ["", "/versions/1"])
@pytest.mark.parametrize(("request_method", "method", "allow", "message"), [
    ("GET", "predict", "POST", "The method :predict requires POST."),
    ("POST", "explain", "", "The method :explain is not supported. Use :predict."),
    ("GET", "explain", "", "The method :explain is not supported. Use :predict."),
    ("POST", "classify", "", "The method :classify is not supported. Use :predict."),
    ("POST", "regress", "", "The method :regress is not supported. Use :predict."),
])  # fmt: skip
def test_refused_methods_are_named(app, version, request_method, method, allow, message):
    answer = ask(app, request_method, f"/v1/models/toy{version}:{method}")
    assert (answer.status, json.loads(answer.body)["error"], dict(answer.headers)["allow"]) == (405, message, allow)


def test_error_has_the_index_of_the_sequence(app):
    status, answer = post(app, "/v1/models/toy:predict", {"instances": ["ACGT", "ACG!"]})
    assert (status, answer["error"]) == (400, "Expected DNA letters, got '!' at position 4 in the sequence at index 1. Input: 'sequences'.")


def test_too_long_answer_is_refused(make_repository):
    small = create_app(QUICK.__class__(json_bytes=100), make_repository())
    status, answer = post(small, "/v1/models/toy:predict", {"instances": ["ACGT"] * 6})
    assert (status, "Expected an answer of at most 100 bytes of JSON" in answer["error"]) == (400, True)


def test_full_queue_refuses_a_request_before_it_is_decoded(app, monkeypatch):
    def is_full(model):
        raise OverloadedError("The queue is full.", 1)

    monkeypatch.setattr(app.state.service.batcher, "check_room", is_full)
    assert ask(app, "POST", "/v1/models/toy:predict", b"not JSON").status == 503
