"""Saturation mutagenesis: what every single change of an insert does to its prediction.

Every different mutant is asked for once, and each sequence as it stands once. Knows nothing about files.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

import numpy as np

from dreamkeras.explain.mutants import Mutants, fit_problems, require_fit
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
"""Mutants that are windows at the same time, unless these are long."""

LETTERS_AT_ONCE = 1 << 14
"""Letters of inserts whose effects are in memory at the same time: 200 promoters. A longer insert stands alone."""


class Mutagenesis(NamedTuple):
    """The effects of all single changes of some inserts.

    Args:
        ids: n names.
        inserts: The n inserts, letters as given.
        reference: float32 (n, tasks), predictions of the sequences as they stand.
        effects: float32 (letters of all inserts, 4 or 5, tasks), the mutant's prediction minus the reference, in the order of
            `inserts.flat` and `CHANGES`; 0 where a letter would become itself. The fifth, deletions, only where asked for.
            Of an ensemble the means of its members' effects.
        sd: As `effects`, the standard deviation of the members' effects; None where members are not known.
    """

    ids: list[str]
    inserts: Ragged
    reference: np.ndarray
    effects: np.ndarray
    sd: np.ndarray | None = None

    def importance(self) -> np.ndarray:
        """float32 (letters of all inserts, tasks): how much is lost, on average, where a letter becomes one of the other bases."""
        others = 4 - IS_BASE[self.inserts.flat]
        return -self.effects[:, :4].sum(axis=1) / others[:, None]

    def hypothetical(self) -> np.ndarray:
        """float32 (letters of all inserts, 4, tasks): what each base would contribute, compared with the mean of the four."""
        substitutions = self.effects[:, :4]
        return substitutions - substitutions.mean(axis=1, keepdims=True)


_Found = TypeVar("_Found")


class BatchResult(NamedTuple, Generic[_Found]):
    """Results of some records, and those that were left out.

    Args:
        found: Of those that fit; there may be none.
        skipped: Those that were left out.
    """

    found: _Found
    skipped: Skipped


def mutagenesis(
    records: Records, scorer: Scorer, *, deletions: bool = False, batch_size: int = BATCH_SIZE, progress: Progress | None = None
) -> Mutagenesis:
    """The effects of all single changes of some sequences' inserts, all in memory.

    Args:
        records: n named sequences.
        scorer: The model; of an ensemble the mean counts.
        deletions: Whether each letter is left out, too.
        batch_size: Windows scored at once.
        progress: Told after each batch how many windows it had.

    Raises:
        InputError: A sequence does not fit the model, or not without one letter; the message names it.
        ModelError: Members of an ensemble do not agree which letters are the inserts.

    Example:
        >>> from dreamkeras.scoring.predictor import load
        >>> records = Records(["a"], Ragged.from_strings(["ACGTTGCA" * 10]), np.array([1]), "a.txt")
        >>> mutagenesis(records, load()).effects.shape
        (80, 4, 1)
    """
    require_fit(records, _problems(records, scorer.constructs, deletions=deletions))
    return _mutate(records, _MemberPredictions(scorer, batch_size), progress, deletions=deletions)


def mutate_records(
    records: Iterable[Records],
    scorer: Scorer,
    *,
    deletions: bool = False,
    on_error: Literal["fail", "skip"] = "fail",
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Generator[BatchResult[Mutagenesis], None, None]:
    """The effects of all single changes, in order, of a few records at a time; repeated mutants are scored once.

    With `on_error="skip"`, records that do not fit are left out; the other arguments are those of `mutagenesis`.

    Yields:
        Effects in some records; the next are scored meanwhile, in a thread.

    Raises:
        InputError: A record does not fit and `on_error` is `"fail"`.
        ModelError: Members of an ensemble do not agree which letters are the inserts.
    """
    predict = _MemberPredictions(scorer, batch_size)

    def problems_of(batch: Records) -> dict[int, str]:
        return _problems(batch, scorer.constructs, deletions=deletions)

    def score(batch: BatchResult[Records], tell: Progress) -> BatchResult[Mutagenesis]:
        return BatchResult(_mutate(batch.found, predict, tell, deletions=deletions), batch.skipped)

    return overlapped(fitting_batches(records, problems_of, on_error), score, progress)


def fitting_batches(
    records: Iterable[Records], problems_of: Callable[[Records], Mapping[int, str]], on_error: str
) -> Iterator[BatchResult[Records]]:
    """The records that fit, in order, in batches of bounded size, with those before them that do not fit.

    Args:
        records: Batches of any size.
        problems_of: Why records of a batch do not fit, by their index.
        on_error: `"fail"` raises an InputError for such a record, `"skip"` leaves it out.
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
    """Predictions of a model, or of each member of an ensemble; a window that comes again is scored once."""

    def __init__(self, scorer: Scorer, batch_size: int) -> None:
        self.scorer = scorer
        self._scorer = DistinctScorer(Members(scorer))
        self._batch_size = batch_size

    def __call__(self, windows: list[np.ndarray], progress: Progress | None) -> np.ndarray:
        """float32 (n, members, tasks)."""
        values = self._scorer.score(windows, self._batch_size, progress)
        return values.reshape(-1, len(self.scorer.members), len(self.scorer.tasks))


def _mutate(records: Records, predict: _MemberPredictions, progress: Progress | None, *, deletions: bool) -> Mutagenesis:
    constructs = predict.scorer.constructs
    mutants = Mutants(records.sequences, constructs, deletions=deletions)
    reference = predict(mutants.originals, progress)
    at_once = max(1, min(AT_ONCE, BATCH_LETTERS // sum(construct.length for construct in constructs)))
    values = np.empty((len(mutants), *reference.shape[1:]), np.float32)
    for first in range(0, len(mutants), at_once):
        values[first : first + at_once] = predict(mutants.windows(first, first + at_once), progress)
    effects = mutants.effects(reference, values)
    if reference.shape[1] == 1:
        return Mutagenesis(records.ids, mutants.inserts, reference[:, 0], effects[:, :, 0])
    return Mutagenesis(records.ids, mutants.inserts, reference.mean(1), effects.mean(2), effects.std(2, ddof=1))


def _problems(records: Records, constructs: Sequence[Construct], *, deletions: bool) -> dict[int, str]:
    """Why records do not fit, by their index: as they stand, or without one letter."""
    found = fit_problems(records, constructs)
    for construct in constructs:
        for index in np.flatnonzero(construct.find_inserts(records.sequences).lengths == construct.shortest) if deletions else ():
            wanted = f"Expected at least {construct.shortest + 1} bases for deletions in construct {construct.name!r}"
            found.setdefault(int(index), f"{wanted}, got {construct.shortest}")
    return found
