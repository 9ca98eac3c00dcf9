"""Ensemble: several models as one, which answers their mean and how far they are apart."""

from collections.abc import Sequence

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.construct import Construct

__all__ = ["Apart", "Ensemble", "require_alike"]


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
        self.members = tuple(members)
        self._constructs = tuple(dict.fromkeys(member.construct for member in members))

    @property
    def name(self) -> str:
        """The members' names."""
        return " + ".join(member.name for member in self.members)

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
        values = self.score_members(windows, batch_size, progress)
        mean = np.mean(values, axis=0)
        return np.concatenate([mean, np.std(values, axis=0, ddof=1)], axis=1) if self.has_spread else mean

    def score_members(
        self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None
    ) -> list[np.ndarray]:
        """For each member float32 (n, tasks); args are those of `score_windows`."""
        by_construct = dict(zip(self.constructs, windows, strict=True))
        *others, last = self.members  # the last one's batches are those that are done
        values = [member.score_windows([by_construct[member.construct]], batch_size) for member in others]
        return [*values, last.score_windows([by_construct[last.construct]], batch_size, progress)]

    def apart(self) -> "Apart":
        """The same members, each answering for itself: for what has to be computed before the mean is."""
        return Apart(self)


class Apart(Scorer):
    """The answers of an ensemble's members side by side: the first one's tasks, then the second one's, and so on.

    Args:
        ensemble: Whose members.
    """

    has_spread = False

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble

    @property
    def name(self) -> str:
        """The ensemble's name."""
        return self._ensemble.name

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The ensemble's constructs."""
        return self._ensemble.constructs

    @property
    def tasks(self) -> tuple[str, ...]:
        """Each member's tasks, with its number."""
        return tuple(f"{task} of member {number}" for number in range(1, len(self._ensemble.members) + 1) for task in self._ensemble.tasks)

    @property
    def units(self) -> tuple[str, ...]:
        """The units of these tasks."""
        return self._ensemble.units * len(self._ensemble.members)

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, members x tasks); see `Scorer` for the rest."""
        return np.concatenate(self._ensemble.score_members(windows, batch_size, progress), axis=1)


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
