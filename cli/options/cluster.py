"""Options of `predict` for scoring many files on a Ray cluster. At import, the module loads only click."""

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
        help="With local, this machine scores the files. With ray, a Ray cluster scores many files, or folders of files, in parallel. "
        "For each input file, ray writes one result file into the folder given with -o. With ray, paths may be URLs.",
    ),
    click.option("--ray-address", metavar="ADDRESS", help="Address of the Ray cluster.  [default: start Ray on this machine]"),
)


def check_cluster(inputs: tuple[str, ...], output: str, engine: str, address: str | None, *, is_track: bool, is_measured: bool) -> None:
    """Refuses inputs, outputs and options that the engine does not support.

    Raises:
        InputError: An input is a stream, which Ray does not support.
        click.UsageError: A URL or `--ray-address` is given without `--engine ray`. With `--engine ray`, the output is a stream or a
            track, or the batch size or the number of threads is `auto`.
    """
    from dreamkeras.files.inputs import require_file
    from dreamkeras.files.object_store import is_url
    from dreamkeras.files.streams import is_stream

    if engine != "ray":
        if any(map(is_url, (*inputs, output))):
            raise click.UsageError(f"URLs require --engine ray, got {engine}.")
        if address is not None:
            raise click.UsageError(f"--ray-address requires --engine ray, got {engine}.")
        return
    if is_stream(output):
        raise click.UsageError(
            f"--engine ray requires a folder as -o, got {'standard output' if output == '-' else f'the stream {output}'}."
        )
    for path in inputs:
        require_file(path, "with --engine ray, the processes of the cluster read the file")
    if is_track:
        raise click.UsageError("--engine ray cannot write a track, only a table.")
    if is_measured:
        raise click.UsageError("--engine ray requires numbers for --batch-size and --threads, got auto: machines of a cluster may differ.")


def predict_on_cluster(
    given: "Scoring", reader: "Reader", confidence: "ConfidenceColumns | None", address: str | None, *, resume: bool, **choices: Any
) -> "Scored":
    """Scores the files on Ray and shows progress. `choices` are keyword arguments of `pipeline.score_records`."""
    from dreamkeras.scoring.cluster import Work, score_on_ray

    from ..progress import show_records

    options = {"device": given.device, "threads": int(given.threads or 1), "confidence": confidence, **choices}
    work = Work(given.models, given.output, given.format or "tsv", reader, **options)
    with show_records() as progress:
        return score_on_ray(given.inputs, work, address=address, resume=resume, progress=progress)
