"""Metrics for Prometheus, under Triton's names where Triton has one."""

from collections.abc import Callable, Iterator, Sequence

from .service import Service
from .statistics import SIZES, Statistics

__all__ = ["CONTENT_TYPE", "write_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MICROSECOND = 1000
"""In nanoseconds, which statistics are kept in."""

Labels = dict[str, str]


COUNTERS: dict[str, tuple[str, Callable[[Statistics], float]]] = {
    "request_success": ("Requests that were answered", lambda of: of.success.count),
    "count": ("Rows scored", lambda of: of.rows),
    "exec_count": ("Batches scored", lambda of: of.executions),
    "request_duration_us": (
        "Microseconds of answered requests, from the queue to the answer",
        lambda of: of.success.ns // MICROSECOND,
    ),
    "queue_duration_us": ("Microseconds that answered requests waited for their first batch", lambda of: of.queue.ns // MICROSECOND),
    "compute_input_duration_us": (
        "Microseconds in which batches of answered requests were put together",
        lambda of: of.compute.compute_input.ns // MICROSECOND,
    ),
    "compute_infer_duration_us": (
        "Microseconds in which batches of answered requests were scored",
        lambda of: of.compute.compute_infer.ns // MICROSECOND,
    ),
    "compute_output_duration_us": (
        "Microseconds in which answers were handed out",
        lambda of: of.compute.compute_output.ns // MICROSECOND,
    ),
}
"""Metrics `nv_inference_*` of each model: their descriptions, and their values in its statistics."""

BATCH_ROWS = "dreamkeras_batch_rows"


def write_metrics(service: Service) -> str:
    """All metrics of a server, in Prometheus' text format."""
    models = [({"model": model.name, "version": model.version}, model) for model in service.models.ready]
    failures = [({**labels, "reason": reason}, count) for labels, model in models for reason, count in model.statistics.failures.items()]
    waiting = [(labels, *service.batcher.waiting(model)) for labels, model in models]
    speeds = [(labels, model.speed.seconds_per_row) for labels, model in models]
    responses = [({"status": str(status)}, count) for status, count in sorted(service.responses.items())]
    lines: list[str] = []
    for name, (text, value) in COUNTERS.items():
        lines += _family(f"nv_inference_{name}", "counter", text, [(labels, value(model.statistics)) for labels, model in models])
    lines += _family("nv_inference_request_failure", "counter", "Requests that were not answered, by reason", failures)
    lines += _family("nv_inference_pending_request_count", "gauge", "Requests that wait", [(labels, jobs) for labels, jobs, _ in waiting])
    lines += _family("dreamkeras_queue_rows", "gauge", "Rows that wait", [(labels, rows) for labels, _, rows in waiting])
    lines += _family("dreamkeras_row_seconds", "gauge", "Seconds that a row has taken lately", speeds)
    lines += _family(BATCH_ROWS, "histogram", "Rows of a batch", [])
    lines += [line for labels, model in models for line in _histogram(labels, model.statistics)]
    lines += _family("dreamkeras_held_bytes", "gauge", "Bytes of request bodies in memory", [({}, service.bodies.held)])
    lines += _family("dreamkeras_http_responses", "counter", "Answers, by HTTP status", responses)
    return "\n".join(lines) + "\n"


def _histogram(labels: Labels, statistics: Statistics) -> Iterator[str]:
    sizes = {rows: compute.compute_infer.count for rows, compute in list(statistics.batches.items())}
    for end in SIZES:
        yield _sample(f"{BATCH_ROWS}_bucket", {**labels, "le": str(end)}, sum(count for rows, count in sizes.items() if rows <= end))
    yield _sample(f"{BATCH_ROWS}_bucket", {**labels, "le": "+Inf"}, sum(sizes.values()))
    yield _sample(f"{BATCH_ROWS}_sum", labels, sum(rows * count for rows, count in sizes.items()))
    yield _sample(f"{BATCH_ROWS}_count", labels, sum(sizes.values()))


def _family(name: str, kind: str, text: str, samples: Sequence[tuple[Labels, float]]) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *(_sample(name, labels, value) for labels, value in samples)]


def _sample(name: str, labels: Labels, value: float) -> str:
    # Models' names and versions hold nothing that would have to be escaped; see `check_name`.
    shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"
