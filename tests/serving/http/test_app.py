import subprocess
import sys

import pytest
from running_server import ask
from starlette.routing import Route

from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.settings import Settings


@pytest.fixture
def app(make_repository):
    return create_app(Settings(), make_repository())


def test_routes_are_listed_in_order(app):
    assert {(route.path, *sorted(route.methods - {"HEAD"})) for route in app.routes if isinstance(route, Route)} >= {
        ("/v2", "GET"),
        ("/v2/health/live", "GET"),
        ("/v2/models/{name}/infer", "POST"),
        ("/v2/models/{name}/versions/{version}/infer", "POST"),
        ("/v2/repository/models/{name}/load", "POST"),
        ("/metrics", "GET"),
    }


def test_trailing_slash_is_404(app):
    assert ask(app, "GET", "/v2/").status == 404


def test_scoring_threads_start_and_stop_with_the_application(app):
    batcher = app.state.service.batcher
    assert not batcher.alive
    assert ask(app, "GET", "/v2/health/live").status == 200
    assert not batcher.alive


def test_server_that_cannot_score_is_not_live(app, monkeypatch):
    monkeypatch.setattr(app.state.service.batcher, "start", lambda: None)
    assert ask(app, "GET", "/v2/health/live").status == 503


def test_server_without_models_is_live_but_not_ready(app):
    app.state.service.models.unload("toy")
    assert [ask(app, "GET", f"/v2/health/{kind}").status for kind in ("live", "ready")] == [200, 503]


def test_nobody_may_load_models_without_a_guard(app):
    assert ask(app, "POST", "/v2/repository/models/toy/load").status == 403


def test_serving_imports_no_training_framework():
    code = "import sys, dreamkeras.serving.http.app, dreamkeras.serving.lifecycle; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"starlette", "uvicorn"} <= set(loaded)
    assert not {"keras", "tensorflow", "jax", "torch", "pandas", "onnx", "onnxruntime"} & set(loaded)
