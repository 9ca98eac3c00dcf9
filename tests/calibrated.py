"""A scorer with closed-form predictions and a complete calibration, and a writer that keeps rows in memory."""

import numpy as np
from weight_sum import PLAIN, WeightSum

from dreamkeras.confidence.background import measure_background
from dreamkeras.confidence.familiarity import measure_familiarity
from dreamkeras.confidence.intervals import measure_intervals
from dreamkeras.scoring.pipeline import score_records
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

TEXTS = ["ACGTACGTACGT", "CATGCATGTTAA", "ACGTACGTACGT", "ACGT"]
INSERTS = Ragged.from_lengths(np.random.default_rng(0).choice(list(b"ACGT"), 12_000).astype(np.uint8), np.full(1000, 12))


class Knowing(WeightSum):
    """Scorer with a complete calibration."""

    def __init__(self, tasks=2, seed=0, construct=PLAIN):
        super().__init__(construct, tasks, seed)
        sizes = np.tile(np.arange(1.0, 100)[:, None], tasks)
        self.known = {
            "intervals": measure_intervals(sizes, np.zeros_like(sizes), self.tasks).to_json(),
            "background": measure_background(WeightSum(PLAIN, tasks, seed), INSERTS).to_json(self.tasks),
            "familiarity": measure_familiarity(INSERTS).to_json(),
        }

    calibration = property(lambda self: self.known)


class Rows:
    """Writer that keeps rows in memory."""

    def __init__(self):
        self.ids, self.values = [], []

    def write(self, ids, values, labels=()):
        self.ids += ids
        self.values += values.tolist()


def records(texts=TEXTS):
    return [Records([str(i) for i in range(len(texts))], Ragged.from_strings(texts), np.arange(1, len(texts) + 1), "a.fa")]


def scored(scorer, texts=TEXTS, **choices):
    rows = Rows()
    score_records(records(texts), scorer, rows, **choices)
    return np.array(rows.values)
