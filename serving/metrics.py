"""Metrics: what Prometheus reads, under Triton's names where Triton has one."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .served import ServedModel
from .service import Service
from .statistics import SIZES

__all__ = ["CONTENT_TYPE", "write_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MICROSECOND = 1000
"""In nanoseconds, which statistics are kept in."""

Labels = dict[str, str]


class _Metric(NamedTuple):
    name: str
    kind: str
    help: str


COUNTERS = {
    "nv_inference_request_success": "Requests that were answered",
    "nv_inference_count": "Rows scored",
    "nv_inference_exec_count": "Batches scored",
    "nv_inference_request_duration_us": "Microseconds of answered requests, from the queue to the answer",
    "nv_inference_queue_duration_us": "Microseconds that answered requests waited for their first batch",
    "nv_inference_compute_input_duration_us": "Microseconds in which batches of answered requests were put together",
    "nv_inference_compute_infer_duration_us": "Microseconds in which batches of answered requests were scored",
    "nv_inference_compute_output_duration_us": "Microseconds in which answers were handed out",
}
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
    for name, text in COUNTERS.items():
        lines += _family(_Metric(name, "counter", text), ((_labels(model), _counter(model, name)) for model in models))
    lines += _family(FAILURE, _failures(models))
    lines += _family(PENDING, ((_labels(model), service.batcher.waiting(model)[0]) for model in models))
    lines += _family(QUEUE_ROWS, ((_labels(model), service.batcher.waiting(model)[1]) for model in models))
    lines += _family(ROW_SECONDS, ((_labels(model), model.speed.seconds_per_row) for model in models))
    lines += _histogram(models)
    lines += _family(HELD, [({}, service.bodies.held)])
    lines += _family(RESPONSES, (({"status": str(status)}, count) for status, count in sorted(service.responses.items())))
    return "\n".join(lines) + "\n"


def _counter(model: ServedModel, name: str) -> float:
    statistics = model.statistics
    durations = {
        "request": statistics.success,
        "queue": statistics.queue,
        **dict(zip(("compute_input", "compute_infer", "compute_output"), statistics.compute, strict=True)),
    }
    counts = {
        "nv_inference_request_success": statistics.success.count,
        "nv_inference_count": statistics.rows,
        "nv_inference_exec_count": statistics.executions,
    }
    if name in counts:
        return counts[name]
    return durations[name.removeprefix("nv_inference_").removesuffix("_duration_us")].ns // MICROSECOND


def _failures(models: Iterable[ServedModel]) -> Iterator[tuple[Labels, float]]:
    for model in models:
        for reason, count in model.statistics.failures.items():
            yield {**_labels(model), "reason": reason}, count


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
