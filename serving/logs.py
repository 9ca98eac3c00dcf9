"""Logs: one JSON object a line on standard error, for requests and for what goes wrong."""

import datetime
import json
import logging
import sys
from typing import Any, TextIO

__all__ = ["JsonLines", "write_logs"]

LOGGERS = ("dreamkeras.serving", "uvicorn.error")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; what stands in its `fields` are members of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        line: dict[str, Any] = {"time": when, "level": record.levelname, **(fields or {"message": record.getMessage()})}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def write_logs(stream: TextIO | None = None, *, access: bool = True) -> None:
    """Has the server's loggers write.

    Args:
        stream: Where to; standard error if None.
        access: Whether each request gets a line, and not only what goes wrong.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    logging.getLogger("dreamkeras.serving.access").setLevel(logging.INFO if access else logging.WARNING)
