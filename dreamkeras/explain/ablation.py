"""Ablation: what is lost where the letters of a span of an insert are shuffled, or become N, and the others stay."""

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
"""Ablated sequences in memory at the same time, unless their windows are long; of one span all shuffles are."""


class Spans(NamedTuple):
    """Stretches of inserts.

    Args:
        sequences: int64 (m,), the index of the sequence each is in, ascending.
        starts: int64 (m,), its first letter in the insert, from 0.
        ends: int64 (m,), the first letter behind it.
    """

    sequences: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class Ablation(NamedTuple):
    """The effects of taking spans out of their sequences.

    Args:
        ids: n names of sequences.
        inserts: The n inserts, letters as given.
        spans: m spans of them.
        reference: float32 (n, tasks), predictions of the sequences as they stand.
        effects: float32 (m, tasks), the mean prediction of the ablated sequences minus the reference; below 0 where the span
            raises the prediction, NaN where no shuffle of the span differs from it.
        sd: float32 (m, tasks), the standard deviation over the shuffles; None of one alone.
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
    """Windows along inserts, the last one at the end; a shorter insert is a window by itself.

    Args:
        inserts: n inserts.
        width: Letters of a window.
        step: Letters from one to the next.

    Raises:
        InputError: The width or the step is below 1.

    Example:
        >>> slide(Ragged.from_strings(["ACGTACGTAC"]), 4, 4).starts
        array([0, 4, 6])
    """
    if width < 1 or step < 1:
        raise InputError(f"Expected windows of at least 1 letter, at least 1 apart, got {width} and {step}.")
    room = np.maximum(inserts.lengths - width, 0)
    counts = -(-room // step) + 1
    sequences = np.repeat(np.arange(len(inserts)), counts)
    number = np.arange(len(sequences)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.minimum(number * step, room[sequences])
    return Spans(sequences, starts, np.minimum(starts + width, inserts.lengths[sequences]))


class RegionSpans:
    """Finds the regions that are in some sequences; remembers whose names it met.

    Args:
        regions: Named as the sequences, positions in their inserts.
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
        """How many regions are of no sequence that was met so far."""
        return int((~self._met).sum())

    def __call__(self, ids: list[str], inserts: Ragged) -> Spans:
        """The regions in sequences of these names.

        Raises:
            InputError: One reaches beyond its insert.
        """
        for index, problem in self.problems(ids, inserts.lengths).items():
            raise InputError(f"{problem} in {ids[index]!r}.")
        return Spans(*self._found(ids)[:3])

    def problems(self, ids: list[str], lengths: np.ndarray) -> dict[int, str]:
        """Why sequences do not hold their regions, by their index; their names count as met in any case.

        Args:
            ids: n names.
            lengths: int64 (n,), letters of their inserts.
        """
        sequences, starts, ends, rows = self._found(ids)
        self._met[rows] = True
        beyond = ends > lengths[sequences]
        problems: dict[int, str] = {}
        for index, start, end in zip(*(column[beyond].tolist() for column in (sequences, starts, ends)), strict=True):
            problems.setdefault(index, f"Expected spans within the letters of the inserts, got {start}-{end} of {lengths[index]}")
        return problems

    def _found(self, ids: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The columns of the spans, and the row of each region."""
        found = [(index, row) for index, name in enumerate(ids) for row in self._rows.get(name, ())]
        sequences, rows = np.array(found, np.int64).reshape(-1, 2).T
        return sequences, self._regions.starts[rows], self._regions.ends[rows], rows


class Ablator:
    """Takes spans out of sequences and asks a model what is left.

    Args:
        scorer: The model; of an ensemble the mean counts.
        method: One of `METHODS`.
        shuffles: Of each span; `"unknown"` has one.
        seed: Which shuffles; they are drawn one after the other from call to call.
        batch_size: Windows scored at once.

    Raises:
        InputError: The method is unknown, or a number is below 1.
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
        """Whether there are several shuffles of a span."""
        return self._shuffles > 1

    def ablate(self, records: Records, spans_of: Callable[[list[str], Ragged], Spans], progress: Progress | None = None) -> Ablation:
        """The effects of taking spans out of some sequences.

        Args:
            records: n named sequences.
            spans_of: From names and inserts to the spans.
            progress: Told after each batch how many windows it had.

        Raises:
            InputError: A sequence does not fit; the message names it.
            ModelError: Members of an ensemble do not agree which letters are the inserts.
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
        """The effects in many records, in order, of a few at a time; `effect_files.write_effects` takes them.

        Args and errors are those of `ablate`; with `"skip"` a record that does not fit, or not hold a span of its own, is left out.
        """

        def problems_of(batch: Records) -> dict[int, str]:
            found = fit_problems(batch, self.scorer.constructs)
            if isinstance(spans_of, RegionSpans):
                found = {**spans_of.problems(batch.ids, self.scorer.constructs[0].find_inserts(batch.sequences).lengths), **found}
            return found

        for batch in fitting_batches(records, problems_of, on_error):
            yield BatchResult(self.ablate(batch.found, spans_of, progress), batch.skipped)

    def _ablated(self, inserts: Ragged, spans: Spans) -> tuple[Ragged, np.ndarray]:
        """Each span's insert, once for each shuffle; bool (spans,), whether a shuffle differs from the original."""
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
