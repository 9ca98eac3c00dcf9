"""Cuts records into windows, scores the windows and writes the predictions concurrently. Opens no files.

Memory use does not depend on the number of records.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from dreamkeras.errors import InputError, OnError, check_on_error, none_of
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer
from dreamkeras.scoring.shards import SHARD, Shard, Shards, in_shards, join_shards
from dreamkeras.scoring.skipped import Skipped, leave_out
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS, Records

__all__ = ["PredictionSink", "Scored", "overlapped", "score_into_shards", "score_records", "write_parts"]

GATHERED = BATCH_ROWS
"""Maximum number of windows in a batch for the model. Small batches are joined into batches of at most this size."""

AHEAD = 2
"""Number of batches that wait for the model while later batches are read and earlier batches are written."""

NAMES = "names"
"""Key of the names of records in `Shard.others`."""

_Batch = TypeVar("_Batch")
_Found = TypeVar("_Found")


class PredictionSink(Protocol):
    """Writer of a table or a track."""

    def write(self, ids: Sequence[str], values: np.ndarray, labels: Sequence[Sequence[str]] = ()) -> None:
        """Writes the ids of n records, their predictions, float32 (n, columns), and further columns of n texts."""


class Scored(NamedTuple):
    """Result of a prediction: the number of written records, and the skipped records."""

    written: int
    skipped: Skipped


class _Cut(NamedTuple):
    """Result of cutting records into windows. For each construct, one array contains the windows of the records that were not skipped.

    `codes` contains the result of `Scorer.text_codes` for the records that were not skipped.
    """

    ids: list[str]
    windows: list[np.ndarray]
    codes: np.ndarray
    skipped: Skipped
    names: list[str] | None


def score_records(
    records: Iterable[Records],
    scorer: Scorer,
    writer: PredictionSink,
    *,
    on_error: OnError = "fail",
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
    may_be_empty: bool = False,
) -> Scored:
    """Predicts all records and writes the predictions in order. A window is not scored again if it is among the latest windows in memory.

    Args:
        records: Batches of records.
        scorer: The model or ensemble.
        writer: Writes the predictions of each batch.
        on_error: `"fail"` raises an error at a record that does not fit the construct; `"skip"` omits the record.
        batch_size: Number of sequences scored at a time.
        progress: Called after each batch with the number of records in the batch.
        may_be_empty: Whether all records may be skipped without an error.

    Returns:
        Numbers of records written and skipped.

    Raises:
        InputError: A record does not fit the construct and `on_error` is `"fail"`, or no record fits and `may_be_empty` is False.
    """
    check_on_error(on_error)
    with contextlib.closing(_predict(records, scorer, on_error, batch_size, progress)) as parts:
        return write_parts(parts, writer, may_be_empty=may_be_empty)


def score_into_shards(
    records: Iterable[Records],
    scorer: Scorer,
    shards: Shards,
    *,
    on_error: OnError = "fail",
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Predicts the records that are not in a shard yet, and adds the predictions to `shards`.

    Use `write_parts` to write all predictions afterwards. See `score_records` for the arguments and errors. `records` must contain all
    records of the input, including the records in finished shards.
    """
    check_on_error(on_error)
    for pieces in in_shards(records, SHARD, shards.done, progress):
        shards.add(join_shards(list(_predict(pieces, scorer, on_error, batch_size, progress))))


def write_parts(parts: Iterable[Shard], writer: PredictionSink, *, may_be_empty: bool = False) -> Scored:
    """Writes predictions in order, for example the predictions in `Shards`.

    Raises:
        InputError: All records were skipped, and `may_be_empty` is false.
    """
    written, skipped = 0, Skipped()
    for part in parts:
        if part.ids:
            labels = [part.others[NAMES].tolist()] if NAMES in part.others else []
            writer.write(part.ids, part.values, labels)
        written += len(part.ids)
        skipped += part.skipped
    if not written and not may_be_empty:
        raise InputError(f"{none_of(skipped.count, 'sequence')} fits the model. The first one: {skipped.reasons[0]}.")
    return Scored(written, skipped)


def _predict(
    records: Iterable[Records], scorer: Scorer, on_error: str, batch_size: int, progress: Callable[[int], None] | None
) -> Generator[Shard, None, None]:
    # Each shard uses a new DistinctScorer, so that the predictions in a shard do not depend on earlier shards.
    distinct = DistinctScorer(scorer)

    def score(gathered: _Cut, tell: Callable[[int], None]) -> Shard:
        ids, windows, codes, skipped, names = gathered
        values = distinct.score(windows, batch_size, tell) if ids else np.empty((0, len(scorer.predicted_columns)), np.float32)
        return Shard(ids, scorer.add_columns(values, codes), skipped, {} if names is None else {NAMES: np.array(names, np.str_)})

    return overlapped(_gathered(_cut(scorer, batch, on_error) for batch in records), score, progress)


def overlapped(
    batches: Iterable[_Batch], score: Callable[[_Batch, Callable[[int], None]], _Found], progress: Callable[[int], None] | None
) -> Generator[_Found, None, None]:
    """Scores batches in order in a separate thread, while the caller reads the next batch and writes the previous one.

    The caller may close the generator at any time.

    Args:
        batches: The batches.
        score: Function that scores a batch. The second argument of `score` is a function to call with the number of finished sequences.
        progress: Called with the number of finished sequences.
    """
    stopped = threading.Event()

    def tell(number: int) -> None:
        if stopped.is_set():
            raise _StoppedError
        if progress:
            progress(number)

    waiting: deque[Future[_Found]] = deque()
    pool = ThreadPoolExecutor(1, "score")
    try:
        for batch in batches:
            waiting.append(pool.submit(score, batch, tell))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


class _StoppedError(Exception):
    """Raised in the scoring thread to cancel a batch, after the caller of `overlapped` has closed the generator."""


def _gathered(cuts: Iterable[_Cut]) -> Iterator[_Cut]:
    """Joins small batches into larger ones. Batches are small if records are long or if most records are skipped."""
    waiting: list[_Cut] = []
    rows, letters = 0, 0
    for cut in cuts:
        size = sum(windows.size for windows in cut.windows)
        if waiting and (rows + len(cut.ids) > GATHERED or letters + size > BATCH_LETTERS or len(waiting) == GATHERED):
            yield _joined(waiting)
            waiting, rows, letters = [], 0, 0
        waiting.append(cut)
        rows += len(cut.ids)
        letters += size
    if waiting:
        yield _joined(waiting)


def _joined(cuts: list[_Cut]) -> _Cut:
    return _Cut(
        [name for cut in cuts for name in cut.ids],
        [np.concatenate(parts) for parts in zip(*(cut.windows for cut in cuts), strict=True)],
        np.concatenate([cut.codes for cut in cuts]),
        sum((cut.skipped for cut in cuts), Skipped()),
        None if cuts[0].names is None else [name for cut in cuts for name in cut.names or ()],
    )


def _cut(scorer: Scorer, records: Records, on_error: str) -> _Cut:
    """Cuts records into windows for each construct of the scorer.

    If `on_error` is `"skip"`, a record that does not fit one of the constructs is omitted for all constructs.
    """
    if on_error == "fail":
        windows, skipped = [construct.cut(records) for construct in scorer.constructs], Skipped()
    else:
        problems: dict[int, str] = {}
        for construct in scorer.constructs:
            problems = {**construct.problems(records.sequences), **problems}
        records, skipped = leave_out(records, problems)
        windows = [construct.windows(records.sequences) for construct in scorer.constructs]
    return _Cut(records.ids, windows, scorer.text_codes(records.sequences), skipped, records.names)
