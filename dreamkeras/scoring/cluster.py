"""Scores many files with Ray. Each file is scored by one process, and its results are written to a separate file.

The module `pipeline` reads and scores the files, so the results are identical, byte for byte, to the results of `dreamkeras predict`.
Ray is imported when scoring starts.
"""

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from dreamkeras.environment import import_extra
from dreamkeras.errors import DreamkerasError, InputError, OnError
from dreamkeras.files.folders import claim
from dreamkeras.files.object_store import Location, is_url, locate
from dreamkeras.formats.writers import FORMATS
from dreamkeras.genome.windows import NAME, Reader
from dreamkeras.scoring.model_file import require_different
from dreamkeras.scoring.pipeline import Scored, score_records
from dreamkeras.scoring.predictor import PACKAGED_MODEL, load
from dreamkeras.scoring.ray_session import naming_failure, quiet_ray, started_ray
from dreamkeras.scoring.results import open_predictions
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer
from dreamkeras.scoring.shards import check_manifest, describe_work
from dreamkeras.scoring.skipped import Skipped

__all__ = ["FileScorer", "Work", "files_in", "score_on_ray"]


class FurtherColumns(Protocol):
    """Object that adds columns to predictions, such as `confidence.columns.ConfidenceColumns`.

    Instances must be picklable and serialisable as JSON.
    """

    def add_to(self, scorer: Scorer) -> Scorer:
        """Returns a scorer that adds columns to the predictions of `scorer`."""


class Work(NamedTuple):
    """Options that apply to all files when many files are scored on a cluster.

    Args:
        models: `.onnx` files or run folders, which every node must be able to read. If empty, the packaged model is used.
        folder: Path or URL of the folder for results, which every node must be able to write.
        format: Output format, one of `formats.writers.FORMATS`.
        reader: Object that reads records from a file.
        on_error: `"fail"` stops at a record that does not fit the construct; `"skip"` omits the record.
        batch_size: Number of sequences scored at a time.
        threads: Number of threads of each process. One CPU per thread is reserved.
        device: See `scoring.session`. With `"cuda"`, each process reserves one GPU.
        confidence: Columns to add to the predictions. If None, no columns are added.
    """

    models: tuple[str, ...]
    folder: str
    format: str = "tsv"
    reader: Reader = Reader()
    on_error: OnError = "fail"
    batch_size: int = BATCH_SIZE
    threads: int = 1
    device: str = "auto"
    confidence: FurtherColumns | None = None

    def output(self, name: str) -> str:
        """Returns the file name of the results of an input: the name of the input with the suffix of the format."""
        return f"{name}.{self.format}"


class FileScorer:
    """Scores files with a model. Ray creates one `FileScorer` per process and calls it with batches of paths."""

    def __init__(self, work: Work) -> None:
        self.work = work
        models = work.models or (str(PACKAGED_MODEL),)
        scorer = load(models, work.device, work.threads) if len(models) > 1 else load(models[0], work.device, work.threads)
        self.scorer: Scorer = work.confidence.add_to(scorer) if work.confidence else scorer

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Returns a JSON text for each file, with the keys `written`, `skipped` and `reasons`, or with the key `error` after a failure."""
        return {"outcome": np.array([json.dumps(self._score(str(path))) for path in batch["path"]])}

    def _score(self, path: str) -> dict[str, Any]:
        try:
            place, folder = locate(path), locate(self.work.folder)
            with place.fetched() as source, (folder / self.work.output(place.name)).made() as target:
                scored = self._score_file(source, target)
        except DreamkerasError as error:
            return {"error": str(error)}
        reasons = [reason.replace(source, str(place)) for reason in scored.skipped.reasons]
        return {"written": scored.written, "skipped": scored.skipped.count, "reasons": reasons}

    def _score_file(self, source: str, target: str) -> Scored:
        reader = self.work.reader if NAME in self.scorer.columns else self.work.reader.with_names([source])
        with open_predictions(target, self.scorer.columns, self.work.format, self.scorer.texts, reader.keys) as writer:
            choices: dict[str, Any] = {"on_error": self.work.on_error, "batch_size": self.work.batch_size}
            records = reader.read([source], functools.partial(print, file=sys.stderr))
            return score_records(records, self.scorer, writer, may_be_empty=True, **choices)


def files_in(paths: Sequence[str]) -> list[Location]:
    """Lists the files at the given paths. Each folder is replaced by its files, sorted by name. Hidden files are omitted.

    Raises:
        InputError: There are no files, or a path does not exist.
    """
    places = [locate(path) for path in paths]
    files = [file for place in places for file in place.files()]
    if not files:
        raise InputError(f"Found no files to score in {', '.join(map(str, places))}.")
    return files


def score_on_ray(
    paths: Sequence[str], work: Work, *, address: str | None = None, resume: bool = False, progress: Callable[[int], None] | None = None
) -> Scored:
    """Scores files on a Ray cluster. The results of each file appear in `work.folder` when the file has been scored completely.

    Args:
        paths: Paths or URLs of files, or of folders with files.
        work: The options.
        address: Address of the cluster. If None, Ray is started on this machine and stopped afterwards.
        resume: Whether to skip files that already have results. If False, the folder must be empty.
        progress: Called after each file with the number of records in the file.

    Returns:
        Numbers of written and skipped records. Records of files that already had results are not counted.

    Raises:
        ModelError: A model is given twice.
        InputError: Two inputs have the same name, or the folder contains results of a different run.
        DreamkerasError: A file cannot be read or written, or a record does not fit the construct. Results of finished files are kept for
            a later call with `resume`.
        MissingPackageError: Ray is not installed.
    """
    ray = import_extra("ray.data", "Ray for --engine ray", "ray")
    require_different(work.models)
    files = files_in(paths)
    folder = locate(work.folder)
    work = work._replace(folder=folder.text)
    with contextlib.nullcontext() if is_url(folder.text) else claim(Path(folder.text), str(folder)):  # stores have no locks
        _check(files, folder, work, resume=resume)
        return _score_left(ray, files, folder, work, address, progress)


def _score_left(
    ray: Any, files: list[Location], folder: Location, work: Work, address: str | None, progress: Callable[[int], None] | None
) -> Scored:
    """Scores the files that do not have results yet."""
    done = folder.names()
    left = [file for file in files if work.output(file.name) not in done]
    written, skipped = 0, Skipped()
    with contextlib.ExitStack() as stack:
        for file in left:
            stack.callback((folder / work.output(file.name)).remove_abandoned)
        outcomes = stack.enter_context(contextlib.closing(_outcomes(ray, [file.text for file in left], work, address)))
        for outcome in outcomes:
            if "error" in outcome:
                raise DreamkerasError(outcome["error"])
            written += outcome["written"]
            skipped += Skipped(outcome["skipped"], tuple(outcome["reasons"]))
            if progress:
                progress(outcome["written"] + outcome["skipped"])
    return Scored(written, skipped)


def _check(files: list[Location], folder: Location, work: Work, *, resume: bool) -> None:
    """Creates the output folder with a manifest, or checks that an existing manifest has the same models, inputs and options."""
    if work.format not in FORMATS:
        raise InputError(f"Expected format to be one of {', '.join(FORMATS)}, got {work.format!r}.")
    names = [file.name for file in files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"Two inputs are named {min(twice)!r}, so their results would overwrite each other. Rename one of them.")
    if not resume and folder.names():
        raise InputError(f"The output folder {folder} is not empty. Choose another -o, or continue the run with --resume.")
    texts, choices = [file.text for file in files], work._replace(models=(), folder="", threads=1)
    manifest = describe_work(work.models or (str(PACKAGED_MODEL),), texts, (), choices)
    folder.make_folder()
    check_manifest(folder, manifest)


def _outcomes(ray: Any, files: list[str], work: Work, address: str | None) -> Generator[dict[str, Any], None, None]:
    if not files:
        return
    with contextlib.nullcontext() if ray.is_initialized() else started_ray(ray, address, work.threads):
        most = max(1, min(len(files), int(ray.cluster_resources().get("CPU", 1)) // work.threads))
        with quiet_ray(ray):
            data = ray.data.from_items([{"path": path} for path in files], override_num_blocks=len(files))
            scored = data.map_batches(
                FileScorer,
                fn_constructor_args=(work,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
                num_cpus=work.threads,
                num_gpus=1 if work.device == "cuda" else None,
            )
            with naming_failure("Ray stopped"):
                for row in scored.iter_rows():
                    yield json.loads(row["outcome"])
