import io
import json
import logging

import pytest

from dreamkeras.serving.logs import ACCESS, LOGGERS, log_request, request_id_of, write_logs
from dreamkeras.serving.logs import FAILURES as SERVER


@pytest.fixture
def stream():
    """Stream for `write_logs`. The loggers are restored afterwards."""
    loggers = [logging.getLogger(name) for name in (*LOGGERS, ACCESS.name)]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield io.StringIO()
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_request_is_one_line_with_its_fields(stream):
    write_logs(stream)
    ACCESS.info("%s", "{}", extra={"fields": {"path": "/v2\nx", "status": 200}})
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "INFO", "path": "/v2\nx", "status": 200}


def test_failure_is_one_line_with_its_traceback(stream):
    write_logs(stream)
    SERVER.error("request %s failed", "abc", exc_info=ZeroDivisionError())
    (line,) = lines(stream)
    assert (line["level"], line["message"]) == ("ERROR", "request abc failed")
    assert line["exception"] == "ZeroDivisionError"


def test_uvicorn_warnings_are_logged_and_its_info_messages_are_not(stream):
    write_logs(stream)
    logger = logging.getLogger("uvicorn.error")
    logger.info("Started server process")
    logger.warning("Invalid HTTP request received.")
    assert [line["message"] for line in lines(stream)] == ["Invalid HTTP request received."]


def test_access_log_can_be_disabled(stream):
    write_logs(stream, access=False)
    assert not ACCESS.isEnabledFor(logging.INFO)
    SERVER.warning("still here")
    assert len(lines(stream)) == 1


def test_each_line_is_written_once(stream):
    write_logs(stream)
    write_logs(stream)
    SERVER.warning("once")
    assert len(lines(stream)) == 1


def test_requests_are_logged_unless_disabled(stream):
    write_logs(stream, access=False)
    log_request({"path": "/v2"})
    write_logs(stream)
    log_request({"path": "/v2", "status": 200})
    (line,) = lines(stream)
    assert (line["path"], line["status"]) == ("/v2", 200)


def test_valid_request_id_of_the_client_is_kept():
    assert request_id_of("mine-7") == "mine-7"
    new = [request_id_of(given) for given in ("", "two words", "a\nb", "x" * 129, "\xe9")]
    assert len(set(new)) == 5
    assert not any(given in new for given in ("", "two words"))
