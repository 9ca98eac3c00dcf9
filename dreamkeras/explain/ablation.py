"""Measures the effects of ablation, in which a span of an insert is shuffled or replaced by N."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.explain.mutagenesis import BatchResult, fitting_batches
from dreamkeras.explain.mutants import common_inserts, fit_problems, require_fit
from dreamkeras.explain.names import ABLATION_METHODS
from dreamkeras.genome.regions import Regions
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.alphabet import N
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_LETTERS, Records
from dreamkeras.sequence.shuffle import shuffle_dinucleotides, shuffle_letters

__all__ = ["METHODS", "Ablation", "Ablator", "RegionSpans", "Spans", "slide"]

AT_ONCE = 8192
"""Maximum number of ablated sequences in memory at a time. If windows are long, the number is smaller."""


class Spans(NamedTuple):
    """Spans of inserts, with 0-based and half-open positions.

    Args:
        sequences: Index of the sequence that contains each span, in ascending order, int64 (m,).
        starts: Position of each span's first letter within the insert, int64 (m,).
        ends: Position after each span's last letter, int64 (m,).
    """

    sequences: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class Ablation(NamedTuple):
    """Effects of ablating spans of sequences.

    Args:
        ids: n names of sequences.
        inserts: The n unchanged inserts of the sequences.
        spans: The m spans that were ablated.
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


def slide(inserts: Ragged, width: int, step: int) -> Spans:
    """Returns sliding windows along inserts.

    The last window ends at the end of the insert. If an insert is shorter than a window, its only window is the complete insert.

    Args:
        inserts: n inserts.
        width: Length of a window.
        step: Distance between the starts of successive windows.

    Raises:
        InputError: The width or the step is below 1.

    Example:
        >>> slide(Ragged.from_strings(["ACGTACGTAC"]), 4, 4).starts
        array([0, 4, 6])
    """
    if width < 1 or step < 1:
        raise InputError(f"Expected a width and a step of at least 1, got a width of {width} and a step of {step}.")
    room = np.maximum(inserts.lengths - width, 0)
    counts = -(-room // step) + 1
    sequences = np.repeat(np.arange(len(inserts)), counts)
    number = np.arange(len(sequences)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.minimum(number * step, room[sequences])
    return Spans(sequences, starts, np.minimum(starts + width, inserts.lengths[sequences]))


class RegionSpans:
    """Finds the regions that belong to sequences with given names, and records which regions were found.

    Args:
        regions: Regions to ablate. The contigs are names of sequences, and the positions are relative to the inserts.
    """

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._rows: dict[str, list[int]] = {}
        for row, name in enumerate(regions.contigs):
            self._rows.setdefault(name, []).append(row)
        self._met = np.zeros(len(regions.contigs), bool)

    def __len__(self) -> int:
        return len(self._met)

    @property
    def missing(self) -> int:
        """Number of regions whose sequence has not occurred in any call."""
        return int((~self._met).sum())

    def __call__(self, ids: list[str], inserts: Ragged) -> Spans:
        """Returns the regions that belong to the sequences named in `ids`, as spans of `inserts`.

        Raises:
            InputError: A region extends beyond the insert.
        """
        for index, problem in self.problems(ids, inserts.lengths).items():
            raise InputError(f"{problem} in {ids[index]!r}.")
        return Spans(*self._found(ids)[:3])

    def problems(self, ids: list[str], lengths: np.ndarray) -> dict[int, str]:
        """Returns messages for sequences with regions beyond the end of the insert, by index of the sequence.

        All regions of the sequences are marked as found.

        Args:
            ids: n names.
            lengths: Lengths of the inserts, int64 (n,).
        """
        sequences, starts, ends, rows = self._found(ids)
        self._met[rows] = True
        beyond = ends > lengths[sequences]
        problems: dict[int, str] = {}
        for index, start, end in zip(*(column[beyond].tolist() for column in (sequences, starts, ends)), strict=True):
            problems.setdefault(index, f"Expected spans within the insert, got {start}-{end} for an insert of {lengths[index]} letters")
        return problems

    def _found(self, ids: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns the three columns of `Spans`, and the row number of each region in the file."""
        found = [(index, row) for index, name in enumerate(ids) for row in self._rows.get(name, ())]
        sequences, rows = np.array(found, np.int64).reshape(-1, 2).T
        return sequences, self._regions.starts[rows], self._regions.ends[rows], rows


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

    def ablate(self, records: Records, spans_of: Callable[[list[str], Ragged], Spans], progress: Progress | None = None) -> Ablation:
        """Predicts the effects of ablating spans of sequences.

        Args:
            records: n named sequences.
            spans_of: Function that takes the names and inserts of sequences, and returns the spans to ablate.
            progress: Function to call after each batch with the number of windows in the batch.

        Raises:
            InputError: A sequence does not fit the model. The message names the sequence.
            ModelError: The inserts that the members of an ensemble find in a sequence differ.
        """
        require_fit(records, fit_problems(records, self.scorer.constructs))
        inserts = records.sequences.cut(*common_inserts(records.sequences, self.scorer.constructs))
        spans = spans_of(records.ids, inserts)
        reference = self._ask(inserts, progress)
        effects = np.empty((len(spans.starts), reference.shape[1]), np.float32)
        sd = np.empty_like(effects) if self.has_sd else None
        width = sum(construct.length for construct in self.scorer.constructs)
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
        return Ablation(records.ids, inserts, spans, reference, effects, sd)

    def ablate_records(
        self,
        records: Iterable[Records],
        spans_of: Callable[[list[str], Ragged], Spans],
        on_error: Literal["fail", "skip"] = "fail",
        progress: Progress | None = None,
    ) -> Iterator[BatchResult[Ablation]]:
        """Predicts the effects of ablating spans of many records, in order and a few records at a time.

        `effect_files.write_effects` writes the effects to files.

        For the other arguments and the errors, see `ablate`. With `on_error="skip"`, records that do not fit the model, or whose spans
        extend beyond the insert, are omitted.
        """

        def problems_of(batch: Records) -> dict[int, str]:
            found = fit_problems(batch, self.scorer.constructs)
            if isinstance(spans_of, RegionSpans):
                found = {**spans_of.problems(batch.ids, self.scorer.constructs[0].find_inserts(batch.sequences).lengths), **found}
            return found

        for batch in fitting_batches(records, problems_of, on_error):
            yield BatchResult(self.ablate(batch.found, spans_of, progress), batch.skipped)

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
