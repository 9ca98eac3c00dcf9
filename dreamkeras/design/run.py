"""Designs sequences: reads start sequences and constraints, searches for designs, and writes the designs to a folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.design.constraints import Constraints, read_constraints, settle_constraints
from dreamkeras.design.files import write_designs
from dreamkeras.design.goal import Goal, Target, settle_goal
from dreamkeras.design.methods import DEFAULTS, Designs, SearchSettings, design, random_starts
from dreamkeras.design.stepwise import Proposer
from dreamkeras.files.folders import open_folder
from dreamkeras.formats.reading import read_records
from dreamkeras.scoring.insert_length import default_insert_length
from dreamkeras.scoring.manifest import write_manifest
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["DesignChoices", "ProposerOf", "run_design"]

ProposerOf = Callable[[Goal], Proposer]
"""Function that takes a goal and returns a function that proposes edits of designs."""


class DesignChoices(NamedTuple):
    """Options of a search for designs.

    Args:
        target: `"max"`, `"min"`, or a number that predictions should approach.
        models: Run folders or `.onnx` files from which the scorer was loaded. They are listed in the manifest.
        start: File with start sequences. If None, random inserts are used.
        id_column: Column with names, if `start` is a table.
        sequence_column: Column with sequences, if `start` is a table.
        random: Number of random inserts, if `start` is None.
        length: Length of each random insert. If None, the length is the result of `default_insert_length`.
        constraints: TOML file with constraints.
        fields: Constraints from options, which override the constraints in the file.
        task: Name of the task to design for.
        minus: Name of a task whose prediction is subtracted from the prediction of `task`.
        penalty: Factor for the standard deviation over an ensemble's members. The product is subtracted from the objective.
        settings: Settings of the search.
        with_adapters: Whether to include the adapters in the written designs.
        batch_size: Number of windows scored at a time.
    """

    target: Target
    models: tuple[str, ...] = ()
    start: str | None = None
    id_column: str | int | None = None
    sequence_column: str | int | None = None
    random: int = 1
    length: int | None = None
    constraints: str | None = None
    fields: Mapping[str, Any] = {}
    task: str | None = None
    minus: str | None = None
    penalty: float = 0.0
    settings: SearchSettings = DEFAULTS
    with_adapters: bool = False
    batch_size: int = BATCH_SIZE


def run_design(
    choices: DesignChoices,
    scorer: Scorer,
    folder: Path,
    command: str,
    *,
    proposer_of: ProposerOf | None = None,
    progress: Progress | None = None,
) -> Designs:
    """Designs sequences and writes the results to a folder.

    Args:
        choices: Options of the search.
        scorer: The model or ensemble.
        folder: New or empty folder. The files appear in this folder together, when all of them are complete.
        command: Command line, which is recorded in the manifest.
        proposer_of: Function that takes a goal and returns a function that proposes edits. The method `gradient` requires `proposer_of`.
        progress: Called after each batch with the number of windows in the batch.

    Raises:
        DreamkerasError: A file, a start sequence or a constraint is not valid. In this case, no folder is created.
    """
    with open_folder(folder) as unfinished:
        constraints = settle_constraints({**(read_constraints(choices.constraints) if choices.constraints else {}), **choices.fields})
        goal = settle_goal(scorer, choices.target, choices.task, choices.minus, choices.penalty)
        records = _starts(choices, constraints, scorer)
        propose = proposer_of(goal) if proposer_of else None
        designs = design(
            records, scorer, goal, constraints, choices.settings, propose=propose, batch_size=choices.batch_size, progress=progress
        )
        write_designs(unfinished, designs, scorer, with_adapters=choices.with_adapters)
        write_manifest(
            unfinished / "manifest.json", command, choices.models, [path for path in (choices.start, choices.constraints) if path]
        )
        return designs


def _starts(choices: DesignChoices, constraints: Constraints, scorer: Scorer) -> Records:
    if choices.start is None:
        length = default_insert_length(scorer.constructs) if choices.length is None else choices.length
        return random_starts(choices.random, length, constraints, scorer, choices.settings.seed)
    parts = list(read_records(choices.start, id_column=choices.id_column, sequence_column=choices.sequence_column))
    flat = np.concatenate([part.sequences.flat for part in parts])
    lengths = np.concatenate([part.sequences.lengths for part in parts])
    ids = [name for part in parts for name in part.ids]
    return Records(ids, Ragged.from_lengths(flat, lengths), np.concatenate([part.lines for part in parts]), choices.start)
