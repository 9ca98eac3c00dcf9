"""Combines the predictions of several models.

`Ensemble` returns the mean and standard deviation over the models, and `Members` returns the predictions of each model.
"""

from collections.abc import Sequence

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.sequence.construct import Construct

__all__ = ["Ensemble", "Members", "require_alike"]


class Ensemble(Scorer):
    """Several models whose predictions are averaged, such as models of different seeds, folds or architectures.

    All members must predict the same tasks in the same units. Members may have different constructs, so each
    sequence is converted to one window per construct.

    Args:
        members: The models. A member cannot be an ensemble itself, because the models in that ensemble would have a lower
            weight in the mean than the other members.

    Raises:
        ModelError: There are no members, the members have different tasks or units, or a member is an ensemble.
    """

    def __init__(self, members: Sequence[Scorer]) -> None:
        require_alike(members)
        self._members = tuple(members)
        self._constructs = tuple(dict.fromkeys(construct for member in members for construct in member.constructs))

    @property
    def name(self) -> str:
        """Names of the members."""
        return " + ".join(member.name for member in self.members)

    @property
    def members(self) -> tuple[Scorer, ...]:
        """The models of the ensemble."""
        return self._members

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The distinct constructs of the members."""
        return self._constructs

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks of the members."""
        return self.members[0].tasks

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the tasks."""
        return self.members[0].units

    @property
    def has_spread(self) -> bool:
        """Whether the ensemble predicts standard deviations, which require at least two members."""
        return len(self.members) > 1

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Returns the means over the members, followed by the standard deviations, float32 (n, predicted columns).

        See `Scorer.score_windows` for the arguments.
        """
        values = Members(self).score_windows(windows, batch_size, progress).reshape(-1, len(self.members), len(self.tasks))
        mean = values.mean(axis=1)
        return np.concatenate([mean, values.std(axis=1, ddof=1)], axis=1) if self.has_spread else mean


class Members(Wrapped):
    """Scorer that returns the predictions of each member of an ensemble instead of their mean.

    A single model is treated as an ensemble with one member.
    """

    @property
    def members(self) -> tuple[Scorer, ...]:
        """The models of the ensemble."""
        return self.scorer.members

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks of all members, one member after the other."""
        return self.scorer.tasks * len(self.members)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the tasks, in the same order as `tasks`."""
        return self.scorer.units * len(self.members)

    @property
    def has_spread(self) -> bool:
        """False, because each column contains the predictions of one member, and a standard deviation needs several."""
        return False

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Returns the predictions of each member, float32 (n, members * tasks). See `Scorer.score_windows` for the arguments."""
        by_construct = dict(zip(self.constructs, windows, strict=True))
        pairs = [(member, [by_construct[construct] for construct in member.constructs]) for member in self.members]
        *others, (last, own) = pairs  # only the last member reports progress, because a batch is finished when all members have scored it
        values = [member.score_windows(cut, batch_size) for member, cut in others]
        values.append(last.score_windows(own, batch_size, progress))
        return np.concatenate([answers[:, : len(self.scorer.tasks)] for answers in values], axis=1)


def require_alike(members: Sequence[Scorer]) -> None:
    """Checks that models can be averaged.

    Raises:
        ModelError: There are no models, a model is an ensemble, or the models have different tasks or units.
    """
    if not members:
        raise ModelError("Expected at least one model for an ensemble, got none.")
    for member in members:
        if member.has_spread or isinstance(member, Ensemble):
            raise ModelError(f"An ensemble cannot contain another ensemble: {member.name}. Give the models of {member.name} instead.")
        for field in ("tasks", "units"):
            wanted, came = getattr(members[0], field), getattr(member, field)
            if came != wanted:
                raise ModelError(
                    f"Models of an ensemble must have the same {field}: {members[0].name} has {', '.join(wanted)}, "
                    f"{member.name} has {', '.join(came)}."
                )
