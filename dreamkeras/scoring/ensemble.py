"""Ensemble: several models as one, which answers their mean and how far they are apart; or side by side, each its own."""

from collections.abc import Sequence

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.sequence.construct import Construct

__all__ = ["Ensemble", "Members", "require_alike"]


class Ensemble(Scorer):
    """Models that are asked together: seeds, folds or architectures.

    Members have to predict the same tasks in the same units. Each cuts sequences into its own construct.

    Args:
        members: The models; an ensemble cannot be one, because the mean of means would weigh its members less than the others.

    Raises:
        ModelError: There is no member, or the members cannot be averaged; the message names the mismatch.
    """

    def __init__(self, members: Sequence[Scorer]) -> None:
        require_alike(members)
        self._members = tuple(members)
        self._constructs = tuple(dict.fromkeys(member.construct for member in members))

    @property
    def name(self) -> str:
        """The members' names."""
        return " + ".join(member.name for member in self.members)

    @property
    def members(self) -> tuple[Scorer, ...]:
        """The models."""
        return self._members

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The different constructs of the members."""
        return self._constructs

    @property
    def tasks(self) -> tuple[str, ...]:
        """The members' tasks."""
        return self.members[0].tasks

    @property
    def units(self) -> tuple[str, ...]:
        """The members' units."""
        return self.members[0].units

    @property
    def has_spread(self) -> bool:
        """A single member has none."""
        return len(self.members) > 1

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, columns): means, then standard deviations; see `Scorer` for the rest."""
        values = Members(self).score_windows(windows, batch_size, progress).reshape(-1, len(self.members), len(self.tasks))
        mean = values.mean(axis=1)
        return np.concatenate([mean, values.std(axis=1, ddof=1)], axis=1) if self.has_spread else mean


class Members(Wrapped):
    """The predictions of each member of an ensemble side by side, in place of their mean; a single model is its own member."""

    @property
    def members(self) -> tuple[Scorer, ...]:
        """The members."""
        return self.scorer.members

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of the first member, those of the second, ..."""
        return self.scorer.tasks * len(self.members)

    @property
    def units(self) -> tuple[str, ...]:
        """Likewise."""
        return self.scorer.units * len(self.members)

    @property
    def has_spread(self) -> bool:
        """Members side by side have none."""
        return False

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, members * tasks); see `Scorer` for the rest."""
        by_construct = dict(zip(self.constructs, windows, strict=True))
        *others, last = self.members  # the last one's batches are those that are done
        values = [member.score_windows([by_construct[member.construct]], batch_size) for member in others]
        values.append(last.score_windows([by_construct[last.construct]], batch_size, progress))
        return np.concatenate([answers[:, : len(self.scorer.tasks)] for answers in values], axis=1)


def require_alike(members: Sequence[Scorer]) -> None:
    """Refuses models that cannot be averaged.

    Raises:
        ModelError: There is none, one is an ensemble, or their tasks or units differ.
    """
    if not members:
        raise ModelError("Expected at least one model for an ensemble, got none.")
    for member in members:
        if member.has_spread or isinstance(member, Ensemble):
            raise ModelError(f"Expected single models in an ensemble, got the ensemble {member.name}: give its members.")
        for field in ("tasks", "units"):
            wanted, came = getattr(members[0], field), getattr(member, field)
            if came != wanted:
                raise ModelError(
                    f"Expected an ensemble's models to have the same {field}, got {', '.join(wanted)} of {members[0].name} "
                    f"and {', '.join(came)} of {member.name}."
                )
