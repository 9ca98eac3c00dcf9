import json
import logging

import pytest
from running_server import ask
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from dreamkeras.errors import ModelError
from dreamkeras.serving.auth import Guard, Tokens
from dreamkeras.serving.errors import BodyError, OverloadedError, ProtocolError
from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.http.boundary import error_response
from dreamkeras.serving.http.proxy import Proxy
from dreamkeras.serving.settings import Settings

SMALL = Settings(body_bytes=1000, json_bytes=1000, header_bytes=500, body_seconds=0.2, rows=10, queue_rows=10)


PREFLIGHT = {
    "Origin": "https://lab.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.fixture
def app(make_repository):
    """Application with additional routes that fail."""
    app = create_app(SMALL, make_repository())

    async def fail(request):
        raise ZeroDivisionError("secret")

    async def fail_late(request):
        async def parts():
            yield b"begun"
            raise ZeroDivisionError

        return StreamingResponse(parts())

    async def fine(request):
        return PlainTextResponse("fine")

    app.router.routes += [Route("/fail", fail, methods=["GET", "POST"]), Route("/late", fail_late), Route("/fine", fine)]
    return app


@pytest.fixture
def access(caplog):
    """Lines of the access log as objects."""
    caplog.set_level(logging.INFO, logger="dreamkeras.serving.access")
    return lambda: [json.loads(record.getMessage()) for record in caplog.records if record.name.endswith("access")]


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "status", "text"),
        [
            (ProtocolError("Expected a,\n  got b."), 400, "Expected a, got b."),
            (ProtocolError("No such model.", 404), 404, "No such model."),
            (ModelError("Expected an ONNX file."), 400, "Expected an ONNX file."),
            (HTTPException(405), 405, "Method Not Allowed"),
            (BodyError("Expected less.", 413), 413, "Expected less."),
        ],
    )
    def test_errors_are_one_line_of_json(self, error, status, text):
        response = error_response(error)
        assert (response.status_code, json.loads(response.body)) == (status, {"error": text})
        assert response.headers["content-type"] == "application/json"

    def test_full_queue_has_a_time_to_retry(self):
        assert error_response(OverloadedError("Full.", 7)).headers["retry-after"] == "7"
        assert error_response(ProtocolError("Too late.", 503)).headers["retry-after"] == "1"

    def test_missing_token_has_the_authenticate_header(self):
        assert error_response(ProtocolError("Who?", 401)).headers["www-authenticate"] == "Bearer"
        for status in (400, 403, 404, 500, 503):
            assert "www-authenticate" not in error_response(ProtocolError("Why?", status)).headers

    def test_internal_error_is_500_and_only_the_log_has_the_details(self, app, caplog):
        answer = ask(app, "GET", "/fail")
        assert (answer.status, "secret" in answer.error) == (500, False)
        (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
        assert answer.headers["x-request-id"] in record.getMessage()
        assert record.exc_info[0] is ZeroDivisionError

    def test_error_after_the_first_bytes_truncates_the_answer(self, app, caplog):
        with pytest.raises(ZeroDivisionError):
            ask(app, "GET", "/late")
        assert "failed while its response was being sent" in caplog.text


class TestBodiesOfRefusedRequests:
    def test_body_is_read_and_the_connection_stays_open(self, app):
        chunks = [b"x" * 100, b"y" * 100]
        answer = ask(app, "POST", "/nowhere", chunks=chunks)
        assert (answer.status, "connection" in answer.headers) == (404, False)

    def test_too_large_body_closes_the_connection(self, app):
        answer = ask(app, "POST", "/nowhere", headers={"Content-Length": "5000"})
        assert (answer.status, answer.headers["connection"]) == (404, "close")

    def test_missing_body_closes_the_connection(self, app):
        answer = ask(app, "POST", "/fail", chunks=[b"x", None])
        assert (answer.status, answer.headers["connection"]) == (500, "close")

    def test_disconnected_client_is_sent_nothing(self, app, access):
        chunks = [b"x" * 100]
        assert ask(app, "POST", "/v2/models/toy/infer", chunks=[*chunks, b""], leave=True).status == 400
        assert access()[0]["status"] == 400


class TestHeaders:
    def test_too_large_headers_are_431_and_close_the_connection(self, app):
        answer = ask(app, "GET", "/v2", headers={"X-Long": "x" * 600})
        assert (answer.status, answer.headers["connection"]) == (431, "close")

    def test_too_long_a_query_is_431(self, app):
        assert ask(app, "GET", "/v2", query=b"x" * 600).status == 431

    @pytest.mark.parametrize(
        ("origin", "host", "status"),
        [
            ("http://localhost:8000", "localhost:8000", 200),
            ("http://evil.example", "localhost:8000", 403),
            ("null", "localhost:8000", 403),
        ],
    )
    def test_pages_of_other_sites_are_refused(self, app, origin, host, status):
        assert ask(app, "GET", "/v2", headers={"Origin": origin, "Host": host}).status == status


class TestProxies:
    @pytest.fixture
    def published(self, make_repository, tmp_path):
        """Application with a token, a root path and an allowed site."""
        (tmp_path / "users").write_text("user-token-0123456789")
        return create_app(SMALL, make_repository(), Guard(Tokens(tmp_path / "users")), Proxy(("https://lab.example",), "/dream"))

    @pytest.mark.parametrize("path", ["/dream/v2/repository/models/toy/load", "/v2/repository/models/toy/load"])
    def test_root_path_does_not_open_the_operators_paths(self, published, path):
        answer = ask(published, "POST", path, headers={"Authorization": "Bearer user-token-0123456789"})
        assert answer.status == 403

    @pytest.mark.parametrize(("path", "status"), [("/dream/v2", 401), ("/dream/v2/health/ready", 200), ("/dream/", 200), ("/dreams/", 401)])
    def test_paths_that_need_no_token_are_the_same(self, published, path, status):
        assert ask(published, "GET", path).status == status

    def test_preflight_needs_no_token_and_is_not_an_answer(self, published):
        answer = ask(published, "OPTIONS", "/v1/predict", headers=PREFLIGHT)
        assert (answer.status, answer.body) == (200, b"OK")
        assert answer.headers["access-control-allow-origin"] == "https://lab.example"
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()

    def test_preflight_of_another_site_is_refused(self, published):
        answer = ask(published, "OPTIONS", "/v1/predict", headers={**PREFLIGHT, "Origin": "https://evil.example"})
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (403, False)

    def test_options_without_an_origin_needs_a_token(self, published):
        assert ask(published, "OPTIONS", "/v1/predict", headers={"Access-Control-Request-Method": "POST"}).status == 401

    def test_errors_have_cors_headers_for_allowed_sites(self, published):
        answer = ask(published, "GET", "/v2", headers={"Origin": "https://lab.example"})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, "https://lab.example")

    def test_all_sites_may_be_allowed(self, make_repository):
        open_to_all = create_app(SMALL, make_repository(), proxy=Proxy(("*",)))
        answer = ask(open_to_all, "GET", "/v2", headers={"Origin": "https://any.example"})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")

    def test_answers_have_no_cors_headers_without_the_option(self, app):
        headers = ask(app, "GET", "/v2", headers={"Origin": "http://localhost", "Host": "localhost"}).headers
        assert not [name for name in headers if name.startswith("access-control")]


class TestRequestIds:
    def test_generated_request_ids_differ(self, app):
        ids = {ask(app, "GET", "/v2").headers["x-request-id"] for _ in range(3)}
        assert len(ids) == 3

    @pytest.mark.parametrize(("given", "kept"), [("job-7/3", True), ("two words", False), ("x" * 129, False), ("", False)])
    def test_valid_request_ids_of_clients_are_kept(self, app, given, kept):
        assert (ask(app, "GET", "/v2", headers={"X-Request-Id": given}).headers["x-request-id"] == given) is kept


class TestTokens:
    @pytest.fixture
    def guarded(self, app, tmp_path):
        (tmp_path / "users").write_text("user-token-0123456789")
        (tmp_path / "operators").write_text("operator-token-0123456789")
        app.state.service.guard = Guard(Tokens(tmp_path / "users"), Tokens(tmp_path / "operators"))
        return app

    @pytest.mark.parametrize("path", ["/v2", "/metrics", "/v2/models/toy", "/v2/models/stats", "/fine", "/nowhere"])
    def test_all_other_paths_require_a_token(self, guarded, path):
        assert ask(guarded, "GET", path).status == 401

    @pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready"])
    def test_health_paths_require_no_token(self, guarded, path):
        assert ask(guarded, "GET", path).status == 200

    @pytest.mark.parametrize(
        ("token", "path", "status"),
        [
            ("user-token-0123456789", "/v2/repository/index", 200),
            ("user-token-0123456789", "/v2/repository/models/toy/load", 401),
            ("operator-token-0123456789", "/v2/repository/models/toy/load", 200),
            ("operator-token-0123456789", "/v2/repository/models/toy/unload", 200),
        ],
    )
    def test_loading_and_unloading_require_an_operator_token(self, guarded, token, path, status):
        assert ask(guarded, "POST", path, headers={"Authorization": f"Bearer {token}"}).status == status


class TestOperatorsWithoutTokens:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Host": "localhost:8000"}, 200),
            ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, 200),
            ({"Host": "rebound.example:8000", "Origin": "http://rebound.example:8000"}, 403),
            ({"Host": "rebound.example:8000"}, 403),
            ({"Host": "localhost:8000", "X-Forwarded-For": "10.0.0.9"}, 403),
        ],
    )
    @pytest.mark.parametrize("action", ["load", "unload"])
    def test_only_local_requests_load_and_unload(self, make_repository, action, headers, status):
        app = create_app(SMALL, make_repository(), Guard(control=True))
        assert ask(app, "POST", f"/v2/repository/models/toy/{action}", headers=headers).status == status


class TestAccessLog:
    def test_line_describes_request_and_response(self, app, access):
        body = b'{"inputs":[{"name":"sequences","datatype":"BYTES","shape":[2],"data":["ACGT","GGGG"]}]}'
        answer = ask(app, "POST", "/v2/models/toy/infer", body, {"X-Request-Id": "mine"})
        (line,) = access()
        assert line.pop("milliseconds") > 0
        assert line == {
            "request_id": "mine",
            "client": "192.0.2.1:5000",
            "method": "POST",
            "path": "/v2/models/toy/infer",
            "status": 200,
            "bytes_in": len(body),
            "bytes_out": len(answer.body),
            "model": "toy",
            "version": "1",
            "rows": 2,
        }

    @pytest.mark.parametrize(
        ("path", "body", "fields"),
        [
            ("/v1/predict", b">a\nACGT\n>b\nGGGGGA\n", {"model": "toy", "version": "1", "rows": 2}),
            ("/v1/predict?model=toy", b"ACGT\n", {"model": "toy", "version": "1", "rows": 1}),
            ("/v1/models/toy:predict", b'{"instances": ["ACGT"]}', {"model": "toy", "version": "1", "rows": 1}),
        ],
    )
    def test_line_has_the_model_and_the_number_of_sequences(self, app, access, path, body, fields):
        path, _, query = path.partition("?")
        ask(app, "POST", path, body, query=query.encode())
        assert fields.items() <= access()[0].items()

    def test_line_breaks_in_a_path_are_escaped(self, app, caplog, access):
        ask(app, "GET", "/a\nb")
        assert access()[0]["path"] == "/a\nb"
        assert "\n" not in caplog.records[-1].getMessage()


def test_stopping_server_closes_connections_after_answers(app):
    assert "connection" not in ask(app, "GET", "/v2").headers
    app.state.service.stopping = True
    assert ask(app, "GET", "/v2").headers["connection"] == "close"


def test_responses_are_counted_by_status(app):
    for path in ("/v2", "/v2", "/nowhere"):
        ask(app, "GET", path)
    assert app.state.service.responses == {200: 2, 404: 1}
