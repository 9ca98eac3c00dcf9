"""Records to predictions: cut, predict, write, in bounded memory however many there are. Knows nothing about files."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.scoring.distinct import distinct_rows
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer
from dreamkeras.scoring.shards import SHARD, Shard, Shards, in_shards, join_shards
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.records import Records

__all__ = ["ON_ERROR", "Scored", "Sink", "score_into_shards", "score_records", "write_parts"]

ON_ERROR = ("fail", "skip")

REASONS = 5
"""How many skipped records are told with their reason."""


class Sink(Protocol):
    """What predictions go to: a table's writer, or a track's."""

    def write(self, ids: Sequence[str], values: np.ndarray) -> None:
        """Takes n names and their values, float32 (n, columns)."""


class Scored(NamedTuple):
    """What became of some records.

    Args:
        written: Records whose predictions were written.
        skipped: Records left out because they do not fit the construct.
        reasons: Why, for the first few of those left out.
    """

    written: int
    skipped: int
    reasons: list[str]


class _Cut(NamedTuple):
    """A batch ready for the model: the names and, for each construct, windows of the records that fit; and why the others do not."""

    ids: list[str]
    windows: list[np.ndarray]
    problems: list[str]


def score_records(
    records: Iterable[Records],
    predictor: Scorer,
    writer: Sink,
    *,
    on_error: Literal["fail", "skip"] = "fail",
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> Scored:
    """Predicts every record, in order, under its own name; the same window in a batch of records once.

    Args:
        records: Batches of records.
        predictor: The model or ensemble.
        writer: Takes the predictions as they come.
        on_error: What a record that does not fit the construct does: `"fail"` raises, `"skip"` leaves it out.
        batch_size: Sequences scored at once.
        progress: Told after each batch how many records it had.

    Returns:
        What was written and what was skipped.

    Raises:
        InputError: A record does not fit and `on_error` is `"fail"`; none fits.
    """
    _check_on_error(on_error)
    return write_parts((_predict(batch, predictor, on_error, batch_size, progress) for batch in records), writer)


def score_into_shards(
    records: Iterable[Records],
    predictor: Scorer,
    shards: Shards,
    *,
    on_error: Literal["fail", "skip"] = "fail",
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Predicts every record that no shard holds yet; `write_parts` hands on what they hold then.

    Args and errors are those of `score_records`, but that the records are all of them each time, those that shards hold first.
    """
    _check_on_error(on_error)
    for pieces in in_shards(records, SHARD, shards.done, progress):
        shards.add(join_shards([_predict(batch, predictor, on_error, batch_size, progress) for batch in pieces], REASONS))


def write_parts(parts: Iterable[Shard], writer: Sink) -> Scored:
    """Writes predictions in order.

    Args:
        parts: Predictions, such as those of `Shards`.
        writer: Takes them.

    Returns:
        What was written and what was skipped.

    Raises:
        InputError: All were skipped.
    """
    written, skipped = 0, 0
    reasons: list[str] = []
    for part in parts:
        if part.ids:
            writer.write(part.ids, part.values)
        written += len(part.ids)
        skipped += part.skipped
        reasons += part.reasons[: REASONS - len(reasons)]
    if not written:
        raise InputError(f"Expected a sequence that fits the model, got none among {skipped:,}; the first: {reasons[0]}.")
    return Scored(written, skipped, reasons)


def _check_on_error(on_error: str) -> None:
    if on_error not in ON_ERROR:
        raise InputError(f"Expected on_error to be one of {', '.join(ON_ERROR)}, got {on_error!r}.")


def _predict(records: Records, predictor: Scorer, on_error: str, batch_size: int, progress: Callable[[int], None] | None) -> Shard:
    cut = _cut_or_fail if on_error == "fail" else _cut_or_skip
    ids, windows, problems = cut(predictor.constructs, records)
    if not ids:
        return Shard([], np.empty((0, len(predictor.columns)), np.float32), len(problems), problems[:REASONS])
    found = distinct_rows(windows)
    if found is None:
        values = predictor.score_windows(windows, batch_size, progress)
    else:
        first, places = found
        values = predictor.score_windows([letters[first] for letters in windows], batch_size, progress)[places]
        if progress:
            progress(len(ids) - len(first))
    return Shard(ids, values, len(problems), problems[:REASONS])


def _cut_or_fail(constructs: Sequence[Construct], records: Records) -> _Cut:
    return _Cut(records.ids, [construct.cut(records) for construct in constructs], [])


def _cut_or_skip(constructs: Sequence[Construct], records: Records) -> _Cut:
    """A record is left out of all constructs where it does not fit one."""
    problems: dict[int, str] = {}
    for construct in constructs:
        problems = {**construct.problems(records.sequences), **problems}
    places = [f"{problems[i]} in {records.place(i)}" for i in sorted(problems)]
    if problems:
        fits = np.ones(len(records.ids), bool)
        fits[list(problems)] = False
        records = records.select(fits)
    return _Cut(records.ids, [construct.windows(records.sequences) for construct in constructs], places)
