"""Shows how `dreamkeras train` holds out sequences of four simulated libraries, and of published libraries.

The published libraries are in the folder `data/papers` of DREAMKERAS_DATA.

For each library, the script prints the held-out share, the mean and standard deviation of both sets, the number of held-out sequences that
are similar to training sequences, the line that `dreamkeras train` prints, and the CPU time. Run
`python benchmarks/holdouts.py [--rows N] [--holdout auto] [--seeds 0,1]`. The parts of a simulated library are the groups in which its
sequences were made.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from machine import provenance

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table import fitted_layout
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.splits.division import HELD_OUT, Division
from dreamkeras.data.splits.names import HOLDOUTS, LEGACY
from dreamkeras.data.splits.record import describe_folds, record_hold_out

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from libraries import KINDS, library

PAPERS = Path(os.environ.get("DREAMKERAS_DATA", "../shared")) / "data" / "papers"

PUBLISHED = {"sigma70": ("log_tx",), "jores": ("leaf", "proto"), "yeast5utr": ("growth_rate",)}


def published(name, tasks):
    file = str(PAPERS / f"{name}_train.tsv")
    layout = fitted_layout(TableLayout(tasks), [file], "fail")
    return find_assay("table", layout, layout.construct()).read(file, "fail")


def show(name, examples, tasks, options, parts=None):
    """Prints how the examples of a library are held out."""
    print(f"\n## {name}: {len(examples):,} sequences\n")
    for seed in options.seeds:
        start = time.process_time()
        division = Division(seed, HELD_OUT, holdout=options.holdout)
        divided = division.divided(examples, tasks)
        seconds = time.process_time() - start
        record = record_hold_out(divided.method, HELD_OUT, divided.training, divided.validation, tasks)
        print(f"seed {seed}, {seconds:.2f} s: {record.describe()}")
        for task in tasks:
            held, other = record.validation[task], record.training[task]
            print(f"  {task}: held out {held.mean:.3f} (sd {held.sd:.3f}), training {other.mean:.3f} (sd {other.sd:.3f})")
        if parts is not None:
            of_row = dict(zip(examples.ids, parts.tolist(), strict=True))
            known = {of_row[row] for row in divided.training.ids}
            crossing = np.mean([of_row[row] in known for row in divided.validation.ids])
            print(f"  share {record.share:.4f}, {crossing:.1%} of the held-out sequences have a sequence of their part in training")
    drawn, method = Division(options.seeds[0], folds=5, holdout=options.holdout).drawn_folds(examples, tasks)
    print(f"  {describe_folds(drawn.folds, method)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--holdout", choices=(*HOLDOUTS, LEGACY), default="auto")
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1])
    options = parser.parse_args()
    print(provenance())
    for kind in KINDS:
        examples, parts = library(kind, options.rows)
        show(kind, examples, ("value",), options, parts)
    for name, tasks in PUBLISHED.items():
        if (PAPERS / f"{name}_train.tsv").exists():
            show(name, published(name, tasks), tasks, options)


if __name__ == "__main__":
    main()
