"""Computes gradient-based attributions on every backend: gradient times input, integrated gradients, and a DeepLIFT-style rule.

The attributions explain the prediction of the exported model. All flags except `is_reverse` are 0. The prediction is averaged over both
strands if the strand rule requires it, and over the network's test shifts. For tasks with a transformation, binary tasks and counts, the
attributions explain the prediction on the scale of the network, see `sequence.task_scale`. The module `differentiation` computes the
gradients.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from dreamkeras.errors import InputError, OnError
from dreamkeras.explain.attribution import Attribution
from dreamkeras.explain.mutagenesis import BatchResult
from dreamkeras.explain.mutants import fit_problems, require_fit
from dreamkeras.explain.parts import Span, explained_parts, span_problems
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
"""Maximum number of baseline letters whose multipliers are in memory at a time.

With this number of letters, the multipliers require about 12 MB for each task.
"""

_UNIFORM = np.uint8(0)
"""Code of an equal mixture of the four bases. The code 0 is not used for letters or for their complements."""

_ROWS = ONE_HOT.copy()
_ROWS[_UNIFORM] = 1 / len(BASES)

_COMPLEMENTS = [BASES.index(chr(COMPLEMENT[ord(base)])) for base in BASES]


class Method(NamedTuple):
    """The settings of an attribution method.

    Every method propagates multipliers backwards through the stages of a network, which are layers that are applied one after another.

    Args:
        stages: Function that returns the layers through which multipliers are propagated, in the order of the network.
        steps: Number of points on the path from the baseline to the sequence at which gradients are computed. If None, gradients are
            computed only at the sequence.
        baseline: The method's default baseline, one of `BASELINES`.
    """

    stages: Callable[[PrixFixe], list[keras.layers.Layer]]
    steps: int | None
    baseline: str


def _whole(network: PrixFixe) -> list[keras.layers.Layer]:
    return [WholeNetwork(network)]


def _blocks(network: PrixFixe) -> list[keras.layers.Layer]:
    if network.bias is not None:
        return _whole(network)  # The bias network runs in parallel, so the blocks do not form a chain.
    return [network.first, *network.core.stages(), network.final]


METHODS = dict(
    zip(
        names.ATTRIBUTION_METHODS, (Method(_whole, None, "zeros"), Method(_whole, 16, "zeros"), Method(_blocks, 8, "shuffled")), strict=True
    )
)
"""Attribution methods by name. `Attributor` defines each method."""


BASELINES: dict[str, Callable[[Ragged, np.random.Generator], Ragged]] = {
    "zeros": lambda inserts, _: Ragged(np.full_like(inserts.flat, N), inserts.offsets),
    "uniform": lambda inserts, _: Ragged(np.full_like(inserts.flat, _UNIFORM), inserts.offsets),
    "shuffled": shuffle_dinucleotides,
}
"""Functions that return the inserts of baselines, by name. `"zeros"` returns N, which is encoded as zeros. `"uniform"` returns an equal
mixture of the four bases. `"shuffled"` shuffles the insert and keeps its dinucleotide counts."""


class Attributor:
    """Computes the contribution of each base of an insert to a network's predictions.

    The contribution of a base is a multiplier times the difference between the encoded base and the baseline. A baseline has the same
    flanks as the sequence. The methods differ in their multipliers:

    - `"gradient"`: the multiplier is the gradient at the sequence. With the baseline `"zeros"`, the method is gradient times input. With
      the baseline `"uniform"`, the method is the corrected gradient (Majdandzic et al. 2023). Gradients describe the effect of small
      changes of the sequence. The sum of the contributions has no meaning.
    - `"integrated"`: the multiplier is the mean gradient on the straight line from the baseline to the sequence (Sundararajan et al. 2017),
      by Gauss-Legendre quadrature. Except for the quadrature error, the contributions add up to the difference between the predictions for
      the sequence and the baseline. With shuffled baselines, the contributions are averaged over the baselines.
    - `"deeplift"`: integrated gradients are computed for each stage of the network. The baseline and the sequence each give one input of
      the stage, and the gradients are averaged on the line between these two inputs. The multipliers of all stages are combined by the
      chain rule. A stage is a block, or one step of a core that is a chain of steps (`Core.stages`). If a stage consists of linear maps
      before and after a single elementwise function, the method equals the rescale rule of DeepLIFT (Shrikumar et al. 2017) or, with
      shuffled baselines, DeepSHAP. For other stages, such as an LSTM, gates or attention, the method differs from applying DeepLIFT's rule
      to each operation. The reveal-cancel rule is not implemented. A network with an `EnzymeBias` layer is treated as a single stage.

    Args:
        network: A network that computes in float32, as returned by `export.tracing.load_network`.
        method: One of `METHODS`.
        baseline: One of `BASELINES`. If None, the default baseline of the method is used.
        references: Number of shuffled baselines for each sequence.
        steps: Number of points on the path from the baseline to the sequence at which gradients are computed. If None, the default number
            of the method is used. Not available for `"gradient"`.
        seed: Random seed of the shuffled baselines.
        batch_size: Number of windows in a batch.

    Raises:
        InputError: An argument is unknown, out of range, or not available for the method.
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

    def attribute(self, records: Records, progress: Callable[[int], None] | None = None, *, span: Span | None = None) -> Attribution:
        """Computes the contributions of all bases in the inserts of the given sequences.

        Args:
            records: Named sequences. Successive calls draw different shuffled baselines.
            progress: Function that receives the number of sequences finished since its previous call.
            span: Positions of each insert whose contributions are returned. If None, the contributions of all positions are returned.

        Raises:
            InputError: A sequence does not fit the construct. The message names the sequence.
        """
        require_fit(records, span_problems(records, [self.network.construct], span))
        construct, tasks = self.network.construct, len(self.network.tasks)
        shapes, empty = ((0, tasks), (0, tasks), (0, len(BASES), tasks)), construct.inserts(records.sequences.between(0, 0))
        parts = [Attribution([], empty, *(np.empty(shape, np.float32) for shape in shapes))]
        for piece in records.batches(self._rows):
            parts.append(self._piece(piece, construct.cut(piece)))
            if progress:
                progress(len(piece.ids))
        reference, baseline, scores = (np.concatenate([part[column] for part in parts]) for column in (2, 3, 4))
        found = Attribution(records.ids, construct.inserts(records.sequences), reference, baseline, scores)
        return found if span is None and records.padding is None else found.within(explained_parts(records, construct, span))

    def attribute_records(
        self,
        records: Iterable[Records],
        on_error: OnError = "fail",
        progress: Callable[[int], None] | None = None,
        *,
        span: Span | None = None,
    ) -> Iterator[BatchResult[Attribution]]:
        """Yields the contributions for a stream of records in order, in small batches that `effect_files.write_effects` can write.

        Args:
            records: Batches of records.
            on_error: Action for a record that does not fit the construct: `"fail"` raises an error, and `"skip"` skips the record.
            progress: Function that receives the number of sequences finished since its previous call.
            span: As for `attribute`.

        Raises:
            InputError: A record does not fit the construct, and `on_error` is `"fail"`.
        """
        construct = self.network.construct
        for batch in records:
            problems = fit_problems(batch, [construct], span) if on_error == "skip" else {}
            fitting, skipped = leave_out(batch, problems)
            for part in list(fitting.batches(self._rows)) or [fitting]:
                yield BatchResult(self.attribute(part, progress, span=span), skipped)
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
        """Returns the predictions for the windows, the mean predictions for their baselines, and the hypothetical contributions.

        The shape of the hypothetical contributions is (n, length, 4, tasks).
        """
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
            # The last batch is padded, so that the backend compiles a single shape.
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
            raise InputError(f"Expected {name} to be at least 1, got {number}.")
    if METHODS[method].steps is None and steps is not None:
        raise InputError(f"The method {method} does not use steps, but steps is {steps}.")


def _quadrature(steps: int | None) -> list[tuple[float, float]]:
    """Returns Gauss-Legendre points and their weights. Point 0 is the baseline, and point 1 is the sequence."""
    if steps is None:
        return [(1.0, 1.0)]
    points, weights = np.polynomial.legendre.leggauss(steps)
    return list(zip((1 + points) / 2, weights / 2, strict=True))


def _features(letters: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Encodes letters in the same way as `LetterEncoding`, float32 (n, length, 4 + flags)."""
    return np.concatenate([_ROWS[letters], np.broadcast_to(flags, (*letters.shape, len(flags)))], axis=2)


def _to_window(scores: np.ndarray, turned: bool, shift: int) -> np.ndarray:
    """Maps the scores of a shifted or reverse-complemented view, (n, length, 4, tasks), back to the positions and strand of the window."""
    if turned:
        scores = scores[:, ::-1, _COMPLEMENTS]
    moved = np.zeros_like(scores)
    length = scores.shape[1]
    moved[:, max(shift, 0) : length + min(shift, 0)] = scores[:, max(-shift, 0) : length - max(shift, 0)]
    return moved
