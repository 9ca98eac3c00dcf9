"""The options of `predict` for many files on a Ray cluster, and the command's part there. click only, until it runs."""

from typing import TYPE_CHECKING, Any

import click

from .shared import ENGINES, add_options

if TYPE_CHECKING:
    from dreamkeras.confidence.columns import ConfidenceColumns
    from dreamkeras.genome.windows import Reader
    from dreamkeras.scoring.pipeline import Scored

    from .scoring import Scoring

__all__ = ["check_cluster", "cluster_options", "predict_on_cluster"]

cluster_options = add_options(
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default=ENGINES[0],
        show_default=True,
        help="ray scores many files at once, or folders of them, each to a file of its own in the folder -o; all may be URLs.",
    ),
    click.option("--ray-address", metavar="ADDRESS", help="The cluster's.  [default: Ray is started on this machine]"),
)


def check_cluster(inputs: tuple[str, ...], output: str, engine: str, address: str | None, *, is_track: bool, is_measured: bool) -> None:
    """Refuses inputs, outputs and options that do not go with the engine."""
    from dreamkeras.files.inputs import require_file
    from dreamkeras.files.object_store import is_url
    from dreamkeras.files.streams import is_stream

    if engine != "ray":
        if any(map(is_url, (*inputs, output))):
            raise click.UsageError(f"Expected --engine ray for URLs, got {engine}.")
        if address is not None:
            raise click.UsageError(f"Expected --engine ray for --ray-address, got {engine}.")
        return
    if is_stream(output):
        raise click.UsageError("Expected a folder -o beside --engine ray, got standard output or another stream.")
    for path in inputs:
        require_file(path, "with --engine ray, processes of the cluster read it")
    if is_track:
        raise click.UsageError("Expected a table for --engine ray, got a track, which is one file.")
    if is_measured:
        raise click.UsageError("Expected numbers beside --engine ray, got auto: processes may be on machines of several kinds.")


def predict_on_cluster(
    given: "Scoring", reader: "Reader", confidence: "ConfidenceColumns | None", address: str | None, *, resume: bool, **choices: Any
) -> "Scored":
    """Scores the files, with progress; `choices` are those of `pipeline.score_records`."""
    from dreamkeras.scoring.cluster import Work, score_on_ray

    from ..progress import show_records

    options = {"device": given.device, "threads": int(given.threads or 1), "confidence": confidence, **choices}
    work = Work(given.models, given.output, given.format or "tsv", reader, **options)
    with show_records() as progress:
        return score_on_ray(given.inputs, work, address=address, resume=resume, progress=progress)
