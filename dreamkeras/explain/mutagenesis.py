"""Computes saturation mutagenesis: the effects of all single-letter changes of an insert on the prediction.

Identical windows are scored only once. The module `effect_files` writes the results.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from dreamkeras.errors import OnError
from dreamkeras.explain.mutants import Mutants, fit_problems, require_fit
from dreamkeras.explain.parts import Span, explained_parts
from dreamkeras.scoring.distinct import DistinctScorer
from dreamkeras.scoring.ensemble import Members
from dreamkeras.scoring.pipeline import overlapped
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.scoring.skipped import Skipped, leave_out
from dreamkeras.sequence.alphabet import IS_BASE
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_LETTERS, Records

__all__ = ["BatchResult", "Mutagenesis", "fitting_batches", "mutagenesis", "mutate_records"]

AT_ONCE = 8192
"""Maximum number of mutants whose windows are in memory at a time. If windows are long, the number is smaller."""

LETTERS_AT_ONCE = 1 << 14
"""Maximum number of letters of the inserts in a batch, enough for 200 yeast promoters. An insert with more letters is a separate batch."""


class Mutagenesis(NamedTuple):
    """Effects of all single-letter changes of inserts.

    Args:
        ids: n names.
        inserts: The n unchanged inserts or, if a span is given, the mutated part of each unchanged insert.
        reference: Predictions for the unchanged sequences, float32 (n, tasks).
        effects: Prediction for the mutant minus `reference`, float32 (letters of all inserts, 4 or 5, tasks), in the order of
            `inserts.flat` and `CHANGES`. The effect of replacing a letter by itself is 0. The fifth change is the deletion, if deletions
            were requested. For an ensemble, effects are means over its members.
        sd: Standard deviation of the effects over the members of an ensemble, with the same shape as `effects`. For a single model, or an
            ensemble in one file, `sd` is None.
        positions: See `Explanation`.
    """

    ids: list[str]
    inserts: Ragged
    reference: np.ndarray
    effects: np.ndarray
    sd: np.ndarray | None = None
    positions: np.ndarray | None = None

    def importance(self) -> np.ndarray:
        """Returns the mean decrease of the prediction when a letter is replaced, float32 (letters of all inserts, tasks).

        Each letter is replaced by all other bases in turn, and the decreases are averaged.
        """
        others = 4 - IS_BASE[self.inserts.flat]
        return -self.effects[:, :4].sum(axis=1) / others[:, None]

    def hypothetical(self) -> np.ndarray:
        """Returns the effect of each base minus the mean over the four bases, float32 (letters of all inserts, 4, tasks)."""
        substitutions = self.effects[:, :4]
        return substitutions - substitutions.mean(axis=1, keepdims=True)


_Found = TypeVar("_Found")


class BatchResult(NamedTuple, Generic[_Found]):
    """Results of an analysis for a batch of records.

    Args:
        found: Results for the records that fit the model. The results are empty if no record fits.
        skipped: The skipped records.
    """

    found: _Found
    skipped: Skipped


def mutagenesis(
    records: Records,
    scorer: Scorer,
    *,
    deletions: bool = False,
    span: Span | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Mutagenesis:
    """Predicts the effects of all single-letter changes of the inserts of sequences. All effects are kept in memory.

    Args:
        records: n named sequences.
        scorer: The model or ensemble. For an ensemble, effects are means over its members.
        deletions: Whether to predict the effect of deleting each letter as well.
        span: Positions of each insert to change. If None, all positions are changed.
        batch_size: Number of windows scored at a time.
        progress: Function to call after each batch with the number of windows in the batch.

    Raises:
        InputError: A sequence does not fit the model, or does not fit after a deletion. The message names the sequence.
        ModelError: The inserts that the members of an ensemble find in a sequence differ.

    Example:
        >>> from dreamkeras.scoring.predictor import load
        >>> records = Records(["a"], Ragged.from_strings(["ACGTTGCA" * 10]), np.array([1]), "a.txt")
        >>> mutagenesis(records, load()).effects.shape
        (80, 4, 1)
    """
    changes = _Changes(deletions, span)
    require_fit(records, changes.problems(records, scorer.constructs))
    return _mutate(records, _MemberPredictions(scorer, batch_size), progress, changes)


def mutate_records(
    records: Iterable[Records],
    scorer: Scorer,
    *,
    deletions: bool = False,
    span: Span | None = None,
    on_error: OnError = "fail",
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Generator[BatchResult[Mutagenesis], None, None]:
    """Predicts the effects of all single-letter changes for many records, in their order and a few records at a time.

    With `on_error="skip"`, records that do not fit the model are omitted. For the other arguments, see `mutagenesis`.

    Yields:
        Effects for a batch of records. A separate thread already scores the next batch while the caller processes a batch.

    Raises:
        InputError: A record does not fit the model and `on_error` is `"fail"`.
        ModelError: The inserts that the members of an ensemble find in a sequence differ.
    """
    predict, changes = _MemberPredictions(scorer, batch_size), _Changes(deletions, span)

    def problems_of(batch: Records) -> dict[int, str]:
        return changes.problems(batch, scorer.constructs)

    def score(batch: BatchResult[Records], tell: Progress) -> BatchResult[Mutagenesis]:
        return BatchResult(_mutate(batch.found, predict, tell, changes), batch.skipped)

    return overlapped(fitting_batches(records, problems_of, on_error), score, progress)


def fitting_batches(
    records: Iterable[Records], problems_of: Callable[[Records], Mapping[int, str]], on_error: str
) -> Iterator[BatchResult[Records]]:
    """Yields the records that fit the model, in order and in batches of bounded size, together with the skipped records.

    Args:
        records: Batches of any size.
        problems_of: Function that returns messages for the records of a batch that do not fit the model, by index of the record.
        on_error: `"fail"` raises an `InputError` for a record that does not fit; `"skip"` omits the record.
    """
    for batch in records:
        problems = problems_of(batch)
        if on_error == "fail":
            require_fit(batch, problems)
        fitting, skipped = leave_out(batch, problems)
        for part in list(fitting.batches(letters=LETTERS_AT_ONCE)) or [fitting]:
            yield BatchResult(part, skipped)
            skipped = Skipped()


class _MemberPredictions:
    """Predicts with a model or with each member of an ensemble. Identical windows are scored only once."""

    def __init__(self, scorer: Scorer, batch_size: int) -> None:
        self.scorer = scorer
        self._scorer = DistinctScorer(Members(scorer))
        self._batch_size = batch_size

    def __call__(self, windows: list[np.ndarray], progress: Progress | None) -> np.ndarray:
        """Returns predictions, float32 (n, members, tasks)."""
        values = self._scorer.score(windows, self._batch_size, progress)
        return values.reshape(-1, len(self.scorer.members), len(self.scorer.tasks))


class _Changes(NamedTuple):
    """Changes that are made to each insert. See `mutagenesis` for the fields."""

    deletions: bool
    span: Span | None

    def problems(self, records: Records, constructs: Sequence[Construct]) -> dict[int, str]:
        """Returns the messages of `fit_problems`, and messages for records that would not fit after the deletion of a letter."""
        found = fit_problems(records, constructs, self.span)
        for construct in constructs:
            for index in np.flatnonzero(construct.find_inserts(records.sequences).lengths == construct.shortest) if self.deletions else ():
                wanted = f"Expected at least {construct.shortest + 1} bases for deletions in construct {construct.name!r}"
                found.setdefault(int(index), f"{wanted}, got {construct.shortest}")
        return found


def _mutate(records: Records, predict: _MemberPredictions, progress: Progress | None, changes: _Changes) -> Mutagenesis:
    constructs = predict.scorer.constructs
    parts = explained_parts(records, constructs[0], changes.span)
    mutants = Mutants(records.sequences, constructs, deletions=changes.deletions, parts=parts)
    reference = predict(mutants.originals, progress)
    at_once = max(1, min(AT_ONCE, BATCH_LETTERS // sum(construct.length for construct in constructs)))
    values = np.empty((len(mutants), *reference.shape[1:]), np.float32)
    for first in range(0, len(mutants), at_once):
        values[first : first + at_once] = predict(mutants.windows(first, first + at_once), progress)
    effects = mutants.effects(reference, values)
    if reference.shape[1] == 1:
        return Mutagenesis(records.ids, mutants.mutated, reference[:, 0], effects[:, :, 0], None, parts.positions)
    return Mutagenesis(records.ids, mutants.mutated, reference.mean(1), effects.mean(2), effects.std(2, ddof=1), parts.positions)
