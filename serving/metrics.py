"""Metrics: what Prometheus reads, under Triton's names where Triton has one."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .served_model import ServedModel
from .service import Service
from .statistics import SIZES, Statistics

__all__ = ["CONTENT_TYPE", "write_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MICROSECOND = 1000
"""In nanoseconds, which statistics are kept in."""

Labels = dict[str, str]


class _Metric(NamedTuple):
    name: str
    kind: str
    help: str


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

FAILURE = _Metric("nv_inference_request_failure", "counter", "Requests that were not answered, by reason")
PENDING = _Metric("nv_inference_pending_request_count", "gauge", "Requests that wait")
QUEUE_ROWS = _Metric("dreamkeras_queue_rows", "gauge", "Rows that wait")
BATCH_ROWS = _Metric("dreamkeras_batch_rows", "histogram", "Rows of a batch")
ROW_SECONDS = _Metric("dreamkeras_row_seconds", "gauge", "Seconds that a row has taken lately")
HELD = _Metric("dreamkeras_held_bytes", "gauge", "Bytes of request bodies in memory")
RESPONSES = _Metric("dreamkeras_http_responses", "counter", "Answers, by HTTP status")


def write_metrics(service: Service) -> str:
    """All metrics of a server, in Prometheus' text format."""
    models = service.models.ready
    lines: list[str] = []
    for name, (text, value) in COUNTERS.items():
        lines += _family(_Metric(f"nv_inference_{name}", "counter", text), ((_labels(model), value(model.statistics)) for model in models))
    failures = (({**_labels(model), "reason": reason}, count) for model in models for reason, count in model.statistics.failures.items())
    lines += _family(FAILURE, failures)
    lines += _family(PENDING, ((_labels(model), service.batcher.waiting(model)[0]) for model in models))
    lines += _family(QUEUE_ROWS, ((_labels(model), service.batcher.waiting(model)[1]) for model in models))
    lines += _family(ROW_SECONDS, ((_labels(model), model.speed.seconds_per_row) for model in models))
    lines += _histogram(models)
    lines += _family(HELD, [({}, service.bodies.held)])
    lines += _family(RESPONSES, (({"status": str(status)}, count) for status, count in sorted(service.responses.items())))
    return "\n".join(lines) + "\n"


def _histogram(models: Iterable[ServedModel]) -> list[str]:
    lines = _head(BATCH_ROWS)
    for model in models:
        sizes = {rows: compute.compute_infer.count for rows, compute in list(model.statistics.batches.items())}
        for end in SIZES:
            labels = {**_labels(model), "le": str(end)}
            lines.append(_sample(f"{BATCH_ROWS.name}_bucket", labels, sum(count for rows, count in sizes.items() if rows <= end)))
        lines.append(_sample(f"{BATCH_ROWS.name}_bucket", {**_labels(model), "le": "+Inf"}, sum(sizes.values())))
        lines.append(_sample(f"{BATCH_ROWS.name}_sum", _labels(model), sum(rows * count for rows, count in sizes.items())))
        lines.append(_sample(f"{BATCH_ROWS.name}_count", _labels(model), sum(sizes.values())))
    return lines


def _family(metric: _Metric, samples: Iterable[tuple[Labels, float]]) -> list[str]:
    return [*_head(metric), *(_sample(metric.name, labels, value) for labels, value in samples)]


def _head(metric: _Metric) -> list[str]:
    return [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]


def _sample(name: str, labels: Labels, value: float) -> str:
    # Models' names and versions hold nothing that would have to be escaped; see `check_name`.
    shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def _labels(model: ServedModel) -> Labels:
    return {"model": model.name, "version": model.version}
