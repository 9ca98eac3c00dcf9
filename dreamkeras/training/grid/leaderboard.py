"""Leaderboard: ranks combinations of options by their mean validation r over seeds, and writes the table as TSV and Markdown."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError, counted
from dreamkeras.files.outputs import write_text
from dreamkeras.statistics.bootstrap import DRAWS, Interval, paired_differences
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_defined, mean_or_zero, varies

__all__ = ["LeaderboardRow", "Result", "rank", "write_leaderboard"]


class Result(NamedTuple):
    """Result of one run.

    Args:
        combination: Name of the combination of options. Runs that differ only in the seed belong to the same combination.
        r: Validation r, the mean over the tasks for which r is defined. The value is NaN if r is undefined for all tasks.
        parameters: Number of trainable parameters of the network.
        seconds: Duration of training, in seconds.
        speed: Number of training sequences per second.
        measured: float64 (n, tasks), measured values of the validation sequences.
        predicted: float64 (n, tasks), predicted values for the validation sequences.
        error: Mean squared error divided by the variance of the training values, averaged over tasks. Runs with undefined r are ranked by
            this error.
    """

    combination: str
    r: float
    parameters: int
    seconds: float
    speed: float
    measured: np.ndarray
    predicted: np.ndarray
    error: float = float("nan")


class LeaderboardRow(NamedTuple):
    """Row of a combination on the leaderboard.

    Args:
        combination: Name of the combination.
        each: Validation r of each run. If r is undefined for a task because the predictions are constant, the r of the task counts as 0.
        r: Mean of `each`. An undefined r counts as 0 in the mean. The mean is NaN if r is undefined for all runs.
        sd: Standard deviation of `each`, with n - 1 degrees of freedom. An undefined r counts as 0. The standard deviation is NaN for a
            single run.
        parameters: Number of trainable parameters.
        minutes: Mean duration of training, in minutes.
        speed: Mean number of training sequences per second.
        behind: Mean r of the best combination minus mean r of this combination. The value is None for the best combination.
        error: Mean of `Result.error` over the runs.
    """

    combination: str
    each: tuple[float, ...]
    r: float
    sd: float
    parameters: int
    minutes: float
    speed: float
    behind: Interval | None
    error: float = float("nan")


COLUMNS = (
    *("combination", "runs", "r", "sd", "parameters", "minutes", "sequences_per_second"),
    *("behind", "behind_low", "behind_high", "relative_mse"),
)


def rank(results: Sequence[Result], draws: int = DRAWS, seed: int = 0) -> list[LeaderboardRow]:
    """Ranks the combinations, best first. Combinations with undefined r are last, and are ordered by `LeaderboardRow.error`, lowest first.

    Args:
        results: Results of runs that were validated on the same sequences.
        draws: Number of bootstrap resamples of the validation sequences for the intervals.
        seed: Random seed for the resamples.

    Raises:
        InputError: There are no results, or two runs were validated on different sequences.
    """
    if not results:
        raise InputError("Expected at least one run to rank, got none.")
    for result in results:
        if not np.array_equal(result.measured, results[0].measured, equal_nan=True):
            both = f"{results[0].combination} and {result.combination}"
            raise InputError(f"Expected runs that were validated on the same sequences, got different sequences in {both}.")
    names = list(dict.fromkeys(result.combination for result in results))
    rows = [_row(name, [result for result in results if result.combination == name]) for name in names]
    rows.sort(key=_place, reverse=True)
    order = {row.combination: place for place, row in enumerate(rows)}
    groups = [order[result.combination] for result in results]
    behind = paired_differences(results[0].measured, [result.predicted for result in results], groups, 0, draws, seed)
    return [row._replace(behind=behind.get(place)) for place, row in enumerate(rows)]


def _place(row: LeaderboardRow) -> tuple[bool, float]:
    if not np.isnan(row.r):
        return True, row.r
    return False, -np.inf if np.isnan(row.error) else -row.error


def _row(name: str, results: Sequence[Result]) -> LeaderboardRow:
    r = np.array([_comparable_r(result) for result in results])
    compared = np.where(np.isnan(r), 0, r)
    return LeaderboardRow(
        combination=name,
        each=tuple(r.tolist()),
        r=float(mean_or_zero(r, axis=0)),
        sd=float(compared.std(ddof=1)) if len(r) > 1 and not np.isnan(r).all() else float("nan"),
        parameters=results[0].parameters,
        minutes=float(np.mean([result.seconds for result in results])) / 60,
        speed=float(np.mean([result.speed for result in results])),
        behind=None,
        error=mean_defined([result.error for result in results]),
    )


def _comparable_r(result: Result) -> float:
    """Returns the mean r over the tasks whose measured values are not constant.

    The tasks are the same for all runs, so that the means can be compared.
    """
    possible = varies(result.measured)
    r = task_figures(result.measured[:, possible], result.predicted[:, possible])["r"]
    return float(mean_or_zero(r, axis=0)) if np.isnan(r).any() else result.r


def write_leaderboard(rows: Sequence[LeaderboardRow], sequences: int, failures: Mapping[str, str], folder: Path) -> None:
    """Writes `leaderboard.tsv` and `leaderboard.md`.

    Args:
        rows: Rows of the leaderboard.
        sequences: Number of validation sequences.
        failures: Names of the failed runs, and the reason for each failure. The failures are listed in the Markdown file.
        folder: Folder for the files. Each file appears only when complete.

    Raises:
        DreamkerasError: A file cannot be written.
    """
    write_text(folder / "leaderboard.tsv", _table(rows))
    write_text(folder / "leaderboard.md", _markdown(rows, sequences, failures))


def _table(rows: Sequence[LeaderboardRow]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        figures = (row.r, row.sd, row.parameters, row.minutes, row.speed, *(row.behind or ("", "", "")), row.error)
        writer.writerow([row.combination, len(row.each), *(f"{value:.6g}" if isinstance(value, float) else value for value in figures)])
    return text.getvalue()


def _markdown(rows: Sequence[LeaderboardRow], sequences: int, failures: Mapping[str, str]) -> str:
    lines = [
        "# Leaderboard",
        "",
        "| combination | runs | r | sd | parameters | minutes | sequences per second | best r minus this r (95 % interval) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = "" if np.isnan(row.sd) else f"{row.sd:.4f}"
        r = f"undefined (relative error {row.error:.4g})" if np.isnan(row.r) else f"{row.r:.4f}"
        figures = f"{r} | {spread} | {row.parameters:,} | {row.minutes:.1f} | {row.speed:,.0f}"
        behind = "" if row.behind is None or np.isnan(row.behind.value) else str(row.behind)
        lines.append(f"| {row.combination} | {len(row.each)} | {figures} | {behind} |")
    lines += [
        "",
        f"r is Pearson's r on {counted(sequences, 'validation sequence')}, as the mean over runs with different seeds. sd is the standard",
        "deviation over these runs. The interval is from a paired bootstrap over the validation sequences. The interval covers the",
        "variation between samples of sequences, but not the variation between seeds.",
    ]
    if any(np.isnan(row.r) for row in rows):
        lines += [
            "",
            "r is undefined if all predictions or all measured values are equal, or if there are fewer than two values. Combinations with",
            "undefined r rank last. They are ordered by the squared error divided by the variance of the training values (relative error).",
        ]
    if failures:
        lines += ["", "## Failed runs", "", "| run | reason |", "|---|---|"]
        lines += [f"| {name} | {reason.replace('|', '&#124;')} |" for name, reason in failures.items()]
    return "\n".join(lines) + "\n"
