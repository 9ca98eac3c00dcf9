"""Rehearses a run: executes the code of the command on all files with a stand-in for the model, and writes nothing.

The rehearsal counts the same records and windows as the real run, and an error in the rehearsal would also stop the real run. Time and
memory are estimated from a short measurement of the model.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import DreamkerasError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.scoring.tuning import batch_times
from dreamkeras.sequence.ragged import Ragged

from .inventory import Line

__all__ = ["Discard", "Preflight", "StandIn", "preflight"]


MEASURED = 1.0
"""Duration of the speed measurement of the model, in seconds."""


class Preflight(NamedTuple):
    """Report of a dry run.

    Args:
        lines: Lines on the inputs, model calls, time and memory.
        failure: Error with which the run would fail, or an empty string if the run would succeed.
        windows: Number of windows that the model would score.
        seconds: Estimated duration of the run in seconds.
        megabytes: Estimated memory of the run in megabytes. 0 on Windows, where the memory is unknown.
    """

    lines: Sequence[Line]
    failure: str
    windows: int
    seconds: float
    megabytes: float

    def __str__(self) -> str:
        """Formats the report as text, with one line for each entry."""
        verdict = Line("Would fail", self.failure) if self.failure else Line("Would run", "nothing was written")
        return "\n".join(f"{line.subject:<12} {line.text}" for line in (*self.lines, verdict))


class StandIn(Wrapped):
    """Predicts 0 for every window, in place of a model, and counts windows and batches.

    Args:
        scorer: Model that is replaced.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer)
        self.asked, self.batches = 0, 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the model."""
        return self.scorer.columns

    def text_codes(self, sequences: Ragged) -> np.ndarray:
        """Returns the codes of the model."""
        return self.scorer.text_codes(sequences)

    def add_columns(self, values: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Returns the columns that the model would add to the zeros."""
        return self.scorer.add_columns(values, codes)

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Counts the windows and returns zeros, float32 (n, predicted columns)."""
        self.asked += len(windows[0])
        self.batches += -(-len(windows[0]) // batch_size)
        if progress:
            progress(len(windows[0]))
        return np.zeros((len(windows[0]), len(self.predicted_columns)), np.float32)


class Discard:
    """Sink that discards all results."""

    def write(self, *rows: object) -> None:
        """Discards the rows."""


def preflight(scorer: Scorer, rehearse: Callable[[StandIn, list[Line]], str], batch_size: int = BATCH_SIZE) -> Preflight:
    """Rehearses a run with a stand-in for the model, then measures the speed of the model for one second.

    Args:
        scorer: Model of the run.
        rehearse: Function that executes the run with a stand-in and writes nothing. The function appends lines of the report to its second
            argument, and returns the error with which the run would fail, or an empty string.
        batch_size: Number of windows scored at a time.
    """
    stand_in, began = StandIn(scorer), time.perf_counter()
    names = ", ".join(f"{construct.name} of {construct.length} bases" for construct in scorer.constructs)
    lines = [Line("Model", f"{scorer.name}: input construct {names}, predicted columns {', '.join(scorer.columns)}")]
    try:
        failure = rehearse(stand_in, lines)
    except DreamkerasError as error:
        failure = str(error)
    seconds = reading = time.perf_counter() - began
    if stand_in.asked:
        times = batch_times(scorer, batch_size, MEASURED)
        speed = batch_size * len(times) / sum(times)
        seconds += stand_in.asked / speed
        lines.append(
            Line(
                "Model calls",
                f"{stand_in.asked:,} windows in {stand_in.batches:,} batch{'es' * (stand_in.batches != 1)} of up to {batch_size} windows",
            )
        )
        lines.append(
            Line("Time", f"{_duration(seconds)} at {speed:,.0f} windows per second, of which reading the files takes {_duration(reading)}")
        )
    # This process has read the same files and called the same model as the run would, so its peak memory is a good estimate.
    megabytes = _peak_megabytes()
    if megabytes and not failure:
        lines.append(Line("Memory", f"about {megabytes:,.0f} MB"))
    return Preflight(lines, failure, stand_in.asked, seconds, megabytes)


def _peak_megabytes() -> float:
    """Returns the maximum memory of this process so far, or 0 on Windows, where Python does not report it."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


def _duration(seconds: float) -> str:
    if seconds < 0.1:
        return "less than 0.1 s"
    if seconds >= 3600:
        return f"about {seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    if seconds >= 60:
        return f"about {seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"about {seconds:.1f} s" if seconds < 10 else f"about {seconds:.0f} s"
