"""Attribution by gradients, on every backend: gradient times input, integrated gradients, and a DeepLIFT-style rule.

What is explained is the prediction as the exported model answers it: flags 0, the mean of both strands and of test shifts where the
network has them. `differentiation` asks the backends; here is what is done with their answers.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import keras
import numpy as np
from keras import ops

from dreamkeras.errors import InputError
from dreamkeras.explain.attribution import Attribution
from dreamkeras.explain.mutagenesis import BatchResult
from dreamkeras.models import names
from dreamkeras.models.differentiation import Chain
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.models.strand_mean import WholeNetwork, views
from dreamkeras.scoring.skipped import Skipped, leave_out
from dreamkeras.sequence.alphabet import BASES, COMPLEMENT, ONE_HOT, N
from dreamkeras.sequence.packing import is_packed, unpacked
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.shuffle import shuffle_dinucleotides

__all__ = ["BASELINES", "METHODS", "Attributor"]

AT_ONCE = 1 << 19
"""Letters of baselines' windows whose multipliers are held at once: 349 promoters with 10 shuffles each, 12 MB a task."""

_UNIFORM = np.uint8(0)
"""A code that is no letter, nor is its complement: here a quarter of each base."""

_ROWS = ONE_HOT.copy()
_ROWS[_UNIFORM] = 1 / len(BASES)

_COMPLEMENTS = [BASES.index(chr(COMPLEMENT[ord(base)])) for base in BASES]


class Method(NamedTuple):
    """What tells the methods apart; all of them go back through stages, from a sequence to a baseline.

    Args:
        stages: What of a network is taken for a chain of stages.
        steps: Points on the line between the two at which each stage is differentiated; None for the sequence's end alone.
        baseline: One of `BASELINES`, unless asked otherwise.
    """

    stages: Callable[[PrixFixe], list[keras.layers.Layer]]
    steps: int | None
    baseline: str


def _whole(network: PrixFixe) -> list[keras.layers.Layer]:
    return [WholeNetwork(network)]


def _blocks(network: PrixFixe) -> list[keras.layers.Layer]:
    if network.bias is not None:
        return _whole(network)  # two networks beside each other are no chain
    return [network.first, *network.core.stages(), network.final]


METHODS = dict(
    zip(
        names.ATTRIBUTION_METHODS, (Method(_whole, None, "zeros"), Method(_whole, 16, "zeros"), Method(_blocks, 8, "shuffled")), strict=True
    )
)
"""The methods by name; `Attributor` says what each is."""


BASELINES: dict[str, Callable[[Ragged, np.random.Generator], Ragged]] = {
    "zeros": lambda inserts, _: Ragged(np.full_like(inserts.flat, N), inserts.offsets),
    "uniform": lambda inserts, _: Ragged(np.full_like(inserts.flat, _UNIFORM), inserts.offsets),
    "shuffled": shuffle_dinucleotides,
}
"""What stands in the insert's place in a baseline: N, whose row is zeros; rows of a quarter of each base, for which there is no letter; or
the insert shuffled with its dinucleotides kept."""


class Attributor:
    """Tells what each letter of inserts contributes to a network's predictions.

    A contribution is a multiplier times what differs from the baseline, whose flanks are the sequence's own.

    - `"gradient"`: the multiplier is the gradient at the sequence: with zeros, gradient times input; with uniform rows, the corrected
      gradient (Majdandzic et al. 2023). It explains the prediction near the sequence, and its contributions need not add up to anything.
    - `"integrated"`: the mean gradient on the straight line from baseline to sequence (Sundararajan et al. 2017), at the points
      of a Gauss-Legendre quadrature. Contributions add up to the difference of the two predictions, but for the quadrature's error. With
      shuffled baselines, the mean over these.
    - `"deeplift"`: the same within each stage of the network, between what the stage is given for the baseline and for the
      sequence; the multipliers of the stages are chained. Stages are the blocks, and the steps of a core that is a chain of some
      (`Core.stages`). Where a stage is linear maps around one elementwise function, this is the rescale rule of DeepLIFT (Shrikumar et
      al. 2017), and with shuffled baselines DeepSHAP. In stages with more in them, such as an LSTM, gates or attention, it is not
      DeepLIFT's rule for each operation; the reveal-cancel rule is nowhere. A network around an enzyme's bias is one stage.

    Args:
        network: A network that computes in float32, as `export.tracing.load_network` gives it.
        method: One of `METHODS`.
        baseline: One of `BASELINES`; by default the method's own.
        references: Shuffled baselines a sequence.
        steps: Points at which a stage is differentiated; by default the method's own. The gradient takes none.
        seed: Which shuffled baselines.
        batch_size: Windows at once.

    Raises:
        InputError: A choice is unknown or out of range, or the method does not take it.
    """

    def __init__(
        self,
        network: PrixFixe,
        method: str = "integrated",
        *,
        baseline: str | None = None,
        references: int = 10,
        steps: int | None = None,
        seed: int = 0,
        batch_size: int = 64,
    ) -> None:
        _check(method, baseline, references, steps, batch_size)
        chosen = METHODS[method]
        self.network, self.batch_size = network, batch_size
        self._baseline = chosen.baseline if baseline is None else baseline
        self._references = references if self._baseline == "shuffled" else 1
        self._rows = max(1, AT_ONCE // (network.construct.length * self._references))
        self._random = np.random.default_rng(seed)
        self._chain = Chain(chosen.stages(network), _quadrature(steps or chosen.steps))

    def attribute(self, records: Records, progress: Callable[[int], None] | None = None) -> Attribution:
        """The contributions of the letters of some sequences' inserts.

        Args:
            records: n named sequences. Shuffled baselines are drawn one after the other from call to call.
            progress: Told now and then how many more sequences are done.

        Raises:
            InputError: A sequence does not fit the construct; the message names it.
        """
        construct, tasks = self.network.construct, len(self.network.tasks)
        shapes, empty = ((0, tasks), (0, tasks), (0, len(BASES), tasks)), construct.inserts(records.sequences.between(0, 0))
        parts = [Attribution([], empty, *(np.empty(shape, np.float32) for shape in shapes))]
        for piece in records.batches(self._rows):
            parts.append(self._piece(piece, construct.cut(piece)))
            if progress:
                progress(len(piece.ids))
        return Attribution(
            records.ids, construct.inserts(records.sequences), *(np.concatenate(columns) for columns in list(zip(*parts, strict=True))[2:])
        )

    def attribute_records(
        self, records: Iterable[Records], on_error: Literal["fail", "skip"] = "fail", progress: Callable[[int], None] | None = None
    ) -> Iterator[BatchResult[Attribution]]:
        """The contributions in many records, in order, of a few at a time; `effect_files.write_effects` takes them.

        Args:
            records: Batches of records.
            on_error: What a record that does not fit does: `"fail"` raises, `"skip"` leaves it out.
            progress: Told after each batch how many they were.

        Raises:
            InputError: A record does not fit and `on_error` is `"fail"`.
        """
        for batch in records:
            problems = self.network.construct.problems(batch.sequences) if on_error == "skip" else {}
            fitting, skipped = leave_out(batch, problems)
            for part in list(fitting.batches(self._rows)) or [fitting]:
                yield BatchResult(self.attribute(part, progress), skipped)
                skipped = Skipped()

    def _piece(self, records: Records, letters: np.ndarray) -> Attribution:
        construct = self.network.construct
        inserts = construct.inserts(records.sequences)
        repeated = inserts.select(np.repeat(np.arange(len(inserts)), self._references))
        baselines = construct.surround(BASELINES[self._baseline](repeated, self._random))
        reference, baseline, scores = self._window_scores(letters, baselines)
        rows = inserts.owners()
        columns = np.arange(len(rows)) + (construct.first_columns(inserts.lengths) - inserts.offsets[:-1])[rows]
        return Attribution(records.ids, inserts, reference, baseline, scores[rows, columns])

    def _window_scores(self, letters: np.ndarray, baselines: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predictions, the baselines' mean predictions, and hypothetical contributions float32 (n, length, 4, tasks)."""
        shown, reverse = views(self.network, letters)
        others, _ = views(self.network, baselines)
        found = []
        for view, (window, other, turned) in enumerate(zip(shown, others, reverse, strict=True)):
            *values, scores = self._view_scores(ops.convert_to_numpy(window), ops.convert_to_numpy(other), turned)
            shift = view % (2 * self.network.test_shifts + 1) - self.network.test_shifts
            scores = _to_window(scores, bool(turned), shift)
            found.append([*values, unpacked(scores, letters, bool(turned)) if is_packed(self.network.construct) else scores])
        reference, baseline, scores = (sum(parts[1:], parts[0]) / len(parts) for parts in zip(*found, strict=True))
        return reference, baseline, scores

    def _view_scores(self, letters: np.ndarray, baselines: np.ndarray, turned: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        flags = np.array([turned * (flag == "is_reverse") for flag in self.network.construct.flags], np.float32)
        owners = np.arange(len(baselines)) // self._references
        found = []
        size = min(self.batch_size, len(owners))
        for first in range(0, len(owners), size):
            # The last batch is filled, so that a backend compiles one shape.
            rows = np.minimum(np.arange(first, first + size), len(owners) - 1)
            pair = _features(letters[owners[rows]], flags), _features(baselines[rows], flags)
            answers = self._chain.explain(*pair, len(self.network.tasks))
            found.append([answer[: len(owners) - first] for answer in answers])
        reference, baseline, multipliers = (np.concatenate(parts) for parts in zip(*found, strict=True))
        multipliers = multipliers[:, :, : len(BASES)]
        scores = multipliers - np.einsum("nlb,nlbt->nlt", _ROWS[baselines], multipliers)[:, :, None]
        means = (values.reshape(len(letters), self._references, *values.shape[1:]).mean(axis=1) for values in (reference, baseline, scores))
        return tuple(means)


def _check(method: str, baseline: str | None, references: int, steps: int | None, batch_size: int) -> None:
    for name, value, allowed in (("method", method, METHODS), ("baseline", "zeros" if baseline is None else baseline, BASELINES)):
        if value not in allowed:
            raise InputError(f"Expected {name} to be one of {', '.join(allowed)}, got {value!r}.")
    for name, number in (("references", references), ("steps", 1 if steps is None else steps), ("batch_size", batch_size)):
        if number < 1:
            raise InputError(f"Expected at least 1 for {name}, got {number}.")
    if METHODS[method].steps is None and steps is not None:
        raise InputError(f"Expected no steps for the method {method}, got {steps}.")


def _quadrature(steps: int | None) -> list[tuple[float, float]]:
    """Points on the line from a baseline, 0, to a sequence, 1, and their weights."""
    if steps is None:
        return [(1.0, 1.0)]
    points, weights = np.polynomial.legendre.leggauss(steps)
    return list(zip((1 + points) / 2, weights / 2, strict=True))


def _features(letters: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """What `LetterEncoding` makes of letters, float32 (n, length, 4 + flags)."""
    return np.concatenate([_ROWS[letters], np.broadcast_to(flags, (*letters.shape, len(flags)))], axis=2)


def _to_window(scores: np.ndarray, turned: bool, shift: int) -> np.ndarray:
    """Scores of a view, (n, length, 4, tasks), as those of the window that it is a view of."""
    if turned:
        scores = scores[:, ::-1, _COMPLEMENTS]
    moved = np.zeros_like(scores)
    length = scores.shape[1]
    moved[:, max(shift, 0) : length + min(shift, 0)] = scores[:, max(-shift, 0) : length - max(shift, 0)]
    return moved
