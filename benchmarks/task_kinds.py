"""Compares the default model with scikit-learn models on k-mer counts, for binary values, counts and skewed values.

    python benchmarks/task_kinds.py [--only counts] [-- --epochs 5]

Each run is `dreamkeras train TABLE --assay table ...`, followed by the arguments after `--`. The tables are made of the libraries in the
folder `data/papers` of DREAMKERAS_DATA. The models of scikit-learn are linear models and gradient boosting. They are trained on counts of
1- to 4-mers of the same training rows, and all models are evaluated on the hold-out of the run.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machine import provenance
from papers import PAPERS, counts_of
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegressionCV, PoissonRegressor, RidgeCV
from sklearn.metrics import d2_tweedie_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

PENALTIES = np.logspace(-1, 5, 13)


class Kind(NamedTuple):
    """A kind of task: a library, the value of a row or None to skip it, options, the linear model, the boosted model, and two scores."""

    library: str
    value: Callable[[dict[str, str]], float | None]
    options: tuple[str, ...]
    linear: Any
    boosted: Any
    scores: dict[str, Callable[[np.ndarray, np.ndarray], float]]


def grows(row: dict[str, str]) -> float | None:
    """Returns 1 if the growth rate is above 0, for 5' UTRs with more than 100 reads."""
    return float(float(row["growth_rate"]) > 0) if float(row["t0"]) > 100 else None


def reads(row: dict[str, str]) -> float | None:
    """Returns the reads at the end, for 5' UTRs that had about the same number at the beginning."""
    return float(row["t1"]) if 100 < float(row["t0"]) <= 400 else None


def probability(model: Any, inputs: np.ndarray) -> np.ndarray:
    """Returns the probability of 1, or the prediction of a regression."""
    return model.predict_proba(inputs)[:, 1] if hasattr(model, "predict_proba") else model.predict(inputs)


KINDS = {
    "binary": Kind(
        "yeast5utr",
        grows,
        ("--task-kind", "binary"),
        LogisticRegressionCV(Cs=10, max_iter=2000, l1_ratios=(0,), use_legacy_attributes=False),
        HistGradientBoostingClassifier(random_state=0),
        {
            "AUROC": roc_auc_score,
            "log loss (nats)": lambda truth, found: -float(np.mean(np.log(np.where(truth == 1, found, 1 - found).clip(1e-6)))),
        },
    ),
    "counts": Kind(
        "yeast5utr",
        reads,
        ("--task-kind", "counts"),
        PoissonRegressor(alpha=1.0, max_iter=1000),
        HistGradientBoostingRegressor(loss="poisson", random_state=0),
        {
            "explained Poisson deviance": lambda truth, found: d2_tweedie_score(truth, found, power=1),
            "Spearman's r": lambda truth, found: float(spearmanr(truth, found)[0]),
        },
    ),
    "skewed": Kind(
        "sigma70",
        lambda row: float(row["tx"]),
        ("--transform", "log2"),
        RidgeCV(PENALTIES),
        HistGradientBoostingRegressor(random_state=0),
        {
            "r squared of log2": lambda truth, found: float(np.corrcoef(np.log2(truth), np.log2(found.clip(1e-3)))[0, 1] ** 2),
            "r squared": lambda truth, found: float(np.corrcoef(truth, found)[0, 1] ** 2),
        },
    ),
}


def compare(kind: Kind, folder: Path, extra: list[str]) -> list[str]:
    """Trains the network and the models of scikit-learn. Returns rows of a Markdown table."""
    with (PAPERS / f"{kind.library}_train.tsv").open(newline="") as file:
        valued = [(row["id"], row["sequence"], kind.value(row)) for row in csv.DictReader(file, delimiter="\t")]
    rows = [(name, sequence, value) for name, sequence, value in valued if value is not None]
    table, program = folder / "table.tsv", str(Path(sys.executable).with_name("dreamkeras"))
    table.write_text("id\tsequence\tvalue\n" + "".join(f"{name}\t{sequence}\t{value:g}\n" for name, sequence, value in rows))
    command = [program, "train", str(table), "--assay", "table", "--target-column", "value", *kind.options, "--out", str(folder / "run")]
    subprocess.run([*command, *extra], check=True, capture_output=True)
    with (folder / "run" / "validation.tsv").open(newline="") as file:
        predicted = {row["id"]: float(row["predicted_value"]) for row in csv.DictReader(file, delimiter="\t")}
    inputs, values = counts_of([sequence for _, sequence, _ in rows]), np.array([value for *_, value in rows])
    held_out = np.array([name in predicted for name, *_ in rows])
    truth = values[held_out]
    answers = {"dreamkeras": np.array([predicted[name] for name, *_ in rows if name in predicted])}
    # Linear models and boosting of a skewed value are trained on its logarithm, as the network is.
    fitted = np.log2(values) if "--transform" in kind.options else values
    linear = make_pipeline(FunctionTransformer(np.sqrt), StandardScaler(), kind.linear)
    for title, model in (("linear model", linear), ("boosting", kind.boosted)):
        answer = probability(model.fit(inputs[~held_out], fitted[~held_out]), inputs[held_out])
        answers[title] = np.exp2(answer) if "--transform" in kind.options else answer
    size = f"{kind.library}, {len(rows):,} rows, {len(truth):,} held out"
    return [
        f"| {size} | {score} | {' | '.join(f'{function(truth, answer):.3f}' for answer in answers.values())} |"
        for score, function in kind.scores.items()
    ]


def main() -> None:
    """Prints a Markdown table with two rows for each kind of task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("extra", nargs="*", help="further arguments of dreamkeras train, after --")
    choices = parser.parse_args()
    print(provenance())
    print("\n| kind | table | metric on the hold-out | dreamkeras | linear model | boosting |\n|---|---|---|---|---|---|")
    for name in choices.only:
        with tempfile.TemporaryDirectory() as folder:
            for row in compare(KINDS[name], Path(folder), choices.extra):
                print(f"| {name} {row}", flush=True)


if __name__ == "__main__":
    main()
