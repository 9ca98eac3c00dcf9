"""Reads, scores and writes all variants of an input. If scored batches are kept in shards, an interrupted run can be resumed."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from dreamkeras.scoring.scorer import Progress
from dreamkeras.scoring.shards import Shard, Shards
from dreamkeras.variants.files import VariantSink
from dreamkeras.variants.scoring import Variants, VariantScorer, VariantSource
from dreamkeras.variants.status import StatusCounts

__all__ = ["OpenSink", "run_variants"]

OpenSink = Callable[[list[bytes]], AbstractContextManager[VariantSink]]
"""Function that takes the header of the input, checks the output, and returns a context manager that opens the output."""


def run_variants(
    source: VariantSource[Any],
    scorer: VariantScorer,
    open_sink: OpenSink,
    *,
    shards: Shards | None = None,
    progress: Progress | None = None,
) -> StatusCounts:
    """Scores all variants of a source and writes the results in order.

    Args:
        source: The variants.
        scorer: The model.
        open_sink: Function that opens the output. With `shards`, the output is opened after the last batch has been scored, otherwise
            before the first batch is scored.
        shards: Shards that keep scored batches on disk, so that a resumed run does not score these batches again. With
            shards, the source is read twice.
        progress: Called after each batch with the number of records in the batch.

    Returns:
        Allele counts by status.

    Raises:
        DreamkerasError: Variants cannot be read or scored, or results cannot be written.
    """
    if shards is not None:
        _fill(source, scorer, open_sink, shards, progress)
    summary = StatusCounts.empty()
    with source.open() as (header, batches), open_sink(header) as sink:
        if shards is None:
            answered = _scored(source, scorer, batches, progress)
        else:
            answered = zip(batches, (Variants(shard.others["statuses"], shard.values) for shard in shards), strict=True)
        for batch, variants in answered:
            sink.write(batch, source.cells(batch), variants)
            summary = summary.plus(variants.statuses, source.rows(batch), batch.lines, batch.unit)
    return summary


def _scored(
    source: VariantSource[Any], scorer: VariantScorer, batches: Iterator[Any], progress: Progress | None
) -> Iterator[tuple[Any, Variants]]:
    for batch in batches:
        yield batch, scorer.score(source.allele_windows(batch))
        if progress:
            progress(len(batch.lines))


def _fill(source: VariantSource[Any], scorer: VariantScorer, open_sink: OpenSink, shards: Shards, progress: Progress | None) -> None:
    """Scores the batches that are not in a shard yet."""
    with source.open() as (header, batches):
        open_sink(header)  # checks the output before variants are scored
        for batch in itertools.islice(batches, shards.done):
            if progress:
                progress(len(batch.lines))
        for _, variants in _scored(source, scorer, batches, progress):
            shards.add(Shard([], variants.values, others={"statuses": variants.statuses}))
