"""Computes the calibration of a model from training sequences and held-out sequences."""

from typing import Any

import numpy as np

from dreamkeras.confidence.background import SEQUENCES, measure_background
from dreamkeras.confidence.familiarity import measure_familiarity
from dreamkeras.confidence.intervals import Intervals
from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.inserts import find_inserts
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["SAMPLE", "measure_calibration", "sample_inserts"]

SAMPLE = 50_000
"""Maximum number of training sequences that are used in a calibration. From a larger data set, a random sample of this size is drawn."""


def measure_calibration(scorer: Scorer, intervals: Intervals, inserts: Ragged, sequences: int = SEQUENCES) -> dict[str, Any]:
    """Computes all parts of `ModelDescription.calibration` for a model.

    Args:
        scorer: The model or ensemble.
        intervals: Prediction errors on held-out sequences.
        inserts: Inserts of training sequences, as returned by `sample_inserts`.
        sequences: Maximum number of sequences of each distribution of the background.

    Raises:
        InputError: No insert has four known bases in a row.
    """
    return {
        "intervals": intervals.to_json(),
        "background": measure_background(scorer, inserts, sequences=sequences).to_json(scorer.tasks),
        "familiarity": measure_familiarity(inserts).to_json(),
    }


def sample_inserts(examples: Examples, construct: Construct, seed: int = 0) -> Ragged:
    """Returns the inserts of a random sample of at most `SAMPLE` examples, without the adapters and flanks of the construct."""
    rows = np.arange(len(examples))
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), SAMPLE, replace=False))
    inserts = find_inserts(examples.centred().letters[rows], examples.lengths[rows], construct)
    return Ragged.from_lengths(inserts.letters[inserts.within()], (inserts.stops - inserts.starts).astype(np.int64))
