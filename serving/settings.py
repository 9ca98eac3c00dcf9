"""Settings: every limit and bound of the server, in one frozen object that is read once and passed by hand."""

import dataclasses
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dreamkeras.errors import InputError

__all__ = ["Settings", "read_settings"]

SCORERS = 1024
"""Most threads that score."""


@dataclass(frozen=True)
class Settings:
    """Limits and timeouts of the server; the defaults suit a few CPUs and windows of some hundred letters.

    Args:
        body_bytes: Largest body, and largest after decompression.
        upload_bytes: Largest file of sequences that is read, scored and answered while it comes.
        held_bytes: Bodies of all requests together that are in memory at one time; more are answered with 503.
        json_bytes: Largest JSON text in a body: it is parsed in one go, and nothing else is answered meanwhile.
        json_depth: How deep objects and lists of a JSON body may be nested.
        rows: Sequences in one request.
        header_bytes: Request line and headers together.
        header_seconds: From a connection, or from a request's first byte, to the end of its headers.
        body_seconds: Grace for a body; each `body_rate` bytes that came give a second more.
        body_rate: Slowest rate, bytes a second, at which a body may come.
        answer_seconds: How long a client may not read while an answer waits for it.
        idle_seconds: How long a connection without a request stays open.
        connections: Connections open at one time; further ones take the place of the one idle for the longest.
        scorers: Batches scored at one time, on CPUs each by one; 0: as many as there are CPUs.
        batch_rows: Most rows scored at once; below it, what is fastest is measured when a model is loaded.
        batch_bytes: Most letters scored at once, so that long windows make smaller batches; a window alone may be longer.
        delay_seconds: How long rows wait for others to fill their batch while a scorer is idle.
        queue_rows: Most rows that wait for one model.
        queue_bytes: Most letters that wait for all models.
        queue_seconds: A request is refused when what is scored before it would take longer than this.
        timeout_seconds: How long a request may take from its last byte to its answer; a client may ask for less.
        notice_seconds: From "not ready" to the closing of the port, for load balancers to look elsewhere.
        drain_seconds: How long requests in flight may take after that.

    Raises:
        InputError: A value is not positive or too large, or two do not go together.
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
            raise InputError(f"Expected scorers of at most {SCORERS}, got {self.scorers}.")
        for smaller, larger in (
            ("body_bytes", "held_bytes"),
            ("body_bytes", "upload_bytes"),
            ("json_bytes", "body_bytes"),
            ("rows", "queue_rows"),
        ):
            if getattr(self, smaller) > getattr(self, larger):
                raise InputError(f"Expected {smaller} of at most {larger}, got {getattr(self, smaller)} and {getattr(self, larger)}.")

    def batch_rows_of(self, length: int) -> int:
        """Most windows of so many letters that are scored at once."""
        return max(1, min(self.batch_rows, self.batch_bytes // length))


def read_settings(path: Path) -> Settings:
    """The settings of a TOML file; those that it does not name keep their defaults.

    Raises:
        InputError: It is no TOML, names a setting that there is not, or has a value that it cannot have.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"Expected TOML in {path}, got: {error}.") from None
    kinds = {field.name: (int,) if field.type in {"int", int} else (int, float) for field in dataclasses.fields(Settings)}
    for name, value in values.items():
        if name not in kinds:
            raise InputError(f"Expected one of {', '.join(kinds)} in {path}, got {name!r}.")
        if type(value) not in kinds[name]:
            raise InputError(f"Expected {name} to be {'a whole number' if kinds[name] == (int,) else 'a number'} in {path}, got {value!r}.")
    try:
        return Settings(**values)
    except InputError as error:
        raise InputError(f"{error} File: {path}") from None
