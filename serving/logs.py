"""Logs: one JSON object a line on standard error, for each request and for failures."""

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
"""Ids of requests without one are the process's and a number: the system's random numbers take longer than reading all headers."""


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; the items of its `fields` are members of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        line: dict[str, Any] = {"time": when, "level": record.levelname, **(fields or {"message": record.getMessage()})}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def write_logs(stream: TextIO | None = None, *, access: bool = True) -> None:
    """Configures the server's loggers.

    Args:
        stream: Where they write; standard error if None.
        access: Whether each request is logged, or failures only.
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
    """The client's id of a request, if a log can hold it; else a new one."""
    return given if REQUEST_ID.fullmatch(given) else f"{PROCESS}-{next(NUMBERS)}"


def log_request(fields: dict[str, Any]) -> None:
    """Writes a line of the access log."""
    if ACCESS.isEnabledFor(logging.INFO):
        ACCESS.info("%s", json.dumps(fields), extra={"fields": fields})
