"""Measures the effects of ablation, in which a span of an insert is shuffled or replaced by N."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError, OnError
from dreamkeras.explain.mutagenesis import BatchResult, fitting_batches
from dreamkeras.explain.mutants import common_inserts, fit_problems, require_fit
from dreamkeras.explain.names import ABLATION_METHODS
from dreamkeras.explain.parts import Span, explained_parts
from dreamkeras.explain.spans import RegionSpans, Spans
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.alphabet import N
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_LETTERS, Records
from dreamkeras.sequence.shuffle import shuffle_dinucleotides, shuffle_letters

__all__ = ["METHODS", "Ablation", "Ablator"]

AT_ONCE = 8192
"""Maximum number of ablated sequences in memory at a time. If windows are long, the number is smaller."""


class Ablation(NamedTuple):
    """Effects of ablating spans of sequences.

    Args:
        ids: n names of sequences.
        inserts: The n unchanged inserts of the sequences.
        spans: The m spans that were ablated. For a genomic window that begins before its contig, positions are counted from the first base
            of the contig.
        reference: Predictions for the unchanged sequences, float32 (n, tasks).
        effects: Mean prediction over the ablated sequences minus the reference, float32 (m, tasks). The effect is negative if the span
            increases the prediction, and NaN if every shuffle of the span is equal to the span.
        sd: Standard deviation of the effects over the shuffles of a span, float32 (m, tasks), or None with a single shuffle.
    """

    ids: list[str]
    inserts: Ragged
    spans: Spans
    reference: np.ndarray
    effects: np.ndarray
    sd: np.ndarray | None


def _unknown(spans: Ragged, _random: np.random.Generator) -> Ragged:
    return Ragged(np.full_like(spans.flat, N), spans.offsets)


METHODS: dict[str, Callable[[Ragged, np.random.Generator], Ragged]] = dict(
    zip(ABLATION_METHODS, (shuffle_dinucleotides, shuffle_letters, _unknown), strict=True)
)


class Ablator:
    """Ablates spans of sequences and predicts the effects.

    Args:
        scorer: The model or ensemble. For an ensemble, the mean prediction is used.
        method: One of `METHODS`.
        shuffles: Number of shuffles per span. With the method `"unknown"`, each span is replaced by N once.
        seed: Random seed for the shuffles. All calls of an instance share one random number generator.
        batch_size: Number of windows scored at a time.

    Raises:
        InputError: The method is unknown, or `shuffles` is below 1.
    """

    def __init__(
        self, scorer: Scorer, method: str = "dinucleotides", *, shuffles: int = 20, seed: int = 0, batch_size: int = BATCH_SIZE
    ) -> None:
        if method not in METHODS:
            raise InputError(f"Expected method to be one of {', '.join(METHODS)}, got {method!r}.")
        if shuffles < 1:
            raise InputError(f"Expected at least 1 shuffle, got {shuffles}.")
        self.scorer = scorer
        self._method, self._shuffles = METHODS[method], 1 if method == "unknown" else shuffles
        self._random, self._batch_size = np.random.default_rng(seed), batch_size
        self._scorer = DistinctScorer(scorer)

    @property
    def has_sd(self) -> bool:
        """Whether effects have a standard deviation, which requires several shuffles per span."""
        return self._shuffles > 1

    def ablate(
        self,
        records: Records,
        spans_of: Callable[[list[str], Ragged], Spans],
        progress: Progress | None = None,
        *,
        span: Span | None = None,
    ) -> Ablation:
        """Predicts the effects of ablating spans of sequences.

        Args:
            records: n named sequences.
            spans_of: Function that takes the names of sequences and the part of each insert that may be ablated. The function returns the
                spans to ablate, relative to these parts.
            progress: Function to call after each batch with the number of windows in the batch.
            span: Positions of each insert that may be ablated. If None, complete inserts may be ablated.

        Raises:
            InputError: A sequence does not fit the model. The message names the sequence.
            ModelError: The inserts that the members of an ensemble find in a sequence differ.
        """
        constructs = self.scorer.constructs
        require_fit(records, fit_problems(records, constructs, span))
        inserts = records.sequences.cut(*common_inserts(records.sequences, constructs))
        parts = explained_parts(records, constructs[0], span)
        found = spans_of(records.ids, parts.cut(inserts))
        spans, named = found.moved(parts.starts), found.moved(parts.positions)
        reference = self._ask(inserts, progress)
        effects = np.empty((len(spans.starts), reference.shape[1]), np.float32)
        sd = np.empty_like(effects) if self.has_sd else None
        width = sum(construct.length for construct in constructs)
        at_once = max(1, min(AT_ONCE, BATCH_LETTERS // width) // self._shuffles)
        for first in range(0, len(effects), at_once):
            rows = slice(first, first + at_once)
            some = Spans(*(column[rows] for column in spans))
            ablated, differs = self._ablated(inserts, some)
            values = self._ask(ablated, progress).reshape(-1, self._shuffles, reference.shape[1])
            values -= reference[some.sequences, None]
            values[~differs] = np.nan
            effects[rows] = values.mean(axis=1)
            if sd is not None:
                sd[rows] = values.std(axis=1, ddof=1)
        return Ablation(records.ids, inserts, named, reference, effects, sd)

    def ablate_records(
        self,
        records: Iterable[Records],
        spans_of: Callable[[list[str], Ragged], Spans],
        on_error: OnError = "fail",
        progress: Progress | None = None,
        *,
        span: Span | None = None,
    ) -> Iterator[BatchResult[Ablation]]:
        """Predicts the effects of ablating spans of many records, in order and a few records at a time.

        `effect_files.write_effects` writes the effects to files.

        For the other arguments and the errors, see `ablate`. With `on_error="skip"`, records that do not fit the model, or whose spans
        extend beyond the insert, are omitted.
        """

        def problems_of(batch: Records) -> dict[int, str]:
            constructs = self.scorer.constructs
            found = fit_problems(batch, constructs, span)
            if isinstance(spans_of, RegionSpans):
                found = {**spans_of.problems(batch.ids, explained_parts(batch, constructs[0], span).lengths), **found}
            return found

        for batch in fitting_batches(records, problems_of, on_error):
            yield BatchResult(self.ablate(batch.found, spans_of, progress, span=span), batch.skipped)

    def _ablated(self, inserts: Ragged, spans: Spans) -> tuple[Ragged, np.ndarray]:
        """Returns the ablated inserts, one per span and shuffle, and whether any shuffle differs from its span, bool (spans,)."""
        rows = np.repeat(np.arange(len(spans.starts)), self._shuffles)
        pieces = inserts.cut(inserts.offsets[spans.sequences] + spans.starts, spans.ends - spans.starts).select(rows)
        ablated = inserts.select(spans.sequences[rows])
        shift = np.repeat(ablated.offsets[:-1] + spans.starts[rows] - pieces.offsets[:-1], pieces.lengths)
        others = self._method(pieces, self._random)
        ablated.flat[np.arange(len(pieces.flat)) + shift] = others.flat
        differs = np.bincount(rows[pieces.owners()], others.flat != pieces.flat, len(spans.starts)) > 0
        return ablated, differs

    def _ask(self, inserts: Ragged, progress: Progress | None) -> np.ndarray:
        windows = [construct.surround(inserts) for construct in self.scorer.constructs]
        return self._scorer.score(windows, self._batch_size, progress)[:, : len(self.scorer.tasks)]
