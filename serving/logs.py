"""Logs requests and failures on standard error, as one JSON object per line."""

import datetime
import itertools
import json
import logging
import re
import secrets
import sys
from typing import Any, TextIO

__all__ = ["ACCESS", "FAILURES", "JsonLines", "log_request", "request_id_of", "write_logs"]

FAILURES = logging.getLogger("dreamkeras.serving")
ACCESS = logging.getLogger("dreamkeras.serving.access")
LOGGERS = (FAILURES.name, "uvicorn.error")

REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
PROCESS = secrets.token_hex(4)
NUMBERS = itertools.count(1)
"""Counter for the ids of requests without an X-Request-Id. A counter is faster than a random number from the system."""


class JsonLines(logging.Formatter):
    """Formats a log record as one JSON object. If the record has a dictionary `fields`, its items are written instead of the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as one line."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        line: dict[str, Any] = {"time": when, "level": record.levelname, **(fields or {"message": record.getMessage()})}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def write_logs(stream: TextIO | None = None, *, access: bool = True) -> None:
    """Configures the loggers of the server.

    Args:
        stream: Stream to write to. If None, standard error.
        access: Whether to log every request. If False, only failures are logged.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    ACCESS.setLevel(logging.INFO if access else logging.WARNING)


def request_id_of(given: str) -> str:
    """Returns the request id of the client if it is 1 to 128 printable ASCII characters without spaces, and a new id otherwise."""
    return given if REQUEST_ID.fullmatch(given) else f"{PROCESS}-{next(NUMBERS)}"


def log_request(fields: dict[str, Any]) -> None:
    """Writes one line to the access log."""
    if ACCESS.isEnabledFor(logging.INFO):
        ACCESS.info("%s", json.dumps(fields), extra={"fields": fields})
