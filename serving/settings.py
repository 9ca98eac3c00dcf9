"""Settings: all limits and timeouts of the server, in one immutable object that is read once at the start."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.documents import read_toml

__all__ = ["Settings", "read_settings"]

SCORERS = 1024
"""Maximum number of scoring threads."""


@dataclass(frozen=True)
class Settings:
    """Limits and timeouts of the server. The defaults suit a machine with a few CPUs and windows of a few hundred bases.

    Args:
        body_bytes: Maximum size of a request body, before and after decompression.
        upload_bytes: Maximum size of an uploaded file of sequences, which is scored while it is received.
        held_bytes: Maximum total size of request bodies in memory. Requests that would exceed this size get status 503.
        json_bytes: Maximum size of JSON in a request or answer. The server answers no other request while it parses or writes JSON.
        json_depth: Maximum nesting depth of a JSON body.
        rows: Maximum number of sequences in one inference request over /v2 or gRPC.
        header_bytes: Maximum size of the request line and the headers together.
        header_seconds: Time limit for receiving the headers, counted from the opening of the connection or from the first byte of a later
            request.
        body_seconds: Time limit for a body. The limit is extended by a second for every `body_rate` bytes received.
        body_rate: Minimum rate at which a body must be received, in bytes per second.
        answer_seconds: Time after which a connection is closed if the client does not read the response.
        idle_seconds: Time after which a connection is closed if it receives no further request.
        connections: Maximum number of open connections. If a client opens a further connection, the server closes a connection on which no
            request is being processed.
        scorers: Number of batches scored at the same time, each on one CPU. 0 means the number of CPUs.
        batch_rows: Maximum number of rows in a batch. The fastest batch size up to this number is measured when a model is loaded.
        batch_bytes: Maximum number of bases in a batch, so that batches of long windows have fewer rows. A window with more bases than this
            maximum is scored alone.
        delay_seconds: Time that rows wait for further rows to fill a batch, even if a scoring thread is idle.
        queue_rows: Maximum number of waiting rows for one model.
        queue_bytes: Maximum number of waiting bases for all models together.
        queue_seconds: Maximum expected waiting time. A request with a longer expected waiting time is refused.
        timeout_seconds: Time limit from the last byte of a request to its answer. A client may set a shorter limit.
        notice_seconds: Time between reporting "not ready" and closing the port at shutdown, so that load balancers stop sending requests.
        drain_seconds: Time limit for requests in flight at shutdown, after the port has been closed.

    Raises:
        InputError: A value is not positive or is too large, or two values contradict each other.
    """

    body_bytes: int = 64 << 20
    upload_bytes: int = 16 << 30
    held_bytes: int = 512 << 20
    json_bytes: int = 4 << 20
    json_depth: int = 16
    rows: int = 8192
    header_bytes: int = 32 << 10
    header_seconds: float = 10
    body_seconds: float = 10
    body_rate: int = 64 << 10
    answer_seconds: float = 30
    idle_seconds: float = 75
    connections: int = 1000
    scorers: int = 0
    batch_rows: int = 1024
    batch_bytes: int = 1 << 18
    delay_seconds: float = 0.001
    queue_rows: int = 1 << 16
    queue_bytes: int = 64 << 20
    queue_seconds: float = 5
    timeout_seconds: float = 60
    notice_seconds: float = 5
    drain_seconds: float = 60

    def __post_init__(self) -> None:
        may_be_0 = {"scorers", "delay_seconds", "notice_seconds"}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < math.inf or (value == 0 and field.name not in may_be_0):
                wanted = "0 or positive" if field.name in may_be_0 else "positive"
                raise InputError(f"Expected {field.name} to be {wanted}, got {value}.")
        if self.scorers > SCORERS:
            raise InputError(f"Expected scorers to be at most {SCORERS}, got {self.scorers}.")
        for smaller, larger in (
            ("body_bytes", "held_bytes"),
            ("body_bytes", "upload_bytes"),
            ("json_bytes", "body_bytes"),
            ("rows", "queue_rows"),
        ):
            if getattr(self, smaller) > getattr(self, larger):
                raise InputError(f"Expected {smaller} to be at most {larger} ({getattr(self, larger)}), got {getattr(self, smaller)}.")

    def batch_rows_of(self, length: int) -> int:
        """Returns the maximum number of windows of the given length in a batch."""
        return max(1, min(self.batch_rows, self.batch_bytes // length))


def read_settings(path: Path) -> Settings:
    """Reads settings from a TOML file. Settings that are missing from the file keep their defaults.

    Raises:
        InputError: The file is not valid TOML, or has an unknown setting or an invalid value.
    """
    values = read_toml(path)
    kinds = {field.name: (int,) if field.type in {"int", int} else (int, float) for field in dataclasses.fields(Settings)}
    for name, value in values.items():
        if name not in kinds:
            raise InputError(f"Unknown setting {name!r} in '{path}'. Settings: {', '.join(kinds)}.")
        if type(value) not in kinds[name]:
            raise InputError(f"Expected {name} to be {'a whole number' if kinds[name] == (int,) else 'a number'} in {path}, got {value!r}.")
    try:
        return Settings(**values)
    except InputError as error:
        raise InputError(f"{error} File: {path}") from None
