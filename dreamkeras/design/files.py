"""Writes the results of a search for designs to a folder: the designs as a table and as FASTA, and a table of the search steps."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.design.methods import Designs
from dreamkeras.files.outputs import write_text
from dreamkeras.formats.numbers import format_numbers
from dreamkeras.scoring.scorer import Scorer

__all__ = ["design_ids", "write_designs"]


def write_designs(folder: Path, designs: Designs, scorer: Scorer, *, with_adapters: bool = False) -> None:
    """Writes `designs.tsv`, `designs.fa` and `steps.tsv`. Each file gets its name only when it is complete.

    Args:
        folder: Folder for the files.
        designs: The designs.
        scorer: The model. If the model predicts several tasks, each task has its own columns in the table.
        with_adapters: Whether to include adapters in the sequences.

    Raises:
        DreamkerasError: A file cannot be written.
    """
    chosen = designs.sequences if with_adapters else designs.inserts
    texts = [chosen[row] for row in range(len(chosen))]
    ids = design_ids(designs)
    write_text(folder / "designs.tsv", _tsv(_design_rows(designs, ids, texts, scorer)))
    shown = zip(ids, format_numbers(designs.values), texts, strict=True)
    write_text(folder / "designs.fa", "".join(f">{name} prediction={value}\n{text}\n" for name, value, text in shown))
    write_text(folder / "steps.tsv", _tsv(_step_rows(designs)))


def design_ids(designs: Designs) -> list[str]:
    """Returns a name for each design.

    The name consists of the name of the start sequence, with `_` for white space, and the rank among the designs of this start sequence.
    """
    ids, rank, last = [], 0, -1
    for owner in designs.owner.tolist():
        rank, last = (rank + 1 if owner == last else 1), owner
        ids.append(f"{'_'.join(designs.starts[owner].split())}_design_{rank}")
    return ids


def _design_rows(designs: Designs, ids: Sequence[str], texts: Sequence[str], scorer: Scorer) -> Iterator[Sequence[str]]:
    """Yields a header and one row per design. If the model predicts several tasks, each task has its own columns."""
    spread = [] if designs.spread is None else ["sd"]
    single = list(scorer.predicted_columns) if len(scorer.tasks) > 1 else []
    yield ["id", "start", "sequence", "prediction", *spread, "start_prediction", "edits", "objective", *single]
    for row, (name, owner, text) in enumerate(zip(ids, designs.owner.tolist(), texts, strict=True)):
        sd = [] if designs.spread is None else [designs.spread[row]]
        answer, *spreads, before, objective = format_numbers(
            np.array([designs.values[row], *sd, designs.before[owner], designs.objective[row]])
        )
        answers = format_numbers(designs.columns[row]) if single else []
        yield [name, designs.starts[owner], text, answer, *spreads, before, str(designs.edits[row]), objective, *answers]


def _step_rows(designs: Designs) -> Iterator[Sequence[str]]:
    """Yields a header and one row per start sequence and step."""
    yield ["start", "step", "tried", "best", "mean", "edits", "objective"]
    rows, numbers = [], [0] * len(designs.starts)
    for step in designs.steps:
        for owner, tried, best, mean, edits, objective in zip(*(column.tolist() for column in step), strict=True):
            rows.append((owner, numbers[owner], tried, best, mean, edits, objective))
            numbers[owner] += 1
    for owner, number, tried, best, mean, edits, objective in sorted(rows, key=lambda row: row[:2]):
        best, mean, objective = format_numbers(np.array([best, mean, objective]))
        yield [designs.starts[owner], str(number), str(tried), best, mean, str(edits), objective]


def _tsv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue()
