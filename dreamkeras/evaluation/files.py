"""Writes the folder of an evaluation: metrics as JSON and TSV, predictions, plots, and an HTML report that works offline."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.inserts import find_inserts
from dreamkeras.evaluation.evaluate import Evaluation
from dreamkeras.evaluation.page import evaluation_page
from dreamkeras.files.outputs import naming_output, write_text
from dreamkeras.formats.writers import open_writer
from dreamkeras.plots.evaluation import plot_calibration, plot_intervals
from dreamkeras.plots.style import draw_plots
from dreamkeras.plots.training import plot_predictions, plot_residuals
from dreamkeras.sequence.alphabet import IS_BASE
from dreamkeras.statistics.noise_ceiling import NoiseCeiling

__all__ = ["write_evaluation"]


def write_evaluation(
    folder: Path,
    evaluation: Evaluation,
    examples: Examples,
    predictions: Mapping[str, np.ndarray],
    tasks: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    """Writes `evaluation.json`, `figures.tsv`, `predictions.tsv`, `plots/` and `report.html`, and for DREAM Challenge scores `subsets.tsv`.

    Args:
        folder: Folder for the files. Each file gets its name only when it is complete.
        evaluation: The metrics.
        examples: The sequences with their measurements.
        predictions: Predictions by model, float (n, tasks).
        tasks: Unit of each task, by name of the task.
        notes: Warnings and other notes for the report.

    Raises:
        DreamkerasError: A file cannot be written.
    """
    with naming_output(str(folder)):
        (folder / "plots").mkdir(parents=True, exist_ok=True)
    content = {"sequences": len(examples), "notes": list(notes), **_jsonable(evaluation)}
    write_text(folder / "evaluation.json", json.dumps(content, indent=2) + "\n")
    write_text(folder / "figures.tsv", _figures_table(evaluation))
    if evaluation.scores:
        write_text(folder / "subsets.tsv", _subsets_table(evaluation))
    _write_predictions(folder / "predictions.tsv", examples, predictions, tasks)
    plots = _plot(folder / "plots", evaluation, examples, predictions, tasks)
    write_text(folder / "report.html", evaluation_page(evaluation, len(examples), tasks, plots, notes))


def _jsonable(value: Any) -> Any:
    """Converts NamedTuples to JSON objects and undefined values to null, because JSON has no NaN."""
    if hasattr(value, "_asdict"):
        return {name: _jsonable(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: _jsonable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _figures_table(evaluation: Evaluation) -> str:
    """Returns a table of metrics with one row per model and task.

    The table has columns for peaks, for noise ceilings and for the metrics of kinds of tasks if the evaluation contains them.
    """
    numbers = [f"{figure}{part}" for figure in ("r", "rho", "mse") for part in ("", "_low", "_high")]
    ceilings = NoiseCeiling._fields if evaluation.ceilings else ()
    kinds = evaluation.kind_names
    rows = [("model", "task", *(["windows"] if evaluation.peaks else []), "n", *numbers, *ceilings, *kinds)]
    for windows, part in evaluation.parts().items():
        for model, tasks in part.figures.items():
            for task, found in tasks.items():
                ceiling = _numbers(part.ceilings[task]) if part.ceilings else []
                cells = str(found.n), *_numbers(found.r, found.rho, found.mse), *ceiling
                found_kinds = part.kinds.get(model, {}).get(task, {})
                by_kind = [f"{found_kinds[name]:.6g}" if name in found_kinds else "" for name in kinds]
                rows.append((model, task, *filter(None, [windows]), *cells, *by_kind))
    return _tsv(rows)


def _subsets_table(evaluation: Evaluation) -> str:
    rows = [("model", "subset", "n", "weight", *(f"{figure}{part}" for figure in ("r", "rho") for part in ("", "_low", "_high")))]
    for model, score in evaluation.scores.items():
        rows += [(model, part.subset, str(part.n), f"{part.weight:g}", *_numbers(part.r, part.rho)) for part in score.parts]
    return _tsv(rows)


def _numbers(*intervals: Iterable[float]) -> list[str]:
    return [f"{number:.6g}" for interval in intervals for number in interval]


def _tsv(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(re.sub(r"\s", " ", cell) for cell in row) + "\n" for row in rows)


def _write_predictions(path: Path, examples: Examples, predictions: Mapping[str, np.ndarray], tasks: Iterable[str]) -> None:
    """Writes a table with one row per sequence.

    The columns are the measurements and the predictions of each model. For windows of a genome, the first column is `is_peak`.
    """
    columns = [f"measured_{task}" for task in tasks] + [f"{model}_{task}" for model in predictions for task in tasks]
    kinds = [] if examples.is_peak is None else [examples.is_peak]
    with open_writer(str(path), [*("is_peak" for _ in kinds), *columns], "tsv") as writer:
        writer.write(examples.ids, np.column_stack([*kinds, examples.targets, *predictions.values()]))


def _plot(
    folder: Path, evaluation: Evaluation, examples: Examples, predictions: Mapping[str, np.ndarray], tasks: Mapping[str, str]
) -> dict[str, Path]:
    """Draws all plots of an evaluation. Returns the drawn files by title of the plot, in the order of the report."""
    titles: dict[Path, str] = {}
    plots: dict[Path, Callable[[], None]] = {}
    if evaluation.scores:
        names = [part.subset for part in next(iter(evaluation.scores.values())).parts]
        path = folder / "subsets.png"
        intervals = {model: [part.r for part in score.parts] for model, score in evaluation.scores.items()}
        titles[path] = "Correlation by subset"
        plots[path] = partial(plot_intervals, names, intervals, path, "Pearson's r, 95 % interval")
    content = gc_percent(examples)
    for model, values in predictions.items():
        for column, (task, unit) in enumerate(tasks.items()):
            present = ~np.isnan(examples.targets[:, column])
            pair = examples.targets[present, column], values[present, column]
            # Names are arbitrary texts. Matplotlib would read $ as the beginning of a formula.
            file, labels = re.sub(r"[^\w.+-]+", "_", f"{model}_{task}"), (task.replace("$", r"\$"), unit.replace("$", r"\$"))
            kinds = ("Predictions", "Calibration", "Residuals by length", "Residuals by GC content")
            paths = [folder / f"{file}_{kind.lower().replace(' ', '_')}.png" for kind in kinds]
            plots[paths[0]] = partial(plot_predictions, *pair, paths[0], *labels)
            plots[paths[1]] = partial(plot_calibration, *pair, paths[1], *labels)
            plots[paths[2]] = partial(plot_residuals, examples.lengths[present], *pair, paths[2], *labels)
            plots[paths[3]] = partial(plot_residuals, content[present], *pair, paths[3], *labels, label="GC content of the insert (%)")
            titles |= {path: f"{kind}: {model}, {task}" for kind, path in zip(kinds, paths, strict=True)}
    return {titles[path]: path for path in draw_plots(plots)}


def gc_percent(examples: Examples) -> np.ndarray:
    """Returns the GC content of each insert in per cent, rounded to integers, int64 (n,).

    The GC content of an insert without known bases is 0.
    """
    inserts = find_inserts(examples.letters, examples.lengths, examples.construct)
    within = inserts.within() & IS_BASE[examples.letters]
    strong = np.isin(examples.letters, np.frombuffer(b"GCgc", np.uint8)) & within
    return np.rint(100 * strong.sum(1) / np.maximum(within.sum(1), 1)).astype(np.int64)
