"""Tests of `/v1` with requests as curl and browsers send them."""

import contextlib
import gzip
import http.client
import json
import zlib
from pathlib import Path

import pytest
from running_server import QUICK, ask
from toy_models import count

from dreamkeras.serving.auth import Guard, Tokens
from dreamkeras.serving.http import routes_v1
from dreamkeras.serving.http.app import create_app

FASTA = b">a\nACGT\n>b\nGGGGGA\n"
ANSWER = "id\tgc\ta\na\t2\t1\nb\t5\t1\n"
JSON = {"content-type": "application/json"}


@pytest.fixture
def app(make_repository):
    return create_app(QUICK, make_repository())


@pytest.fixture
def connection(running):
    with contextlib.closing(http.client.HTTPConnection(running.address, timeout=30)) as connection:
        yield connection


def post(app, path, fields, query=b""):
    return ask(app, "POST", path, json.dumps(fields).encode(), JSON, query=query)


class TestPredict:
    @pytest.mark.parametrize("body", [FASTA, gzip.compress(FASTA), b"name,seq\na,ACGT\nb,GGGGGA\n", b"id\tsequence\na\tACGT\nb\tGGGGGA\n"])
    def test_files_are_answered_as_tables(self, app, body):
        answer = ask(app, "POST", "/v1/predict", body)
        assert (answer.status, answer.body.decode()) == (200, ANSWER)
        assert answer.headers["content-type"].startswith("text/tab-separated-values")

    def test_json_is_answered_as_json(self, app):
        answer = post(app, "/v1/predict", {"sequences": ["ACGT", {"id": "b", "sequence": "GGGGGA"}]}, query=b"include=sequence")
        rows = [{"id": "1", "gc": 2, "a": 1, "sequence": "ACGT"}, {"id": "b", "gc": 5, "a": 1, "sequence": "GGGGGA"}]
        assert json.loads(answer.body)["predictions"] == rows

    @pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
    def test_bodies_may_be_compressed(self, app, encoding, pack):
        assert ask(app, "POST", "/v1/predict", pack(FASTA), {"content-encoding": encoding}).body.decode() == ANSWER

    def test_accept_header_selects_the_format(self, app):
        answer = ask(app, "POST", "/v1/predict", FASTA, {"accept": "application/x-ndjson"})
        assert [json.loads(line)["id"] for line in answer.body.splitlines()] == ["a", "b"]

    def test_unknown_parameters_are_refused(self, app):
        answer = ask(app, "POST", "/v1/predict", FASTA, query=b"interval=0.9")
        message = "Unknown parameter 'interval'. Parameters of /v1/predict: model, version, include, id_column, sequence_column."
        assert (answer.status, json.loads(answer.body)) == (400, {"error": message})

    def test_columns_of_a_table_may_be_selected(self, app):
        answer = ask(app, "POST", "/v1/predict", b"x,y,z\na,ACGT,u\n", query=b"id_column=2&sequence_column=y")
        assert answer.body == b"id\tgc\ta\nu\t2\t1\n"

    def test_a_large_file_is_answered_while_it_is_received(self, connection, monkeypatch):
        monkeypatch.setattr(routes_v1, "HELD", 1000)
        rows = 5000
        chunks = (f">r{number}\nACGT{'GA'[number % 2]}\n".encode() for number in range(rows))
        connection.request("POST", "/v1/predict?model=toy", chunks, encode_chunked=True, headers={"transfer-encoding": "chunked"})
        response = connection.getresponse()
        lines = response.read().decode().splitlines()
        assert response.getheader("transfer-encoding") == "chunked"
        assert lines[1:] == [f"r{number}\t{3 - number % 2}\t{1 + number % 2}" for number in range(rows)]

    def test_late_errors_truncate_the_answer(self, connection, monkeypatch):
        monkeypatch.setattr(routes_v1, "HELD", 1000)
        connection.request("POST", "/v1/predict?model=toy", b">a\nACGT\n" * 5000 + b">bad\nACGT!\n")
        response = connection.getresponse()
        assert response.status == 200
        with pytest.raises(http.client.IncompleteRead):
            response.read()

    def test_early_errors_have_a_status_and_keep_the_connection(self, connection):
        connection.request("POST", "/v1/predict?model=toy", b">a\nACGT\n>bad\nACGT!\n")
        response = connection.getresponse()
        assert response.status == 400
        assert json.loads(response.read()) == {
            "error": "Expected DNA letters, got '!' at position 5 in record 'bad' (the request's body, line 3)."
        }
        connection.request("POST", "/v1/predict?model=toy", FASTA)
        assert connection.getresponse().read().decode() == ANSWER

    @pytest.mark.parametrize(
        ("query", "status", "message"),
        [
            (b"model=none", 404, "unknown model"),
            (b"version=7", 404, "unknown model"),
            (b"include=all", 400, "Expected include=sequence, got 'all'"),
            (b"include=", 400, "Expected include=sequence, got ''"),
            (b"sequence_column=9", 400, "Columns can be chosen in tables only"),
        ],
    )
    def test_invalid_query_parameters_are_refused(self, app, query, status, message):
        answer = ask(app, "POST", "/v1/predict", FASTA, query=query)
        assert answer.status == status
        assert message in answer.error

    @pytest.mark.parametrize(
        "fields",
        [
            {"sequences": ["ACGT"], "model": 5},
            {"sequences": ["ACGT"], "version": None},
            {"sequences": 5},
            {},
            [],
            {"sequences": ["ACGTACGTACGTACGT"]},
        ],
    )
    def test_invalid_json_is_refused(self, app, fields):
        assert post(app, "/v1/predict", fields).status == 400

    @pytest.mark.parametrize(("fields", "status"), [({}, 404), ({"model": "toy"}, 200)])
    def test_query_may_name_the_model_of_a_json_body(self, app, fields, status):
        assert post(app, "/v1/predict", {"sequences": ["ACGT"], **fields}, query=b"model=none").status == status

    def test_an_upload_that_is_too_large_is_refused(self, make_repository):
        small = create_app(QUICK.__class__(upload_bytes=100, body_bytes=50, json_bytes=50, rows=8), make_repository())
        assert ask(small, "POST", "/v1/predict", FASTA * 10).status == 413

    def test_disconnected_client_is_not_answered(self, app):
        assert ask(app, "POST", "/v1/predict", FASTA, leave=True) is None

    def test_model_name_is_required_if_there_are_several_models(self, connection):
        connection.request("POST", "/v1/predict", FASTA)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["error"]) == (
            400,
            "Add the name of a model as 'model' to the request. Models: toy, twice.",
        )
        connection.request("POST", "/v1/predict?model=twice&version=2", FASTA)
        assert connection.getresponse().read() == b"id\tgc\na\t8\nb\t20\n"


class TestContentTypes:
    """Requests as people write them with curl, with another Content-Type or none."""

    TEXT = b'{"sequences": ["ACGT"]}'

    @pytest.mark.parametrize("kind", ["text/json", "application/vnd.api+json", "Application/JSON; charset=utf-8"])
    def test_types_of_json(self, app, kind):
        assert json.loads(ask(app, "POST", "/v1/predict", self.TEXT, {"content-type": kind}).body)["predictions"] == [
            {"id": "1", "gc": 2, "a": 1}
        ]

    @pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "nonsense"])
    def test_files_of_any_other_type(self, app, kind):
        assert ask(app, "POST", "/v1/predict", FASTA, {"content-type": kind} if kind else {}).body.decode() == ANSWER

    @pytest.mark.parametrize(
        ("body", "kind", "message"),
        [
            (
                b'{"sequences": ["ACGT"]}',
                "application/x-www-form-urlencoded",
                'got JSON. Send {"sequences": [...]}',
            ),
            (b' ["ACGT"]', "text/plain", "got JSON."),
            (b'\xef\xbb\xbf{"sequences": ["ACGT"]}', "text/plain", "got JSON."),
            (b'{"id": "a", "sequence": "ACGT"}\n', "application/x-ndjson", "got JSON."),
            (b"sequence=ACGT", "application/x-www-form-urlencoded", "got a form. Send the sequences without a field name"),
            (b"<html></html>", "text/html", "got HTML or XML."),
            (b"<?xml version='1.0'?><a/>", "application/xml", "got HTML or XML."),
            (b'--x\r\nContent-Disposition: form-data; name="file"\r\n', "multipart/form-data; boundary=x", "got a multipart form."),
        ],
    )
    def test_bodies_of_another_kind_are_415_with_advice(self, app, body, kind, message):
        answer = ask(app, "POST", "/v1/predict", body, {"content-type": kind})
        assert (answer.status, message in answer.error) == (415, True)

    def test_file_that_curl_has_put_on_one_line_is_refused(self, app):
        answer = ask(app, "POST", "/v1/predict", FASTA.replace(b"\n", b""), chunks=[b">a", b"ACGT>bGG"])
        assert (answer.status, "curl -d removes line breaks: use --data-binary @FILE." in answer.error) == (400, True)

    @pytest.mark.parametrize("path", ["/v1/mutagenesis", "/v2/models/toy/infer", "/v1/models/toy:predict", "/v2/repository/index"])
    def test_forms_are_415_on_all_paths(self, app, path):
        assert ask(app, "POST", path, b"--x", {"content-type": "multipart/form-data; boundary=x"}).status == 415

    def test_compressed_files_are_no_forms(self, app):
        body = gzip.compress(FASTA)
        assert ask(app, "POST", "/v1/predict", body, {"content-type": "application/x-www-form-urlencoded"}).body.decode() == ANSWER


class TestMutagenesis:
    def test_mutagenesis_returns_effects_and_contributions(self, app):
        found = json.loads(post(app, "/v1/mutagenesis", {"sequence": "ACGT"}).body)
        assert found["effects"][0][1] == [a - b for a, b in zip(count("CCGT"), count("ACGT"), strict=True)]

    @pytest.mark.parametrize("fields", [{}, {"sequence": 5}, {"sequence": ""}, {"sequence": "ACGT", "model": []}])
    def test_invalid_requests_are_refused(self, app, fields):
        assert post(app, "/v1/mutagenesis", fields).status == 400


class TestPage:
    @pytest.mark.parametrize("path", sorted(routes_v1.OPEN_PATHS))
    def test_page_files_need_no_token(self, tmp_path, make_repository, path):
        tokens = tmp_path / "tokens"
        tokens.write_text("0123456789abcdef\n")

        def status(path, **headers):
            return ask(create_app(QUICK, make_repository(), Guard(Tokens(tokens))), "GET", path, headers=headers).status

        assert (status(path), status("/v1/models"), status("/v1/models", authorization="Bearer 0123456789abcdef")) == (200, 401, 200)

    @pytest.mark.parametrize("path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/page/none.js", "/page/"])
    def test_page_folder_serves_no_other_files(self, app, path):
        assert ask(app, "GET", path).status == 404

    @pytest.mark.parametrize("path", ["/", "/docs"])
    def test_page_files_have_the_right_content_type(self, app, path):
        headers = ask(app, "GET", path).headers
        assert (headers["x-content-type-options"], headers["content-type"]) == ("nosniff", "text/html; charset=utf-8")

    def test_page_loads_nothing_from_other_servers(self, app):
        assert "default-src 'self'" in ask(app, "GET", "/").headers["content-security-policy"]
        assert not [file.name for file in Path(routes_v1.PAGE).iterdir() if b"://" in file.read_bytes().replace(b"http://www.w3.org/", b"")]

    def test_models_are_listed_with_their_constructs(self, app):
        (model,) = json.loads(ask(app, "GET", "/v1/models").body)["models"]
        assert (model["name"], model["tasks"], model["construct"]["length"]) == ("toy", ["gc", "a"], 12)
