"""A model's calibration, measured on the examples it was trained on and on others."""

from typing import Any

import numpy as np

from dreamkeras.confidence.background import measure_background
from dreamkeras.confidence.familiarity import measure_familiarity
from dreamkeras.confidence.intervals import Intervals
from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.inserts import find_inserts
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["SAMPLE", "measure_calibration", "sample_inserts"]

SAMPLE = 50_000
"""Training sequences that are looked at; of more, so many are drawn."""


def measure_calibration(scorer: Scorer, intervals: Intervals, inserts: Ragged) -> dict[str, Any]:
    """The parts of `ModelDescription.calibration`; `inserts` are those of training sequences, as `sample_inserts` draws them.

    Raises:
        InputError: There is no insert with letters in it.
    """
    return {
        "intervals": intervals.to_json(),
        "background": measure_background(scorer, inserts).to_json(scorer.tasks),
        "familiarity": measure_familiarity(inserts).to_json(),
    }


def sample_inserts(examples: Examples, construct: Construct, seed: int = 0) -> Ragged:
    """The inserts of at most `SAMPLE` of the examples, without adapters and flanks of their construct."""
    rows = np.arange(len(examples))
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), SAMPLE, replace=False))
    inserts = find_inserts(examples.centred().letters[rows], examples.lengths[rows], construct)
    return Ragged.from_lengths(inserts.letters[inserts.within()], (inserts.stops - inserts.starts).astype(np.int64))
