import json

import pytest
from running_server import ask

from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.metrics import CONTENT_TYPE, write_metrics
from dreamkeras.serving.settings import Settings

parser = pytest.importorskip("prometheus_client.parser")


@pytest.fixture
def app(make_repository):
    return create_app(Settings(batch_rows=8), make_repository())


def infer(app, rows, sequence="ACGT"):
    tensor = {"name": "sequences", "datatype": "BYTES", "shape": [rows], "data": [sequence] * rows}
    return ask(app, "POST", "/v2/models/toy/infer", json.dumps({"inputs": [tensor]}).encode())


def samples(app):
    """Returns values by name and labels, read with the parser of Prometheus' Python client."""
    families = parser.text_string_to_metric_families(write_metrics(app.state.service))
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples}


TOY = (("model", "toy"), ("version", "1"))


def test_prometheus_can_parse_the_metrics(app):
    families = list(parser.text_string_to_metric_families(write_metrics(app.state.service)))
    assert {family.name: family.type for family in families}["dreamkeras_batch_rows"] == "histogram"
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation and family.type in {"counter", "gauge", "histogram"} for family in families)


def test_route_returns_the_metrics(app):
    answer = ask(app, "GET", "/metrics")
    assert (answer.status, answer.headers["content-type"]) == (200, CONTENT_TYPE)
    assert b"nv_inference_count" in answer.body


def test_answered_requests_are_counted(app):
    for rows in (3, 20):
        assert infer(app, rows).status == 200
    found = samples(app)
    assert found["nv_inference_request_success_total", *TOY] == 2
    assert found["nv_inference_count_total", *TOY] == 23
    assert found["nv_inference_exec_count_total", *TOY] == 4
    assert found["nv_inference_request_duration_us_total", *TOY] >= found["nv_inference_compute_infer_duration_us_total", *TOY] > 0


def test_batches_are_counted_by_their_rows(app):
    for rows in (1, 3, 8, 20):
        infer(app, rows)
    found = samples(app)
    sizes = [1, 3, 8, 8, 8, 4]
    for end in ("1", "2", "4", "8", "16", "+Inf"):
        key = ("dreamkeras_batch_rows_bucket", ("le", end), *TOY)
        assert found[key] == sum(size <= float(end) for size in sizes), end
    assert (found["dreamkeras_batch_rows_sum", *TOY], found["dreamkeras_batch_rows_count", *TOY]) == (32, 6)


def test_refused_requests_are_counted_by_reason(app):
    app.state.service.models.get("toy").statistics.add_failure("REJECTED", 0)
    found = samples(app)
    assert found["nv_inference_request_failure_total", TOY[0], ("reason", "REJECTED"), TOY[1]] == 1
    assert found["nv_inference_request_failure_total", TOY[0], ("reason", "BACKEND"), TOY[1]] == 0


def test_responses_are_counted_by_status(app):
    infer(app, 1, "X")
    assert samples(app)["dreamkeras_http_responses_total", ("status", "400")] == 1


def test_queue_length_and_memory_of_bodies_are_reported(app):
    found = samples(app)
    assert found["nv_inference_pending_request_count", *TOY] == found["dreamkeras_queue_rows", *TOY] == 0
    assert found["dreamkeras_held_bytes",] == 0
    assert found["dreamkeras_row_seconds", *TOY] > 0
