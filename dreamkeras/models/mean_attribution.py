"""Attributes the mean prediction of several networks to bases, as the mean of the networks' contributions."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from dreamkeras.errors import InputError, ModelError, OnError
from dreamkeras.explain.attribution import Attribution
from dreamkeras.explain.mutagenesis import BatchResult
from dreamkeras.explain.parts import Span
from dreamkeras.models.gradients import Attributor
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.records import Records

__all__ = ["MeanAttributor"]


class MeanAttributor:
    """Computes the contributions of bases to the mean prediction of several networks.

    Contributions are averaged, because the attribution of a mean is the mean of the attributions.

    Args:
        networks: At least one network, as for `Attributor`. All networks must have the same construct and tasks.
        method: See `Attributor`.
        **options: Options of `Attributor`. Shuffled baselines are the same for all networks.

    Raises:
        InputError: There is no network, or an option is out of range.
        ModelError: The networks have different constructs or tasks.
    """

    def __init__(self, networks: Sequence[PrixFixe], method: str = "integrated", **options: Any) -> None:
        if not networks:
            raise InputError("Expected at least one network, got none.")
        if any((network.construct, network.tasks) != (networks[0].construct, networks[0].tasks) for network in networks):
            raise ModelError(f"Expected networks with the same construct and tasks, got {' and '.join(n.name for n in networks)}.")
        self.construct, self.tasks = networks[0].construct, networks[0].tasks
        self._attributors = [Attributor(network, method, **options) for network in networks]

    def attribute_records(
        self,
        records: Iterable[Records],
        on_error: OnError = "fail",
        progress: Callable[[int], None] | None = None,
        *,
        span: Span | None = None,
    ) -> Iterator[BatchResult[Attribution]]:
        """Yields the mean contributions for a stream of records. See `Attributor.attribute_records`."""
        streams = itertools.tee(records, len(self._attributors))
        *others, last = zip(self._attributors, streams, strict=True)  # only the last network reports progress
        results = [attributor.attribute_records(stream, on_error, span=span) for attributor, stream in others]
        results.append(last[0].attribute_records(last[1], on_error, progress, span=span))
        for batch in zip(*results, strict=True):
            yield BatchResult(_mean([result.found for result in batch]), batch[0].skipped)


def _mean(found: Sequence[Attribution]) -> Attribution:
    names = [name for name in ("reference", "baseline", "scores", "outside") if getattr(found[0], name) is not None]
    return found[0]._replace(**{name: np.mean([getattr(part, name) for part in found], axis=0) for name in names})
