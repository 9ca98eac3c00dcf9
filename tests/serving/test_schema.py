"""Fuzz tests: requests by schemathesis from the OpenAPI document, and raw bodies by Hypothesis.

DREAMKERAS_FUZZ_REQUESTS is how many requests each of them sends.
"""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from raw_requests import FORMS, PATHS, Sent, action, requests
from running_server import QUICK, running_server
from toy_models import write_toy_model

from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.construct import Construct
from dreamkeras.serving.auth import Guard
from dreamkeras.serving.repository import ModelRepository

REQUESTS = int(os.environ.get("DREAMKERAS_FUZZ_REQUESTS", "300"))
LONGEST = 30
"""Maximum time for an answer in seconds. Allows for a busy machine."""

SMALL = dataclasses.replace(QUICK, body_bytes=8192, json_bytes=4096, json_depth=6, rows=16)
"""Limits that are low enough for the generated requests to exceed them."""


@pytest.fixture
def connection(server):
    """Connection to the server with a timeout."""
    with contextlib.closing(http.client.HTTPConnection(server.address, timeout=LONGEST)) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(toy_model, tmp_path_factory):
    """Server with `toy` and two versions of `twice`. Everybody may load and unload models."""
    folder = tmp_path_factory.mktemp("repository")
    for version in ("1", "2"):
        (folder / "twice" / version).mkdir(parents=True)
        write_toy_model(folder / "twice" / version / "model.onnx", weight=int(version), tasks=("gc",), name="twice")
    with serving({"toy": toy_model}, folder) as running:
        yield running


@pytest.fixture
def lenient(tmp_path):
    """Server with a single model, which requests need not name, and which accepts sequences of almost any length."""
    model = write_toy_model(tmp_path / "toy.onnx", Construct(name="toy", length=500, alignment="left", shortest=1, strands="given"))
    with serving({"toy": model}, None) as running:
        yield running


def serving(files, folder):
    repository = ModelRepository(files, folder, lambda path: load(path, device="cpu", threads=1), SMALL)
    repository.load_all()
    return running_server(repository, SMALL, Guard(control=True))


class Answered(NamedTuple):
    """Status, body and seconds of an answer."""

    status: int
    body: bytes
    seconds: float


def ask(connection, sent):
    """Sends a request and returns the answer, even if the server answers before the request is complete."""
    body, headers = (sent.body, {}) if sent.parts is None else (iter(sent.parts), {"Transfer-Encoding": "chunked"})
    begun = time.perf_counter()
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", sent.path, body, sent.headers | headers, encode_chunked=bool(headers))
        response = connection.getresponse()
        return Answered(response.status, response.read(), time.perf_counter() - begun)
    except Exception:
        connection.close()
        raise


def check(answered):
    """Fails unless the answer is 200 or a one-line JSON error with status 4xx or 503."""
    assert answered.status in {200, 503} or 400 <= answered.status < 500, answered
    assert answered.seconds < LONGEST
    if answered.status != 200:
        (error,) = json.loads(answered.body).items()
        assert error[0] == "error"
        assert re.fullmatch(r"[^\n]+", error[1])


@pytest.mark.parametrize(("path", "form"), [(path, form) for path in PATHS for form in FORMS[action(path)]])
def test_unchanged_requests_are_answered(connection, path, form):
    head = b"" if form.fields is None else json.dumps(form.fields).encode()
    headers = {"Content-Type": form.media_type}
    if path.endswith("infer") and form.data:
        headers["Inference-Header-Content-Length"] = str(len(head))
    named = path.format(name="twice" if "repository" in path else "toy", version="1")
    where = f"{named}?model=toy" if path.endswith("/predict") else named
    assert ask(connection, Sent(where, headers, head + form.data, None)).status == 200


def test_raw_requests_are_answered_or_refused(connection):
    statuses = Counter()

    @settings(max_examples=REQUESTS, suppress_health_check=list(HealthCheck))
    @given(requests())
    def send(sent):
        answered = ask(connection, sent)
        statuses[answered.status] += 1
        check(answered)

    send()
    print(f"{statuses.total()} raw requests: {dict(sorted(statuses.items()))}")
    assert statuses.total() >= REQUESTS
    assert set(statuses) >= {200, 400, 404}


def test_schemathesis_finds_no_difference_from_the_openapi_document(lenient, tmp_path):
    pytest.importorskip("schemathesis")
    # A request that is too large is refused with 413, whether or not its JSON follows the schema.
    (tmp_path / "schemathesis.toml").write_text("[checks]\nnegative_data_rejection.expected-statuses = [400, 404, 413, 415, 422, 503]\n")
    options = ["--max-examples", str(REQUESTS // 2), "--max-response-time", str(LONGEST), "--request-timeout", str(LONGEST), "--no-color"]
    # The OpenAPI document allows any text as a body, but the server refuses text that has no sequences.
    options += ["--exclude-checks", "positive_data_acceptance"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://{lenient.address}/openapi.json", *options]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    statuses = lenient.service.responses
    print(f"{statuses.total()} requests of schemathesis: {dict(sorted(statuses.items()))}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"Operations: +3 selected / 3 total", ran.stdout)
    assert statuses.total() >= REQUESTS
    assert min(statuses[200], statuses[400]) > REQUESTS // 20
    assert [status for status in statuses if status >= 500 and status != 503] == []
