"""A rehearsal of a run over files: its own code runs with a stand-in for the model, and writes nothing.

So what is counted is what would be asked, and what fails here would fail there. Time and memory follow from a short measurement.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import DreamkerasError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, Wrapped
from dreamkeras.scoring.tuning import batch_times

from .inventory import Line

__all__ = ["Discard", "Preflight", "StandIn", "preflight"]


MEASURED = 1.0
"""Seconds for which the model is measured."""


class Preflight(NamedTuple):
    """The report.

    Args:
        lines: Inputs, calls of the model, time and memory.
        failure: Why the run would fail; empty if it would not.
        windows: How many windows the model would be asked about.
        seconds: How long it would take.
        megabytes: The memory it would take; 0 on Windows, where it is not known.
    """

    lines: Sequence[Line]
    failure: str
    windows: int
    seconds: float
    megabytes: float

    def __str__(self) -> str:
        """The report as text, a line for each."""
        verdict = Line("Would fail", self.failure) if self.failure else Line("Would run", "nothing was written")
        return "\n".join(f"{line.subject:<12} {line.text}" for line in (*self.lines, verdict))


class StandIn(Wrapped):
    """In a model's place: answers 0 to everything, and counts what it is asked.

    Args:
        scorer: The model.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer)
        self.asked, self.batches = 0, 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's."""
        return self.scorer.columns

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, columns), zeros."""
        self.asked += len(windows[0])
        self.batches += -(-len(windows[0]) // batch_size)
        if progress:
            progress(len(windows[0]))
        return np.zeros((len(windows[0]), len(self.columns)), np.float32)


class Discard:
    """Takes results and keeps none."""

    def write(self, *rows: object) -> None:
        """Does nothing."""


def preflight(scorer: Scorer, rehearse: Callable[[StandIn, list[Line]], str], batch_size: int = BATCH_SIZE) -> Preflight:
    """Runs with a stand-in for the model, then measures the model for a second.

    Args:
        scorer: The model.
        rehearse: Does all that the run would do, but with the stand-in that it is given, and writes nothing; adds lines to the list, and
            returns why the run would fail, or an empty text.
        batch_size: Windows scored at once.
    """
    stand_in, began = StandIn(scorer), time.perf_counter()
    names = ", ".join(f"{construct.name} of {construct.length} letters" for construct in scorer.constructs if construct.length > 1)
    lines = [Line("Model", f"{scorer.name}: construct {names}; answers {', '.join(scorer.columns)}")]
    try:
        failure = rehearse(stand_in, lines)
    except DreamkerasError as error:
        failure = str(error)
    seconds = reading = time.perf_counter() - began
    if stand_in.asked:
        times = batch_times(scorer, batch_size, MEASURED)
        speed = batch_size * len(times) / sum(times)
        seconds += stand_in.asked / speed
        lines.append(Line("Model calls", f"{stand_in.asked:,} windows, in batches of up to {batch_size}: {stand_in.batches:,}"))
        lines.append(Line("Time", f"{_duration(seconds)}: {speed:,.0f} windows a second here, and {_duration(reading)} for the files"))
    # This process has read the same files and called the same model.
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
