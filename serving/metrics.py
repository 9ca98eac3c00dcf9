"""Formats the metrics of a server for Prometheus. Metrics that also exist in Triton have the same names as in Triton."""

from collections.abc import Callable, Iterator, Sequence

from .service import Service
from .statistics import SIZES, Statistics

__all__ = ["CONTENT_TYPE", "write_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MICROSECOND = 1000
"""Nanoseconds in a microsecond. Statistics are stored in nanoseconds."""

Labels = dict[str, str]


COUNTERS: dict[str, tuple[str, Callable[[Statistics], float]]] = {
    "request_success": ("Number of answered requests", lambda of: of.success.count),
    "count": ("Number of scored rows", lambda of: of.rows),
    "exec_count": ("Number of scored batches", lambda of: of.executions),
    "request_duration_us": (
        "Total time of answered requests from the queue to the answer, in microseconds",
        lambda of: of.success.ns // MICROSECOND,
    ),
    "queue_duration_us": (
        "Total time that answered requests waited in the queue until their first batch, in microseconds",
        lambda of: of.queue.ns // MICROSECOND,
    ),
    "compute_input_duration_us": (
        "Total time for assembling the batches of answered requests, in microseconds",
        lambda of: of.compute.compute_input.ns // MICROSECOND,
    ),
    "compute_infer_duration_us": (
        "Total time for scoring the batches of answered requests, in microseconds",
        lambda of: of.compute.compute_infer.ns // MICROSECOND,
    ),
    "compute_output_duration_us": (
        "Total time for distributing the predictions of a batch to its requests, in microseconds",
        lambda of: of.compute.compute_output.ns // MICROSECOND,
    ),
}
"""Metrics `nv_inference_*` of each model: a description, and a function that computes the value from the model's statistics."""

BATCH_ROWS = "dreamkeras_batch_rows"


def write_metrics(service: Service) -> str:
    """Returns all metrics of a server in the Prometheus text format."""
    models = [({"model": model.name, "version": model.version}, model) for model in service.models.ready]
    failures = [({**labels, "reason": reason}, count) for labels, model in models for reason, count in model.statistics.failures.items()]
    waiting = [(labels, *service.batcher.waiting(model)) for labels, model in models]
    speeds = [(labels, model.speed.seconds_per_row) for labels, model in models]
    responses = [({"status": str(status)}, count) for status, count in sorted(service.responses.items())]
    lines: list[str] = []
    for name, (text, value) in COUNTERS.items():
        lines += _family(f"nv_inference_{name}", "counter", text, [(labels, value(model.statistics)) for labels, model in models])
    lines += _family("nv_inference_request_failure", "counter", "Number of failed requests, by reason", failures)
    lines += _family(
        "nv_inference_pending_request_count", "gauge", "Number of waiting requests", [(labels, jobs) for labels, jobs, _ in waiting]
    )
    lines += _family("dreamkeras_queue_rows", "gauge", "Number of waiting rows", [(labels, rows) for labels, _, rows in waiting])
    lines += _family("dreamkeras_row_seconds", "gauge", "Recent scoring time per row, in seconds", speeds)
    lines += _family(BATCH_ROWS, "histogram", "Rows per batch", [])
    lines += [line for labels, model in models for line in _histogram(labels, model.statistics)]
    lines += _family("dreamkeras_held_bytes", "gauge", "Size of request bodies in memory, in bytes", [({}, service.bodies.held)])
    lines += _family("dreamkeras_http_responses", "counter", "Number of HTTP responses, by status", responses)
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
    # Names and versions of models contain no character that needs escaping, see `check_name`.
    shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"
