"""Predicts the promoters of a FASTA file, with intervals, and finds the base of each one that matters most.

Usage: python user_script.py FILE
"""

import sys

import numpy as np

import dreamkeras
from dreamkeras.confidence.intervals import Intervals
from dreamkeras.errors import DreamkerasError
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.formats.reading import read_records
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.records import Records


def describe(records: Records, model: Scorer) -> list[str]:
    """Returns one tab-separated row for each record: name, prediction, 95 % interval, and the most important base of the insert."""
    predicted: np.ndarray = model.predict(records.sequences)
    low, high = Intervals.of(model).bounds(predicted, 0.95)
    changes = mutagenesis(records, model)
    importance, inserts = changes.importance()[:, 0], changes.inserts
    rows = []
    for number, name in enumerate(records.ids):
        position = int(importance[inserts.offsets[number] : inserts.offsets[number + 1]].argmax())
        values = (f"{array[number, 0]:.4f}" for array in (predicted, low, high))
        rows.append("\t".join([name, *values, str(position + 1), inserts[number][position]]))
    return rows


def main(path: str) -> None:
    """Prints the table."""
    model = dreamkeras.load()
    print("id", "expression", "low", "high", "position", "base", sep="\t")
    for records in read_records(path):
        print(*describe(records, model), sep="\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except DreamkerasError as error:
        sys.exit(f"Error: {error}")
