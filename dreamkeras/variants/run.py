"""One run over variants from files to a file: read, asked, kept if it may have to go on after a kill, written."""

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
"""Called with a header, it refuses an output that will not do; entering what it returns opens the output."""


def run_variants(
    source: VariantSource[Any],
    scorer: VariantScorer,
    open_sink: OpenSink,
    *,
    shards: Shards | None = None,
    progress: Progress | None = None,
) -> StatusCounts:
    """Scores all variants of a source and writes them in order.

    Args:
        source: The variants.
        scorer: The model.
        open_sink: Opens the output, before the first is scored or, with `shards`, after the last.
        shards: Keep batches that were scored, which are not scored again. The source is then read twice.
        progress: Called after each batch with its number of records.

    Returns:
        Allele counts by status.

    Raises:
        DreamkerasError: Something cannot be read, scored or written.
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
            summary = summary.plus(variants.statuses, source.rows(batch), batch.lines)
    return summary


def _scored(
    source: VariantSource[Any], scorer: VariantScorer, batches: Iterator[Any], progress: Progress | None
) -> Iterator[tuple[Any, Variants]]:
    for batch in batches:
        yield batch, scorer.score(source.allele_windows(batch))
        if progress:
            progress(len(batch.lines))


def _fill(source: VariantSource[Any], scorer: VariantScorer, open_sink: OpenSink, shards: Shards, progress: Progress | None) -> None:
    """Scores the batches that no shard holds yet."""
    with source.open() as (header, batches):
        open_sink(header)  # so that what is wrong with the output is told before the work, not after it
        for batch in itertools.islice(batches, shards.done):
            if progress:
                progress(len(batch.lines))
        for _, variants in _scored(source, scorer, batches, progress):
            shards.add(Shard([], variants.values, others={"statuses": variants.statuses}))
