"""The leaderboard: combinations of choices ranked by validation r, over seeds, each compared with the best; as TSV and Markdown."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.evaluation.bootstrap import DRAWS, Interval, paired_differences
from dreamkeras.sequence.outputs import open_output

__all__ = ["Result", "Row", "rank", "write_leaderboard"]


class Result(NamedTuple):
    """What came of one run.

    Args:
        combination: The choices that it shares with runs of other seeds.
        r: Validation r, the mean over tasks; NaN where it is undefined.
        parameters: Trainable parameters of its network.
        seconds: Time in training.
        speed: Sequences it trained on in a second.
        measured: float64 (n, tasks), what it was validated on.
        predicted: float64 (n, tasks), its predictions.
    """

    combination: str
    r: float
    parameters: int
    seconds: float
    speed: float
    measured: np.ndarray
    predicted: np.ndarray


class Row(NamedTuple):
    """A combination's place on the leaderboard.

    Args:
        combination: Its name.
        each: The validation r of each of its runs.
        r: Their mean.
        sd: Their standard deviation, with one degree of freedom less than runs; NaN for a single run.
        parameters: Trainable parameters.
        minutes: Mean time in training.
        speed: Mean number of sequences trained on in a second.
        behind: How much lower its r is than the best one's; None for the best.
    """

    combination: str
    each: tuple[float, ...]
    r: float
    sd: float
    parameters: int
    minutes: float
    speed: float
    behind: Interval | None


COLUMNS = ("combination", "runs", "r", "sd", "parameters", "minutes", "sequences_per_second", "behind", "behind_low", "behind_high")


def rank(results: Sequence[Result], draws: int = DRAWS, seed: int = 0) -> list[Row]:
    """The combinations, best first; those whose r is undefined come last.

    Args:
        results: Of runs that were validated on the same sequences.
        draws: Resamples of the validation sequences for the intervals.
        seed: Which resamples.

    Raises:
        InputError: There is no result, or two were validated on different sequences.
    """
    if not results:
        raise InputError("Expected at least one run to rank, got none.")
    for result in results:
        if not np.array_equal(result.measured, results[0].measured):
            both = f"{results[0].combination} and {result.combination}"
            raise InputError(f"Expected runs that were validated on the same sequences, got others in {both}.")
    names = list(dict.fromkeys(result.combination for result in results))
    rows = [_row(name, [result for result in results if result.combination == name]) for name in names]
    rows.sort(key=lambda row: -np.inf if np.isnan(row.r) else row.r, reverse=True)
    order = {row.combination: place for place, row in enumerate(rows)}
    groups = [order[result.combination] for result in results]
    behind = paired_differences(results[0].measured, [result.predicted for result in results], groups, 0, draws, seed)
    return [row._replace(behind=behind.get(place)) for place, row in enumerate(rows)]


def _row(name: str, results: Sequence[Result]) -> Row:
    r = np.array([result.r for result in results])
    return Row(
        combination=name,
        each=tuple(r.tolist()),
        r=float(r.mean()),
        sd=float(r.std(ddof=1)) if len(r) > 1 else float("nan"),
        parameters=results[0].parameters,
        minutes=float(np.mean([result.seconds for result in results])) / 60,
        speed=float(np.mean([result.speed for result in results])),
        behind=None,
    )


def write_leaderboard(rows: Sequence[Row], sequences: int, failures: Mapping[str, str], folder: Path) -> None:
    """Writes `leaderboard.tsv` and `leaderboard.md`.

    Args:
        rows: The leaderboard.
        sequences: How many were validated on.
        failures: Why runs failed, by name; listed in the Markdown file.
        folder: Where the files go; each appears whole or not at all.

    Raises:
        DreamkerasError: A file cannot be written.
    """
    for name, text in (("leaderboard.tsv", _table(rows)), ("leaderboard.md", _markdown(rows, sequences, failures))):
        with open_output(str(folder / name)) as file:
            file.write(text.encode())


def _table(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        figures = (row.r, row.sd, row.parameters, row.minutes, row.speed, *(row.behind or ("", "", "")))
        writer.writerow([row.combination, len(row.each), *(f"{value:.6g}" if isinstance(value, float) else value for value in figures)])
    return text.getvalue()


def _markdown(rows: Sequence[Row], sequences: int, failures: Mapping[str, str]) -> str:
    lines = [
        "# Leaderboard",
        "",
        "| combination | runs | r | sd | parameters | minutes | sequences a second | behind the best (95 % interval) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = "" if np.isnan(row.sd) else f"{row.sd:.4f}"
        figures = f"{row.r:.4f} | {spread} | {row.parameters:,} | {row.minutes:.1f} | {row.speed:,.0f}"
        lines.append(f"| {row.combination} | {len(row.each)} | {figures} | {_behind(row.behind)} |")
    lines += [
        "",
        f"r is Pearson's on {sequences:,} validation sequences, the mean over runs of different seeds; sd is that of the runs.",
        "The interval is of a paired bootstrap over the validation sequences: it tells what other sequences would change, not what",
        "other seeds would.",
    ]
    if failures:
        lines += ["", "## Failed runs", "", "| run | reason |", "|---|---|"]
        lines += [f"| {name} | {reason.replace('|', '&#124;')} |" for name, reason in failures.items()]
    return "\n".join(lines) + "\n"


def _behind(behind: Interval | None) -> str:
    return "" if behind is None else f"{behind.value:.4f} ({behind.low:.4f} to {behind.high:.4f})"
