"""What a run over files would do, found out without doing it: its own code runs with a stand-in for the model, and writes nothing.

So what is counted is what would be asked, and what fails here would fail there. Time and memory follow from a short measurement.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import DreamkerasError
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.scoring.tuning import batch_times
from dreamkeras.sequence.alphabet import IS_BASE
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.genome import Genome, find_contig
from dreamkeras.sequence.reading import sniff_format
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.regions import read_bed
from dreamkeras.sequence.sources import STANDARD, open_source, source_name

__all__ = ["Discard", "Line", "Preflight", "StandIn", "Tally", "describe_contigs", "describe_files", "describe_regions", "preflight"]

NAMES = 5
"""Contigs that are named where a genome lacks them."""


MEASURED = 1.0
"""Seconds for which the model is measured."""


class Line(NamedTuple):
    """One line of a report: what it is about, and what is true of it."""

    subject: str
    text: str


class Preflight(NamedTuple):
    """The report.

    Args:
        lines: What would be read, asked and needed.
        failure: Why the run would fail; empty if it would not.
        windows: How many windows the model would be asked about.
        seconds: How long it would take.
        megabytes: The memory it would take.
    """

    lines: Sequence[Line]
    failure: str
    windows: int
    seconds: float
    megabytes: float

    def __str__(self) -> str:
        """For people, a line for each."""
        verdict = Line("Would fail", self.failure) if self.failure else Line("Would run", "nothing was written")
        return "\n".join(f"{line.subject:<12} {line.text}" for line in (*self.lines, verdict))


class StandIn(Scorer):
    """In a model's place: answers 0 to everything, and counts what it is asked.

    Args:
        scorer: The model.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.asked, self.batches = 0, 0

    @property
    def name(self) -> str:
        """The model's."""
        return self._scorer.name

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The model's."""
        return self._scorer.constructs

    @property
    def tasks(self) -> tuple[str, ...]:
        """The model's."""
        return self._scorer.tasks

    @property
    def units(self) -> tuple[str, ...]:
        """The model's."""
        return self._scorer.units

    @property
    def has_spread(self) -> bool:
        """The model's."""
        return self._scorer.has_spread

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's."""
        return self._scorer.columns

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


class Tally:
    """Counts records while they are read.

    Args:
        constructs: The models', which records have to fit.
    """

    def __init__(self, constructs: Sequence[Construct]) -> None:
        self._constructs = constructs
        self.records, self.letters, self.unknown, self.unfit = 0, 0, 0, 0
        self.reasons: dict[str, int] = {}
        self.first: dict[str, str] = {}

    def watch(self, batches: Iterable[Records]) -> Iterator[Records]:
        """The same batches."""
        for batch in batches:
            self._add(batch)
            yield batch

    def _add(self, batch: Records) -> None:
        self.records += len(batch.ids)
        self.letters += len(batch.sequences.flat)
        self.unknown += int((~IS_BASE[batch.sequences.flat]).sum())
        problems: dict[int, str] = {}
        for construct in self._constructs:
            problems = {**construct.problems(batch.sequences), **problems}
        self.unfit += len(problems)
        for index, problem in sorted(problems.items()):
            kind = problem.partition(", got ")[0]
            self.reasons[kind] = self.reasons.get(kind, 0) + 1
            self.first.setdefault(kind, f"{problem} in {batch.place(index)}")

    def failure(self, on_error: str) -> str:
        """Why a run would fail that ends at the first record which does not fit, or skips it, as `pipeline.score_records` does."""
        first = next(iter(self.first.values()), "")
        if self.unfit and on_error == "fail":
            return f"{first}."
        if self.unfit and self.unfit == self.records:
            return f"Expected a sequence that fits the model, got none among {self.unfit:,}; the first: {first}."
        return ""

    def lines(self) -> list[Line]:
        """What was counted: one line, and one for each reason why records do not fit."""
        share = 100 * self.unknown / max(self.letters, 1)
        read = f"{self.records:,} with {self.letters:,} letters, {share:.2g} % of them N or another code than A, C, G, T"
        unfit = [Line("Do not fit", f"{count:,}: {self.first[kind]}") for kind, count in self.reasons.items()]
        return [Line("Records", read), Line("Fit", f"{self.records - self.unfit:,} of {self.records:,}"), *unfit]


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
        speed = _speed(scorer, batch_size)
        seconds += stand_in.asked / speed
        lines.append(Line("Model calls", f"{stand_in.asked:,} windows, in batches of up to {batch_size}: {stand_in.batches:,}"))
        lines.append(Line("Time", f"{_duration(seconds)}: {speed:,.0f} windows a second here, and {_duration(reading)} for the files"))
    megabytes = _peak_megabytes()
    if not failure:
        lines.append(Line("Memory", f"about {megabytes:,.0f} MB"))
    return Preflight(lines, failure, stand_in.asked, seconds, megabytes)


def describe_files(paths: Iterable[str], *, is_table: bool = False) -> list[Line]:
    """The format of each file, as `read_records` would tell it; standard input is not looked at before it is read.

    Raises:
        InputError: A file is missing, empty or broken.
    """
    lines = []
    for path in paths:
        if path == STANDARD:
            lines.append(Line("Input", source_name(path)))
            continue
        with open_source(path) as source:
            lines.append(Line("Input", f"{path}: {sniff_format(source, is_table=is_table)}"))
    return lines


def describe_regions(paths: Iterable[str], genome: Genome) -> list[Line]:
    """How many regions of BED files there are, and how many of them are on contigs of a genome.

    Raises:
        InputError: A file cannot be read, or a line of it is no region.
    """
    lines = []
    for path in paths:
        bed = read_bed(path)
        counts: dict[str, int] = {}
        for contig in bed.regions.contigs:
            counts[contig] = counts.get(contig, 0) + 1
        lines += [Line("Input", f"{path}: {len(bed.lines):,} regions"), *describe_contigs(counts, genome)]
        limits = [genome.lengths.get(find_contig(name, genome.lengths) or "", np.inf) for name in bed.regions.contigs]
        beyond = np.flatnonzero(bed.regions.ends > np.array(limits))
        if len(beyond):
            first = f"{bed.regions.names[beyond[0]]} in line {bed.lines[beyond[0]]}"
            lines.append(Line("Beyond", f"regions that end behind their contig: {len(beyond):,}, the first {first}"))
    return lines


def describe_contigs(counts: Mapping[str, int], genome: Genome) -> list[Line]:
    """Which names of contigs a genome has, with or without `chr`; `counts` tells how often each comes."""
    lengths = genome.lengths
    lacking = {name: count for name, count in counts.items() if find_contig(name, lengths) is None}
    lines = [Line("Contigs", f"{len(counts) - len(lacking)} of {len(counts)} names are in {genome.path}")]
    if lacking:
        some = ", ".join(f"{name} ({count:,})" for name, count in list(lacking.items())[:NAMES]) + ", ..." * (len(lacking) > NAMES)
        lines.append(Line("Not there", f"{some}; the genome has {', '.join(list(lengths)[:NAMES])}{', ...' * (len(lengths) > NAMES)}"))
    return lines


def _speed(scorer: Scorer, batch_size: int) -> float:
    """Windows a second, over all batches: what the machine does beside is part of it."""
    times = batch_times(scorer, batch_size, MEASURED)
    return batch_size * len(times) / sum(times)


def _peak_megabytes() -> float:
    """The most that this process has held, which has read the same files and asked the same model."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


def _duration(seconds: float) -> str:
    if seconds < 0.1:
        return "less than 0.1 s"
    if seconds >= 3600:
        return f"about {seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    if seconds >= 60:
        return f"about {seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"about {seconds:.1f} s" if seconds < 10 else f"about {seconds:.0f} s"
